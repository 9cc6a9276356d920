"""How a look at a Rosey is shown: as a picture, as lines, as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.text import Text

from rosey_cli.up import view
from rosey_cli.up.output import summary
from rosey_cli.up.report import latency_object
from rosey_cli.up.snapshot import Snapshot
from rosey_core.text import one_line

_SHOWN_PROBLEMS: Final = 6


def picture(snapshot: Snapshot, title: str) -> RenderableType:
    """What is wrong now on top, below it the picture that ``rosey up`` draws."""
    if not snapshot.problems:
        return view.picture(snapshot, title)
    shown = [one_line(problem) for problem in snapshot.problems[:_SHOWN_PROBLEMS]]
    more = len(snapshot.problems) - len(shown)
    shown += [f"and {more} more (--once shows all)"] if more else []
    lines = Group(*(Text(line, "bold yellow", no_wrap=True, overflow="crop") for line in shown))
    layout = Layout()
    layout.split_column(
        Layout(Panel(lines, title="wrong now", title_align="left", border_style="red"), size=len(shown) + 2),
        Layout(view.picture(replace(snapshot, problems=()), title), ratio=1),
    )
    return layout


def as_lines(snapshot: Snapshot) -> list[str]:
    """One look in plain lines: what is wrong first."""
    lines = [f"WRONG: {one_line(problem)}" for problem in snapshot.problems]
    lines.append(summary(snapshot))
    return lines + [
        f"{process.name}: {process.state.value}, CPU {process.cpu_seconds:.1f} s, memory {process.rss / 1e6:.0f} MB"
        for process in snapshot.processes
    ]


def as_object(snapshot: Snapshot) -> dict[str, Any]:
    """One look for programs; times in seconds and milliseconds, what is not known is null."""
    return {
        "time": snapshot.time,
        "ok": not snapshot.problems,
        "problems": list(snapshot.problems),
        "published": snapshot.published,
        "stored": snapshot.stored,
        "waiting": snapshot.waiting if snapshot.stored is not None else None,
        "held": snapshot.held if snapshot.published is not None else None,
        "dropped": snapshot.dropped if snapshot.published is not None else None,
        "dead_letters": snapshot.rejected,
        "events_per_second": round(snapshot.per_second, 3),
        "frame_to_row_ms": latency_object(snapshot.frame_to_row),
        "publish_to_row_ms": latency_object(snapshot.publish_to_row),
        "channels": {
            channel.key: {
                "users": len(channel.users),
                "connected": channel.connected,
                "playing": None if channel.playing is None else channel.playing.title,
            }
            for channel in snapshot.channels
        },
        "processes": [
            {
                "name": process.name,
                "state": process.state.value,
                "cpu_seconds": round(process.cpu_seconds, 3),
                "rss_mb": round(process.rss / 1e6, 1),
            }
            for process in snapshot.processes
        ],
    }
