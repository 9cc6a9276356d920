"""The dashboard *Event path latency*: stage by stage from CyTube's frame to the committed row."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import LATE, NAMESPACE, quantile, quantiles, rate
from observability.panels import advice, heat, lines

BOARD: Final = Board(
    name="event-path",
    title="Event path latency",
    meaning="Stage by stage from CyTube's frame to the committed row.",
    panels=[
        advice(
            "Which stage has grown?\n\n"
            "- **Frame to stream**: the way from CyTube, its clock, or *the outbox*, where the bot is busy or may not "
            "send; is the *confirmation* slow, it is NATS or its disk.\n"
            "- **Batch wait**: the database's process is busy, or behind (lag).\n"
            "- **Commit**: the disk of the database.\n\n"
            "Runbooks: RoseyLatencyFastBurn, RoseyIngestLag, RoseyEventsHeldBack."
        ),
        heat(
            "From CyTube's frame to the committed row",
            f"sum by (le) (increase(rosey_database_frame_to_row_seconds_bucket{{{NAMESPACE}}}[$__rate_interval]))",
            "Dark is many. Points are events with a trace.",
        ),
        lines(
            "Stages, 95 %",
            {
                "frame to stream": quantile("rosey_database_frame_to_stream_seconds", NAMESPACE, 0.95),
                "of that the outbox": quantile("rosey_bot_outbox_seconds", NAMESPACE, 0.95),
                "batch wait": quantile("rosey_database_batch_wait_seconds", NAMESPACE, 0.95),
                "commit": quantile("rosey_database_commit_seconds", NAMESPACE, 0.95),
            },
            "Frame to stream, batch wait and commit follow each other; the outbox is the bot's part of the first.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "From the stream to the committed row",
            quantiles("rosey_database_publish_to_row_seconds", NAMESPACE),
            "95 % within 10 ms are promised.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "Kept promise",
            {
                "within 10 ms": f'sum(rate(rosey_database_publish_to_row_seconds_bucket{{{NAMESPACE}, le="0.01"}}'
                "[$__rate_interval]))"
                f" / sum(rate(rosey_database_publish_to_row_seconds_count{{{NAMESPACE}}}[$__rate_interval]))"
            },
            "Share of the events that had their row in time; below 95 % the budget burns.",
            unit="percentunit",
        ),
        lines(
            "Confirmation by the stream",
            quantiles("rosey_bot_ack_seconds", NAMESPACE),
            "From the bot's sending to NATS' word that the event is kept.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "Behind the stream",
            {"{{instance}}": f"rosey_database_ingest_lag_messages{{{NAMESPACE}}}"},
            "Events that wait to be stored.",
        ),
        lines(
            "Behind the stream, in time",
            {"{{instance}}": f"rosey_database_ingest_lag_seconds{{{NAMESPACE}}}"},
            "Age of the event stored last, while others wait.",
            unit="s",
            limits=[(30, "red")],
        ),
        lines(
            "Outbox",
            {
                "held": f"sum(rosey_bot_outbox_depth_messages{{{NAMESPACE}}})",
                "in flight": f"sum(rosey_bot_outbox_in_flight_messages{{{NAMESPACE}}})",
            },
            "Events that the stream has not confirmed.",
        ),
        lines(
            "Oldest in the outbox",
            {"{{instance}}": f"rosey_bot_outbox_oldest_age_seconds{{{NAMESPACE}}}"},
            "Grows while NATS takes nothing.",
            unit="s",
            limits=[(10, "red")],
        ),
        lines(
            "Spool",
            {
                "{{instance}}": f"rosey_bot_spool_size_bytes{{{NAMESPACE}}}",
                "limit of {{instance}}": f"rosey_bot_spool_limit_bytes{{{NAMESPACE}}}",
            },
            "At the limit events are lost.",
            unit="bytes",
        ),
        lines(
            "Outbox at work",
            {
                "sent once more": rate("rosey_bot_outbox_retried_total"),
                "spooled": rate("rosey_bot_outbox_spooled_total"),
                "lost": rate("rosey_bot_outbox_dropped_total"),
            },
            "All 0 while NATS is well.",
            unit="ops",
        ),
        lines(
            "Events in a transaction",
            quantiles("rosey_database_batch_size_events", NAMESPACE),
            "Small when it is quiet, large when it is busy.",
        ),
    ],
)
