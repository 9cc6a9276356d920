"""The order of sending, and what is in flight."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rosey_bot.publish.message import OVERHEAD, Message
from rosey_bot.publish.window import IN_FLIGHT, Delivery, Window


def make_window(*, in_flight: int = 4, in_flight_bytes: int = 1 << 20, capacity: int = 100) -> Window:
    return Window(in_flight=in_flight, in_flight_bytes=in_flight_bytes, capacity=capacity, capacity_bytes=1 << 20)


def fill(window: Window, count: int, payload: bytes = b"") -> list[Delivery]:
    deliveries = [Delivery(Message(str(index), b"", payload), float(index)) for index in range(count)]
    for delivery in deliveries:
        window.add(delivery)
    return deliveries


def take(window: Window) -> list[str]:
    taken = []
    while (delivery := window.next(0.0)) is not None:
        taken.append(delivery.message.subject)
    return taken


def test_one_knocks_until_the_window_is_opened() -> None:
    window = make_window()
    deliveries = fill(window, 6)
    assert take(window) == ["0"]
    window.settle(deliveries[0])
    window.open()
    assert take(window) == ["1", "2", "3", "4"]
    assert window.in_flight == 4


def test_rewinding_sends_the_unacknowledged_again_first_and_in_order() -> None:
    window = make_window()
    deliveries = fill(window, 6)
    window.open()
    assert take(window) == ["0", "1", "2", "3"]
    window.settle(deliveries[1])
    window.rewind()
    assert window.in_flight == 0
    assert take(window) == ["0"]
    window.open()
    assert take(window) == ["2", "3", "4"]
    assert [delivery.sendings for delivery in deliveries] == [2, 1, 2, 2, 1, 0]


def test_a_late_acknowledgement_spares_the_second_sending() -> None:
    window = make_window()
    deliveries = fill(window, 4)
    window.open()
    take(window)
    window.rewind()
    window.settle(deliveries[0])
    window.settle(deliveries[1])
    window.open()
    assert take(window) == ["2", "3"]
    assert window.oldest is deliveries[2]


def test_bytes_in_flight_are_bounded_and_a_larger_message_goes_alone() -> None:
    window = make_window(in_flight_bytes=2 * OVERHEAD + 100)
    deliveries = fill(window, 3)
    window.open()
    assert take(window) == ["0", "1"]
    huge = Delivery(Message("huge", b"", b"x" * 10_000), 9.0)
    window.add(huge)
    window.settle(deliveries[0])
    window.settle(deliveries[1])
    assert take(window) == ["2"]
    window.settle(deliveries[2])
    assert take(window) == ["huge"]
    window.settle(huge)
    assert (window.bytes, len(window), window.in_flight) == (0, 0, 0)


def test_it_is_full_by_number_and_by_bytes() -> None:
    window = make_window(capacity=2)
    fill(window, 1)
    assert not window.is_full
    fill(window, 1)
    assert window.is_full
    heavy = make_window()
    assert not heavy.is_full
    fill(heavy, 1, b"x" * (1 << 20))
    assert heavy.is_full


def test_the_oldest_is_what_was_accepted_first() -> None:
    window = make_window()
    assert window.oldest is None
    deliveries = fill(window, 3)
    assert window.oldest is deliveries[0]
    window.next(0.0)
    assert window.oldest is window.oldest_in_flight is deliveries[0]


def test_a_token_finds_its_delivery_until_it_is_settled() -> None:
    window = make_window()
    (delivery,) = fill(window, 1)
    assert window.find(delivery.token) is delivery
    window.settle(delivery)
    assert window.find(delivery.token) is None


@given(st.lists(st.sampled_from(["add", "send", "settle", "rewind", "open"]), max_size=200), st.randoms())
def test_whatever_happens_first_sendings_are_in_order_and_sums_agree(steps: list[str], random) -> None:  # type: ignore[no-untyped-def]
    window = make_window(in_flight=5)
    unsettled: list[Delivery] = []
    first_sendings: list[float] = []
    added = 0
    for step in steps:
        if step == "add":
            delivery = Delivery(Message("s", b"", b""), float(added))
            added += 1
            window.add(delivery)
            unsettled.append(delivery)
        elif step == "send":
            sent = window.next(0.0)
            if sent is not None:
                # Whatever is older is settled or in flight: nothing new goes before what is in doubt.
                assert all(other.state == IN_FLIGHT for other in unsettled if other.accepted_at < sent.accepted_at)
                if sent.sendings == 1:
                    first_sendings.append(sent.accepted_at)
        elif step == "settle" and unsettled:
            delivery = random.choice(unsettled)
            unsettled.remove(delivery)
            window.settle(delivery)
        elif step == "rewind":
            window.rewind()
        elif step == "open":
            window.open()
        assert len(window) == len(unsettled)
        assert window.bytes == OVERHEAD * len(unsettled)
        assert 0 <= window.in_flight <= 5
    assert first_sendings == sorted(first_sendings)
