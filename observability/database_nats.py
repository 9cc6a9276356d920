"""The dashboard *Rosey database and NATS*: what storing and asking cost, and whether the parts reach each other."""

from __future__ import annotations

from typing import Final

from observability.board import Board
from observability.expressions import LATE, NAMESPACE, quantile, quantiles, rate
from observability.panels import advice, lines

BOARD: Final = Board(
    name="database-nats",
    title="Rosey database and NATS",
    meaning="What storing and asking cost, and whether the parts reach each other.",
    panels=[
        advice(
            "- **Disk**: below 1 GB nothing is certain; runbook RoseyDatabaseDiskFilling.\n"
            "- **Write-ahead log** above 64 MB for long: somebody reads in one long transaction; "
            "RoseyCheckpointsFailing.\n"
            "- **All stand by**: RoseyDatabaseOnlyStandsBy. **Without NATS**: `rosey doctor`; RoseyNatsDisconnected.\n"
            "- NATS' own figures: `nats stream info`, or its Prometheus exporter."
        ),
        lines(
            "Connected to NATS",
            {"{{instance}}": f"rosey_bus_connected{{{NAMESPACE}}}"},
            "1 for each process that is.",
        ),
        lines(
            "Connections to NATS made anew",
            {"{{instance}}": f"increase(rosey_bus_reconnects_total{{{NAMESPACE}}}[$__rate_interval])"},
            "A restart of NATS makes one in each process.",
        ),
        lines(
            "Stored",
            {"{{subject}}": rate("rosey_database_events_stored_total", by="subject")},
            "Events by subject.",
            unit="ops",
        ),
        lines(
            "Commit",
            quantiles("rosey_database_commit_seconds", NAMESPACE),
            "Time of a transaction with all of its events.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "Questions",
            {"{{subject}}: {{outcome}}": rate("rosey_database_requests_total", by="subject, outcome")},
            "Requests answered, by outcome.",
            unit="ops",
        ),
        lines(
            "Time to an answer",
            {
                "{{subject}}": quantile("rosey_database_request_seconds", NAMESPACE, 0.95, by="subject")
                + " >= 0 or on () vector(0)"
            },
            "95 % within; 10 ms are promised.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "Asked over HTTP",
            {"{{route}}: {{status}}": rate("rosey_database_api_requests_total", by="route, status")},
            "Requests of the HTTP API, by status: 4xx are the programs' faults, 5xx the service's.",
            unit="ops",
        ),
        lines(
            "Time to an answer over HTTP",
            {
                "{{route}}": quantile("rosey_database_api_request_seconds", NAMESPACE, 0.95, by="route")
                + " >= 0 or on () vector(0)"
            },
            "95 % within.",
            unit="s",
            limits=LATE,
        ),
        lines(
            "Size",
            {
                "database": f"max(rosey_database_size_bytes{{{NAMESPACE}}})",
                "write-ahead log": f"max(rosey_database_wal_size_bytes{{{NAMESPACE}}})",
            },
            "On disk.",
            unit="bytes",
        ),
        lines(
            "Left on the disk",
            {"{{instance}}": f"rosey_database_disk_free_bytes{{{NAMESPACE}}}"},
            "Of the database's disk.",
            unit="bytes",
        ),
        lines(
            "Checkpoints",
            {"{{outcome}}": rate("rosey_database_checkpoints_total", by="outcome")},
            "Twice a second the write-ahead log is moved into the database.",
            unit="ops",
        ),
        lines(
            "Time of checkpoints and sweeps",
            {
                "checkpoints": rate("rosey_database_checkpoint_seconds_total"),
                "sweeps": rate("rosey_database_maintenance_seconds_total"),
            },
            "Share of the time that they take.",
            unit="percentunit",
        ),
        lines(
            "Rows",
            {"{{table}}": f"max by (table) (rosey_database_rows{{{NAMESPACE}}})"},
            "By table; those with a retention stop growing when it is reached.",
        ),
        lines(
            "Rows swept",
            {
                "rows of {{table}}": rate("rosey_database_rows_swept_total", by="table"),
                "sweeps, {{outcome}}": rate("rosey_database_maintenance_total", by="outcome"),
            },
            "Rows that were older than their retention; once an hour.",
            unit="ops",
        ),
        lines(
            "Standing by",
            {"{{instance}}": f"rosey_database_standby{{{NAMESPACE}}}"},
            "One instance stores: 0; all others stand by: 1.",
        ),
        lines(
            "Stored position",
            {"{{instance}}": f"rosey_database_stored_position{{{NAMESPACE}}}"},
            "How far the stream is stored; must rise while events come.",
        ),
        lines(
            "Accidents",
            {
                "gone from the stream": rate("rosey_database_gap_messages_total"),
                "dead letters": rate("rosey_database_events_rejected_total"),
                "dated too far ahead": rate("rosey_database_future_timestamps_total"),
                "requests that cannot be read": rate("rosey_database_bad_requests_total"),
                "reading begun anew": rate("rosey_database_consumer_restarts_total"),
            },
            "All 0 in good times.",
            unit="ops",
        ),
        lines(
            "Processor",
            {"{{instance}}": f"rate(process_cpu_seconds_total{{{NAMESPACE}}}[$__rate_interval])"},
            "Cores.",
        ),
        lines(
            "Memory",
            {"{{instance}}": f"process_resident_memory_bytes{{{NAMESPACE}}}"},
            "Resident.",
            unit="bytes",
        ),
    ],
)
