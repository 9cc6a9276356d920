"""The live view in a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rosey_cli.up.channel import Channel, ChatLine, Playing
from rosey_cli.up.child import State
from rosey_cli.up.journal import Entry, Level
from rosey_cli.up.output import Plain
from rosey_cli.up.snapshot import ProcessState, Snapshot
from rosey_core.text import one_line

_STYLES: Final = {State.READY: "green", State.UNREADY: "yellow", State.RESTARTING: "yellow", State.FAILED: "red"}
_PROBLEM_LINES: Final = 5


class LiveView:
    """Lines while the processes start and stop; between, a picture of the whole that is drawn anew.

    Args:
        console: a terminal.
        title: what runs.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._lines = Plain(console)
        self._live: Live | None = None

    def entry(self, entry: Entry) -> None:
        """Print a line; while the picture is there it shows the problems among them."""
        if self._live is None:
            self._lines.entry(entry)

    def begin(self) -> None:
        """Change to the picture."""
        # Drawn by the caller's loop alone: no thread of Rich's draws between two of its steps.
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False)
        self._live.start()

    def refresh(self, snapshot: Snapshot) -> None:
        """Draw it."""
        if self._live is not None:
            self._live.update(picture(snapshot, self._title), refresh=True)

    def end(self) -> None:
        """Change back to lines."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()


def picture(snapshot: Snapshot, title: str) -> RenderableType:
    """The whole picture, as large as the terminal."""
    channels = sorted(snapshot.channels, key=lambda channel: -len(channel.users))
    layout = Layout()
    layout.split_column(
        Layout(_heading(snapshot, channels, title), size=4),
        Layout(name="room", ratio=1, minimum_size=6),
        Layout(_path(snapshot), size=4),
        Layout(name="bottom", size=len(snapshot.processes) + 4),
    )
    layout["room"].split_row(Layout(_chat(channels), ratio=3), Layout(_users(channels), ratio=1))
    layout["bottom"].split_row(Layout(_processes(snapshot.processes), ratio=3), Layout(_problems(snapshot), ratio=2))
    return layout


def _text(content: str, style: str = "") -> Text:
    # Cropped, since the sign for what was left out is none that every terminal has.
    return Text(one_line(content), style=style, no_wrap=True, overflow="crop")


def _heading(snapshot: Snapshot, channels: Sequence[Channel], title: str) -> RenderableType:
    minutes, seconds = divmod(int(snapshot.seconds), 60)
    where = ", ".join(
        channel.attendance + ("" if channel.connected is None else f", {channel.connected} connected")
        for channel in channels
    )
    playing = next((channel.playing for channel in channels if channel.playing is not None), None)
    return Panel(
        Group(_text(where or "waiting for the channel", "bold"), _now_playing(playing, snapshot.time)),
        title=_text(f"Rosey: {title}"),
        subtitle=_text(f"up {minutes}:{seconds:02}, Ctrl-C ends"),
    )


def _now_playing(playing: Playing | None, now: float) -> RenderableType:
    if playing is None:
        return _text("nothing plays", "dim")
    by = f", queued by {playing.queued_by}" if playing.queued_by else ""
    row = Table.grid(padding=(0, 1))
    elapsed = max(0.0, now - playing.started)
    if not playing.duration:
        row.add_row(_text(f"{playing.title}{by}"))
        return row
    elapsed = min(elapsed, playing.duration)
    row.add_row(
        _text(f"{playing.title}{by}"),
        ProgressBar(total=playing.duration, completed=elapsed, width=20),
        _text(f"{_minutes(elapsed)} of {_minutes(playing.duration)}"),
    )
    return row


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


class _LastLines:
    """As many of the last lines as there is room for."""

    def __init__(self, lines: Sequence[Text]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: object) -> Sequence[Text]:
        height = getattr(options, "height", None) or len(self._lines)
        return self._lines[-height:]


def _chat(channels: Sequence[Channel]) -> RenderableType:
    lines: list[ChatLine] = sorted((line for channel in channels for line in channel.chat), key=lambda line: line.time)
    texts = []
    for line in lines:
        text = Text(time.strftime("%H:%M:%S ", time.localtime(line.time)), "dim", no_wrap=True, overflow="crop")
        if len(channels) > 1:
            text.append(f"[{line.channel}] ", "dim")
        text.append(f"{one_line(line.username)}: ", "bold cyan")
        text.append(one_line(line.message), "default")
        texts.append(text)
    return Panel(_LastLines(texts), title="chat", title_align="left")


def _users(channels: Sequence[Channel]) -> RenderableType:
    names = sorted((name for channel in channels for name in channel.users.values()), key=str.casefold)
    return Panel(Group(*(_text(name) for name in names)), title=f"{len(names)} users", title_align="left")


def _path(snapshot: Snapshot) -> RenderableType:
    counts = [f"{snapshot.per_second:.1f} events/s"]
    counts += [f"{snapshot.published} published"] if snapshot.published is not None else []
    counts += [f"{snapshot.stored} stored"] if snapshot.stored is not None else []
    counts += [f"{snapshot.waiting} waiting"] if snapshot.waiting else []
    counts += [f"{snapshot.held} held back"] if snapshot.held else []
    counts += [f"{snapshot.rejected} rejected"] if snapshot.rejected else []
    latency = snapshot.frame_to_row
    row = "no event yet"
    if latency is not None:
        row = f"frame to row p50 {latency.p50:.1f}, p95 {latency.p95:.1f}, p99 {latency.p99:.1f} ms"
    lines = Group(_text(", ".join(counts)), _text(row))
    return Panel(lines, title="from CyTube to the database", title_align="left")


def _processes(processes: Sequence[ProcessState]) -> RenderableType:
    table = Table(box=None, pad_edge=False, expand=True)
    for heading, justify in (("process", "left"), ("state", "left"), ("CPU", "right"), ("memory", "right"),
                             ("restarts", "right")):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=True, overflow="crop")  # type: ignore[arg-type]
    for process in processes:
        table.add_row(
            process.name,
            Text(process.state.value, _STYLES.get(process.state, "")),
            f"{process.cpu_percent:.0f} %",
            f"{process.rss / 1e6:.0f} MB",
            str(process.restarts),
        )
    return Panel(table, title="processes", title_align="left")


def _problems(snapshot: Snapshot) -> RenderableType:
    now = [Text(one_line(problem), "yellow", overflow="fold") for problem in snapshot.problems]
    past = [
        Text(
            f"{time.strftime('%H:%M:%S', time.localtime(entry.time))} {entry.source}: {entry.text}",
            "red" if entry.level >= Level.ERROR else "dim",
            overflow="fold",
        )
        for entry in reversed(snapshot.journal)
    ]
    lines = [*now, *past][:_PROBLEM_LINES]
    return Panel(Group(*lines) if lines else _text("none", "dim"), title="problems", title_align="left")
