"""The metrics of the DatabaseService."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from rosey_core.telemetry.metrics import LATENCY_BUCKETS, Backlog, BatchHistogram, Children

SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Events in a batch."""


class DatabaseMetrics:
    """What the DatabaseService tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.backlog = Backlog(registry)
        self.events_stored = Children(
            Counter("rosey_database_events_stored", "Events committed.", ["subject"], registry=registry)
        )
        self.events_rejected = Children(
            Counter(
                "rosey_database_events_rejected",
                "Events that went to the dead letters.",
                ["subject", "reason"],
                registry=registry,
            )
        )
        self.duplicates_ignored = Children(
            Counter("rosey_database_duplicates_ignored", "Events stored before.", ["subject"], registry=registry)
        )
        self.future_timestamps = Counter(
            "rosey_database_future_timestamps", "Events whose time lay too far ahead, corrected.", registry=registry
        )
        self.batch_size = BatchHistogram(
            "rosey_database_batch_size_events", "Events in a transaction.", buckets=SIZE_BUCKETS, registry=registry
        )
        self.commit_seconds = BatchHistogram(
            "rosey_database_commit_seconds",
            "Time of a batch's transaction.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.frame_to_row_seconds = BatchHistogram(
            "rosey_database_frame_to_row_seconds",
            "Time from an event at CyTube to its committed row.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.publish_to_row_seconds = BatchHistogram(
            "rosey_database_publish_to_row_seconds",
            "Time from an event's arrival in the stream to its committed row.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.frame_to_stream_seconds = BatchHistogram(
            "rosey_database_frame_to_stream_seconds",
            "Time from an event at CyTube to its arrival in the stream: the way to the bot, and its outbox.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.batch_wait_seconds = BatchHistogram(
            "rosey_database_batch_wait_seconds",
            "Time from an event's arrival in the stream to the beginning of the transaction that stores it.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.ingest_lag = Gauge(
            "rosey_database_ingest_lag_messages", "Events in the stream and not yet stored.", registry=registry
        )
        self.ingest_lag_seconds = Gauge(
            "rosey_database_ingest_lag_seconds",
            "Age of the event stored last, while others wait; 0 while none does.",
            registry=registry,
        )
        self.gap = Counter(
            "rosey_database_gap_messages", "Events gone from the stream before they were stored.", registry=registry
        )
        self.stored_position = Gauge(
            "rosey_database_stored_position", "The stream sequence up to which events are stored.", registry=registry
        )
        self.consumer_restarts = Children(
            Counter("rosey_database_consumer_restarts", "Consumers made anew.", ["reason"], registry=registry)
        )
        self.standby = Gauge("rosey_database_standby", "1 while another instance does the work.", registry=registry)
        self.requests = Children(
            Counter("rosey_database_requests", "Requests answered.", ["subject", "outcome"], registry=registry)
        )
        self.request_seconds = Children(
            Histogram(
                "rosey_database_request_seconds",
                "Time from a request's arrival to its answer.",
                ["subject"],
                buckets=LATENCY_BUCKETS,
                registry=registry,
            )
        )
        self.bad_requests = Children(
            Counter("rosey_database_bad_requests", "Requests that could not be read.", ["subject"], registry=registry)
        )
        self.api_requests = Children(
            Counter(
                "rosey_database_api_requests",
                "Requests of the HTTP API answered or refused.",
                ["route", "status"],
                registry=registry,
            )
        )
        self.api_request_seconds = Children(
            Histogram(
                "rosey_database_api_request_seconds",
                "Time from a request's arrival over HTTP to its answer.",
                ["route"],
                buckets=LATENCY_BUCKETS,
                registry=registry,
            )
        )
        self.size = Gauge(
            "rosey_database_size_bytes", "Size of the database, with its write-ahead log.", registry=registry
        )
        self.log_size = Gauge("rosey_database_wal_size_bytes", "Size of the write-ahead log.", registry=registry)
        self.disk_free = Gauge(
            "rosey_database_disk_free_bytes", "Bytes left on the disk of the database.", registry=registry
        )
        self.rows = Children(
            Gauge(
                "rosey_database_rows",
                "Rows of a table: counted at the beginning and after each sweep, between what was added to that.",
                ["table"],
                registry=registry,
            )
        )
        self.checkpoints = Children(
            Counter(
                "rosey_database_checkpoints",
                "Times that the write-ahead log was moved into the database: done or failed.",
                ["outcome"],
                registry=registry,
            )
        )
        self.checkpoint_seconds = Counter(
            "rosey_database_checkpoint_seconds", "Time that checkpoints took.", registry=registry
        )
        self.maintenance = Children(
            Counter("rosey_database_maintenance", "Sweeps of old rows: done or failed.", ["outcome"], registry=registry)
        )
        self.maintenance_seconds = Counter(
            "rosey_database_maintenance_seconds", "Time that sweeps of old rows took.", registry=registry
        )
        self.rows_swept = Children(
            Counter("rosey_database_rows_swept", "Rows deleted since they were too old.", ["table"], registry=registry)
        )
