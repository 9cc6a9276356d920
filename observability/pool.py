"""The dashboard *Rosey pool*: bots that share their channels, who has how many, and what moved and why."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import NAMESPACE, NONE, rate
from observability.panels import advice, figure, lines

BOARD: Final = Board(
    name="pool",
    title="Rosey pool",
    meaning="Bots that share their channels: who has how many, and what moved and why.",
    panels=[
        advice(
            "- **Channels that nobody has**: `rosey channel list` says what each waits for; where it is a place, the "
            "pool's address is full (runbook RoseyBotOutOfRoom).\n"
            "- **A lease that runs out**: that bot cannot reach NATS, or had no processor for seconds; it is silent "
            "until it can, or until another has its channels.\n"
            "- **Takeovers** without a pod that was killed: a machine stood still, or the network was cut."
        ),
        figure(
            "Bots",
            f"max(rosey_bot_pool_workers{{{NAMESPACE}}}){NONE}",
            "As the bot sees it that sees most.",
        ),
        figure(
            "Channels that nobody has",
            f"min(rosey_bot_pool_unheld_channels{{{NAMESPACE}}}){NONE}",
            "As the bot sees it that sees best.",
            limits=[(1, "red")],
        ),
        figure(
            "Bots without a lease",
            f"count(rosey_bot_pool_lease_valid{{{NAMESPACE}}} == 0){NONE}",
            "They are silent in their rooms.",
            limits=[(1, "red")],
        ),
        figure(
            "Leases that ran out in an hour",
            f"sum(increase(rosey_bot_pool_lapses_total{{{NAMESPACE}}}[1h])){NONE}",
            "Each is a time in which a bot neither answered nor posted.",
            limits=[(1, "orange")],
        ),
        figure(
            "Takeovers in an hour",
            f"sum(increase(rosey_bot_pool_takeovers_total{{{NAMESPACE}}}[1h])){NONE}",
            "Bots that were found dead by others.",
            limits=[(1, "orange")],
        ),
        figure(
            "Moves in an hour",
            f"sum(increase(rosey_bot_pool_moves_total{{{NAMESPACE}}}[1h])){NONE}",
            "Channels given away for evenness.",
        ),
        lines(
            "Channels of each bot",
            {"{{pod}} {{instance}}": f"rosey_bot_pool_channels{{{NAMESPACE}}}{NONE}"},
            "Even, as far as addresses and turns allow.",
        ),
        lines(
            "Leases that ran out",
            {"{{pod}} {{instance}}": rate("rosey_bot_pool_lapses_total", by="pod, instance")},
            "Each is a time in which a bot neither answered nor posted.",
            unit="ops",
        ),
        lines(
            "Takeovers",
            {"bots found dead": rate("rosey_bot_pool_takeovers_total")},
            "By others of the pool.",
            unit="ops",
        ),
        lines(
            "Moves",
            {"channels given away": rate("rosey_bot_pool_moves_total")},
            "For evenness, after bots have come.",
            unit="ops",
        ),
    ],
)
