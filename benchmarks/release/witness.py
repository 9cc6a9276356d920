"""Whether a release's metrics and traces tell what was measured.

Every event of a load is traced. Then there are three accounts of it: what was read back, the histograms, and the spans.
What was read back knows of each row two moments between which it came. The spans tell one, which has to lie between
them; so it is not taken on trust, and with it the load's own clock gives each event's time. What the histograms say is
held against that.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.histogram import Histogram
from benchmarks.otlp_receiver import OtlpReceiver
from benchmarks.outcome import NONE_LOST, Outcome
from benchmarks.release.reading import Distribution, Reading, Source
from benchmarks.release.target import Said
from rosey_core import subjects
from rosey_core.telemetry import tracing_names as names
from rosey_core.telemetry.tracing import TraceContext

STORED: Final = "rosey_database_events_stored_total"
LATENCY: Final = "rosey_database_frame_to_row_seconds"
PROCESSED: Final = names.span(names.PROCESS, subjects.MESSAGE_LOG)

MEANS_PERCENT: Final = 10.0
BUCKETS: Final = 1
SLACK_S: Final = 0.005
"""A service notes the time of a commit in its event loop, so a moment after somebody may have read the row."""
SPANS_TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.1


@dataclass(frozen=True)
class Account:
    """What is told of the events of one load.

    Attributes:
        stored: lines that the metrics say were stored.
        others: events of other kinds that they say were stored meanwhile.
        latency: seconds from the event to its row, as the metrics say.
        rows: for each event's id the moments at which its row was there, as the traces say; ``None`` without traces.
    """

    stored: float
    others: float
    latency: Distribution
    rows: dict[str, list[float]] | None


class Witness:
    """Asks a release what it tells of a load.

    Args:
        source: its metrics.
        receiver: takes its traces, where it exports them to here.
    """

    def __init__(self, source: Source, receiver: OtlpReceiver | None) -> None:
        self._source = source
        self._receiver = receiver
        self._before: Reading | None = None

    def trace(self) -> str:
        """A new trace, for one event."""
        return TraceContext(random.getrandbits(128) | 1, random.getrandbits(64) | 1).traceparent

    async def begin(self) -> None:
        """From now on is what is compared."""
        if self._receiver is not None:
            self._receiver.spans.clear()
        self._before = await self._source.read()

    async def account(self, count: int) -> Account:
        """What is told since then, of so many lines."""
        assert self._before is not None, "nothing has begun"
        rows = None if self._receiver is None else await self._rows(self._receiver, count)
        before, after = self._before, await self._source.read()
        stored, everything = (
            after.total(STORED, **labels) - before.total(STORED, **labels)
            for labels in ({"subject": subjects.MESSAGE_LOG}, {})
        )
        latency = after.distribution(LATENCY) - before.distribution(LATENCY)
        return Account(stored, everything - stored, latency, rows)

    async def _rows(self, receiver: OtlpReceiver, count: int) -> dict[str, list[float]]:
        end = time.monotonic() + SPANS_TIMEOUT_S
        while len(receiver.named(PROCESSED)) < count and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        rows: dict[str, list[float]] = {}
        for span in receiver.named(PROCESSED):
            rows.setdefault(str(span.attributes[names.MESSAGE_ID]), []).append(span.end)
        return rows


@dataclass(frozen=True)
class Look:
    """What was read back of one event; times in Unix seconds.

    Attributes:
        stamped: the time that the event carries.
        unseen: when its row was not there yet.
        seen: when it was.
    """

    event: str
    stamped: float
    unseen: float
    seen: float


class Comparison:
    """Holds what the release tells beside what was measured, in rows of an outcome.

    Attributes:
        wrong: what does not agree, in sentences.

    Args:
        outcome: gets the rows; where anything does not agree, one of them fails.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.wrong: list[str] = []
        self._outcome = outcome

    def add(self, said: Sequence[Said], account: Account) -> None:
        """Compare all that was said in a load with the account of it."""
        sent = sum(len(one.ids) for one in said)
        looks = [
            Look(*values) for one in said for values in zip(one.ids, one.stamped, one.unseen, one.seen, strict=False)
        ]
        latency = account.latency
        self._check("metrics: lines stored, more or fewer than sent", "events", abs(account.stored - sent), 0)
        self._check("metrics: events of others meanwhile", "events", account.others, 0)
        self._check("metrics: latencies counted, more or fewer than sent", "events", abs(latency.count - sent), 0)
        if looks and latency.count:
            self._bracket(latency, looks)
        if account.rows is not None:
            self._traces(sent, looks, latency, account.rows)
        self._outcome.figure("figures that do not agree", "figures", [float(len(self.wrong))], required=NONE_LOST)

    def _bracket(self, latency: Distribution, looks: Sequence[Look]) -> None:
        """The histogram lies between when rows were looked for in vain and when they were seen."""
        low = Histogram(look.unseen - look.stamped for look in looks)
        high = Histogram(look.seen - look.stamped for look in looks)
        outside = max(low.mean - latency.mean, latency.mean - high.mean, 0.0)
        self._check("metrics: mean beyond what was seen", "%", 100 * outside / latency.mean, MEANS_PERCENT)
        told = latency.bucket(99)
        nearest = min(max(told, latency.place(low.percentile(99))), latency.place(high.percentile(99)))
        self._check("metrics: p99 beyond what was seen", "buckets", abs(told - nearest), BUCKETS)

    def _traces(
        self, sent: int, looks: Sequence[Look], latency: Distribution, rows: Mapping[str, Sequence[float]]
    ) -> None:
        """Each event is traced once, to a moment at which its row may have come; the histogram is that of these."""
        self._check("traces: events, more or fewer than sent", "events", abs(sum(map(len, rows.values())) - sent), 0)
        told = [(look, rows[look.event][0]) for look in looks if look.event in rows]
        self._check("traces: events without one", "events", sent - len(told), 0)
        impossible = sum(not look.unseen - SLACK_S <= row <= look.seen + SLACK_S for look, row in told)
        self._check("traces: rows that came before or after they can have", "events", impossible, 0)
        own = Histogram(row - look.stamped for look, row in told)
        if told and latency.count:
            apart = abs(latency.mean - own.mean) / own.mean
            self._check("metrics: mean apart from that of the events", "%", 100 * apart, MEANS_PERCENT)
            buckets = abs(latency.bucket(99) - latency.place(own.percentile(99)))
            self._check("metrics: p99 apart from that of the events", "buckets", buckets, BUCKETS)

    def _check(self, metric: str, unit: str, value: float, limit: float) -> None:
        self._outcome.figure(metric, unit, [value])
        if value > limit:
            self.wrong.append(f"{metric}: {value:.4g} {unit}, above {limit:g}")
