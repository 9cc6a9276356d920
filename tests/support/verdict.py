"""What became of events that were published: lost, doubled, reordered."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamState

from rosey_core import events, streams
from tests.support.waiting import until

_EXAMPLES = 10


@dataclass(frozen=True)
class Verdict:
    """How what is stored differs from what was published: all three are 0 where the path is sound.

    Attributes:
        sent: events that were published.
        lost: events that are not stored.
        doubled: events that are stored or counted more than once.
        reordered: events that are stored behind one which was published later in their channel.
        examples: some of them, for whoever looks for the reason.
    """

    sent: int = field(default=0, compare=False)
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    examples: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or reordered."""
        return self == CLEAN


CLEAN = Verdict()


async def stored_events(client: Client) -> list[events.Event]:
    """Every event of the event stream, in its order."""
    js = client.jetstream(timeout=1)

    async def state() -> StreamState | None:
        # What is asked while the client does not know yet that the server is gone is never answered.
        with contextlib.suppress(nats.errors.Error):
            return (await js.stream_info(streams.EVENTS)).state
        return None

    last = (await until(state, timeout=20)).messages
    found: list[events.Event] = []

    async def take(message: Msg) -> None:
        found.append(events.decode(message.subject, message.data)[0])

    subscription = await js.subscribe("", stream=streams.EVENTS, cb=take, ordered_consumer=True)
    await until(lambda: len(found) >= last, timeout=20)
    await subscription.unsubscribe()
    return found


def judge(published: Sequence[events.Event], stored: Sequence[events.Event]) -> Verdict:
    """Compare what was published, in its order, with what is stored."""
    times = Counter(_ids(stored))
    wanted = list(_ids(published))
    place = {event_id: index for index, event_id in enumerate(wanted)}
    reordered = []
    furthest: dict[str | None, int] = {}
    for event in stored:
        index = place.get(event.event_id or "")
        if index is None:
            continue
        if index < furthest.get(event.channel, -1) and times[event.event_id or ""] == 1:
            reordered.append(event.event_id or "")
        furthest[event.channel] = max(index, furthest.get(event.channel, -1))
    lost = [event_id for event_id in wanted if not times[event_id]]
    doubled = [event_id for event_id in wanted if times[event_id] > 1]
    examples = (*lost, *doubled, *reordered)[:_EXAMPLES]
    return Verdict(len(wanted), len(lost), len(doubled), len(reordered), examples)


def _ids(some: Iterable[events.Event]) -> Iterable[str]:
    return (event.event_id or "" for event in some)
