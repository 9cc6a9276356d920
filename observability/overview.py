"""The dashboard *Rosey overview*: is it working, is anything lost, what is slow."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import ANY_IS_BAD, LATE, NAMESPACE, quantile, quantiles, rate
from observability.panels import advice, figure, lines

BOARD: Final = Board(
    name="overview",
    title="Rosey overview",
    meaning="Is it working, is anything lost, what is slow.",
    panels=[
        advice(
            "All green: it works. **Red**: the firing alert names its runbook (`docs/runbooks`); without alerts ask "
            "`rosey doctor`.\n\n"
            "- *Not ready* or *without NATS*: `/readyz` of the process says what is missing.\n"
            "- *Held back* grows: the stream takes nothing: *Database and NATS*. *Waiting* grows: the database is "
            "slow: *Event path latency*.\n"
            "- *Lost* is final. *Dead letters* are kept: `rosey dlq list`."
        ),
        figure(
            "Alerts firing",
            'count(ALERTS{alertname=~"Rosey.*", alertstate="firing"}) or vector(0)',
            "Rules of observability/alerts that fire now.",
            limits=ANY_IS_BAD,
        ),
        figure(
            "Bots",
            f'count(rosey_build_info{{{NAMESPACE}, service="rosey-bot"}}) or vector(0)',
            "Bots that answer Prometheus; none means that nothing is on record.",
        ),
        figure(
            "Database services",
            f'count(rosey_build_info{{{NAMESPACE}, service="rosey-database"}}) or vector(0)',
            "Database services that answer Prometheus.",
        ),
        figure(
            "Not ready",
            f"count(rosey_health_ready{{{NAMESPACE}}} == 0) or vector(0)",
            "Processes that cannot do what they are for.",
            limits=ANY_IS_BAD,
        ),
        figure(
            "Without NATS",
            f"count(rosey_bus_connected{{{NAMESPACE}}} == 0) or vector(0)",
            "Processes that are not connected.",
            limits=ANY_IS_BAD,
        ),
        figure(
            "Rooms left",
            f"count(rosey_bot_connected{{{NAMESPACE}}} == 0) or vector(0)",
            "Rooms in which the bot should be, and is not.",
            limits=ANY_IS_BAD,
        ),
        figure(
            "Held back",
            f"sum(rosey_bot_outbox_depth_messages{{{NAMESPACE}}}) or vector(0)",
            "Events in the bots that the stream has not confirmed.",
            limits=[(100, "orange"), (10_000, "red")],
        ),
        figure(
            "Waiting",
            f"sum(rosey_database_ingest_lag_messages{{{NAMESPACE}}}) or vector(0)",
            "Events in the stream that are not stored.",
            limits=[(1000, "orange"), (10_000, "red")],
        ),
        figure(
            "Lost in a day",
            f"(sum(increase(rosey_bot_outbox_dropped_total{{{NAMESPACE}}}[1d])) or vector(0))"
            f" + (sum(increase(rosey_bot_events_invalid_total{{{NAMESPACE}}}[1d])) or vector(0))"
            f" + (sum(increase(rosey_database_gap_messages_total{{{NAMESPACE}}}[1d])) or vector(0))",
            "Dropped by bots, or gone from the stream before they were stored.",
            limits=[(0.5, "red")],
        ),
        figure(
            "Dead letters",
            f"sum(rosey_database_events_rejected_total{{{NAMESPACE}}}) or vector(0)",
            "Events that could not be stored, since the processes began.",
            limits=[(1, "orange")],
        ),
        figure(
            "95 % stored within",
            quantile("rosey_database_publish_to_row_seconds", NAMESPACE, 0.95),
            "From the stream to the committed row; 10 ms are promised.",
            unit="s",
            limits=LATE,
        ),
        figure(
            "95 % from CyTube within",
            quantile("rosey_database_frame_to_row_seconds", NAMESPACE, 0.95),
            "From CyTube's time of the event to the committed row; its clock is CyTube's.",
            unit="s",
            limits=[(0.5, "orange"), (2, "red")],
        ),
        lines(
            "Events",
            {
                "published": rate("rosey_bot_events_published_total"),
                "stored": rate("rosey_database_events_stored_total"),
                "stored before": rate("rosey_database_duplicates_ignored_total"),
                "dead letters": rate("rosey_database_events_rejected_total"),
            },
            "Published and stored should lie on each other.",
            unit="ops",
        ),
        lines(
            "From CyTube's frame to the committed row",
            quantiles("rosey_database_frame_to_row_seconds", NAMESPACE),
            "Where it grows, the event path's dashboard says in which stage.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "Checks that fail",
            {"{{instance}}: {{check}}": f"rosey_health_check{{{NAMESPACE}}} == 0 or on () vector(0)"},
            "A line at 0 with a name is a check that fails.",
        ),
        lines(
            "Commands",
            {"{{outcome}}": rate("rosey_bot_commands_total", by="outcome")},
            "What moderators asked of the bot.",
            unit="ops",
        ),
    ],
)
