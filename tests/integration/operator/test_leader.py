"""The lease: at most one acts, whatever stops it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from rosey_operator.kubernetes.api import ApiError, Kubernetes
from rosey_operator.kubernetes.leader import ABANDONED, DURATION, MARGIN, Leader
from tests.support.clock import MovableClock
from tests.support.kubernetes_api import KubernetesApi

Make = Callable[[str], Leader]


@pytest.fixture
async def make(api: KubernetesApi, clock: MovableClock) -> AsyncIterator[Make]:
    """Make candidates, which ask when the test says so."""
    kubernetes = Kubernetes(clock=clock)

    def make(identity: str) -> Leader:
        return Leader(kubernetes, namespace="chat", name="rosey", identity=identity, clock=clock, wall_clock=clock)

    yield make
    await kubernetes.close()


async def test_the_first_has_it_and_keeps_it(make: Make, clock: MovableClock) -> None:
    one, two = make("one"), make("two")
    for _ in range(10):
        await one._try()
        await two._try()
        assert (one.leads, two.leads) == (True, False)
        assert two.holder == "one"
        clock.move(DURATION / 3)


async def test_one_that_is_killed_is_followed_when_its_lease_is_over_and_not_before(
    make: Make, clock: MovableClock
) -> None:
    one, two = make("one"), make("two")
    await one._try()
    await two._try()
    clock.move(DURATION - 0.1)
    await two._try()
    assert (one.leads, two.leads) == (False, False), "it gives up before another may begin"
    clock.move(0.2)
    await two._try()
    assert two.leads
    await one._try()
    assert not one.leads


async def test_the_same_pod_takes_its_own_lease_up_at_once(make: Make) -> None:
    await make("one")._try()
    again = make("one")
    await again._try()
    assert again.leads


async def test_a_lease_of_long_ago_is_waited_for_by_nobody(make: Make, clock: MovableClock) -> None:
    await make("one")._try()
    clock.move(ABANDONED + 1)
    two = make("two")
    await two._try()
    assert two.leads


async def test_one_that_leaves_gives_it_up(make: Make) -> None:
    one, two = make("one"), make("two")
    await one._try()
    await one._release()
    await one._release()
    assert not one.leads
    await two._try()
    assert two.leads


async def test_one_that_cannot_renew_it_acts_no_more(make: Make, api: KubernetesApi, clock: MovableClock) -> None:
    one = make("one")
    await one._try()
    api.refuse["PUT", "leases"] = 403
    with pytest.raises(ApiError, match="leases is forbidden"):
        await one._try()
    assert one.leads
    clock.move(DURATION - MARGIN)
    assert not one.leads


async def test_broken_variant_that_counts_from_the_answer_acts_when_another_may(
    make: Make, clock: MovableClock
) -> None:
    """A lease counted from when the answer came: one that was slow to come lets two act at once."""
    one, two = make("one"), make("two")
    asked = clock()
    await one._try()
    await two._try()
    clock.move(DURATION - 0.1)
    one._gain(clock())
    clock.move(0.2)
    await two._try()
    assert two.leads
    assert one.leads, "the variant is not broken"
    one._held_until = 0.0
    one._gain(asked)
    assert not one.leads
