"""The dashboard *Rosey channel*: one room: who is there, what is said, what plays, what the bot was told."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import CHANNEL, NAMESPACE, quantile, rate
from observability.panels import advice, figure, lines

BOARD: Final = Board(
    name="channel",
    title="Rosey channel",
    meaning="One room: who is there, what is said, what plays, what the bot was told.",
    variables={"channel": f"rosey_bot_connected{{{NAMESPACE}}}"},
    panels=[
        advice(
            "- **Not in the room**: `rosey channel list` says what the bot waits for; *connections lost* says why it "
            "left. Runbook: RoseyBotOutOfRoom.\n"
            "- **Messages wait long**: CyTube limits how fast one may write; fewer answers help, haste does not.\n"
            "- **Commands end in errors**: `rosey audit --channel NAME` shows each with what came of it."
        ),
        figure(
            "In the room",
            f"min(rosey_bot_connected{{{CHANNEL}}})",
            "1 while the bot is in all the rooms that are chosen.",
            unit="bool_yes_no",
        ),
        figure("Users", f"sum(rosey_bot_room_users{{{CHANNEL}}})", "With a name."),
        figure(
            "Connections", f"sum(rosey_bot_room_connections{{{CHANNEL}}})", "As CyTube counts them, late by up to 10 s."
        ),
        figure(
            "Now playing", f"max(rosey_bot_room_playing{{{CHANNEL}}})", "Whether something plays.", unit="bool_yes_no"
        ),
        figure("Playlist", f"sum(rosey_bot_room_playlist_items{{{CHANNEL}}})", "Items."),
        figure(
            "Connections lost in an hour",
            f"sum(increase(rosey_bot_reconnects_total{{{CHANNEL}}}[1h])) or vector(0)",
            "Each is a gap in the record.",
            limits=[(1, "orange"), (5, "red")],
        ),
        lines(
            "Users over time",
            {
                "users of {{channel}}": f"rosey_bot_room_users{{{CHANNEL}}}",
                "connections to {{channel}}": f"rosey_bot_room_connections{{{CHANNEL}}}",
            },
            "Connections without a name are guests that only watch.",
        ),
        lines(
            "Chat",
            {
                "lines in {{channel}}": rate("rosey_bot_frames_total", f'{CHANNEL}, event="chatMsg"', by="channel"),
                "private messages in {{channel}}": rate(
                    "rosey_bot_frames_total", f'{CHANNEL}, event="pm"', by="channel"
                ),
            },
            "Commands are private messages.",
            unit="ops",
        ),
        lines(
            "In the room, over time",
            {"{{channel}}": f"rosey_bot_connected{{{CHANNEL}}}"},
            "0 while what happens is not on record.",
        ),
        lines(
            "Connections lost",
            {"{{channel}}: {{reason}}": rate("rosey_bot_reconnects_total", CHANNEL, by="channel, reason")},
            "By reason.",
            unit="ops",
        ),
        lines(
            "Frames",
            {"{{event}}": f"topk(10, {rate('rosey_bot_frames_total', CHANNEL, by='event')})"},
            "What CyTube sends, the ten most frequent.",
            unit="ops",
        ),
        lines(
            "Channels that wait",
            {"{{reason}}": f"sum by (reason) (rosey_bot_waiting_channels{{{NAMESPACE}}})"},
            "Of all channels: for a turn that CyTube allows their address, or to try again.",
        ),
        lines(
            "Commands, of all channels",
            {"{{command}}: {{outcome}}": rate("rosey_bot_commands_total", by="command, outcome")},
            "By name and outcome.",
            unit="ops",
        ),
        lines(
            "Time to an answer, of all channels",
            {
                "{{command}}": quantile("rosey_bot_command_seconds", NAMESPACE, 0.95, by="command")
                + " >= 0 or on () vector(0)"
            },
            "95 % within; 1 s is promised for statistics.",
            unit="s",
            limits=[(1, "red")],
        ),
        lines(
            "Wait for CyTube's rate limit, of all channels",
            {
                "95 %": quantile("rosey_bot_throttle_wait_seconds", NAMESPACE, 0.95) + " >= 0 or on () vector(0)",
            },
            "Messages that the bot holds since it may not write faster.",
            unit="s",
        ),
        lines(
            "Plug-ins that fail, of all channels",
            {"{{plugin}}: {{reason}}": rate("rosey_bot_plugin_failures_total", by="plugin, reason")},
            "0 unless a plug-in does something wrong.",
            unit="ops",
        ),
    ],
)
