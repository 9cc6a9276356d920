"""A pool in fair weather: even shares, few moves, quick hand-overs; and single rules that chance seldom tries."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from rosey_bot.pool.member import Member
from rosey_bot.pool.plan import Want
from rosey_bot.pool.turns import Pace, Ticket
from rosey_bot.pool.writes import Write
from rosey_core import leases
from rosey_core.leases import Claim, Garbage, Place, Record, Session, Turn
from tests.unit.bot_pool import variants
from tests.unit.bot_pool.limits import PLENTY, TTL, Limits
from tests.unit.bot_pool.node import Node
from tests.unit.bot_pool.world import World


def world(channels: int, workers: int, limits: Limits | None = None, make: type[Member] = Member) -> World:
    """A pool that is in peace, its channels shared out."""
    world = World(1, channels=channels, limits=limits or Limits(), make=make)
    world.loss = 0.0
    for _ in range(workers):
        start(world)
    world.run(5 * TTL)
    return world


def start(world: World) -> Node:
    node = world.start()
    node.delay = 0.002
    node.rate = 1.0
    return node


def moved(world: World, before: Mapping[str, list[str]]) -> int:
    return sum(world.actors(channel) != before[channel] for channel in world.wants)


def placed(world: World) -> dict[str, list[str]]:
    return {channel: world.actors(channel) for channel in world.wants}


@pytest.mark.parametrize(("channels", "workers"), [(1, 3), (7, 2), (12, 3), (13, 4), (100, 4)])
def test_shares_are_even(channels: int, workers: int) -> None:
    pool = world(channels, workers)
    loads = pool.loads()
    assert sum(loads) == channels
    assert loads[-1] - loads[0] <= 1


def test_a_worker_that_comes_gets_its_share_and_nothing_else_moves() -> None:
    pool = world(12, 3)
    before = placed(pool)
    start(pool)
    pool.run(pool.now + 5 * TTL)
    assert pool.loads() == [3, 3, 3, 3]
    assert moved(pool, before) == 3
    after = placed(pool)
    pool.run(pool.now + 5 * TTL)
    assert placed(pool) == after


def test_a_worker_that_comes_gets_its_share_one_after_the_other() -> None:
    """Where processors are busy, those who join at once wait for each other."""
    pool = world(12, 3)
    newcomer = start(pool)
    began: list[float] = []
    while len(began) < 3:
        pool.run(pool.now + 0.01)
        if len(newcomer.acting) > len(began):
            began.append(pool.now)
        assert len(newcomer.acting) == len(began)
    assert all(after - before > TTL / 12 for before, after in itertools.pairwise(began))


def test_only_what_a_dead_worker_had_goes_elsewhere() -> None:
    pool = world(12, 4)
    before = placed(pool)
    dead = pool.nodes[0]
    dead.crash()
    died_at = pool.now
    while len([actors for actors in placed(pool).values() if actors]) < 12:
        pool.run(pool.now + 0.05)
    assert pool.now - died_at < TTL + 0.8
    assert moved(pool, before) == 3
    assert pool.loads() == [4, 4, 4]


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
def test_a_worker_that_comes_back_at_once_is_not_waited_for(seconds: float) -> None:
    """It holds nothing, but may not take anything yet."""
    pool = world(12, 4)
    dead = pool.nodes[0]
    dead.crash()
    died_at = pool.now
    pool.run(died_at + seconds)
    pool.start(dead.name)
    while len([actors for actors in placed(pool).values() if actors]) < 12:
        pool.run(pool.now + 0.05)
    assert pool.now - died_at < TTL + 0.8


def test_a_worker_that_comes_back_under_its_name_gets_back_what_it_had() -> None:
    pool = world(4, 2)
    before = placed(pool)
    for node in pool.nodes:
        node.crash()
    for name in ("w2", "w1"):
        pool.start(name)
    pool.run(pool.now + 4 * TTL)
    assert placed(pool) == before


@pytest.mark.parametrize("seconds", [1.0, TTL, 10 * TTL])
def test_after_a_time_without_nats_everybody_has_what_he_had(seconds: float) -> None:
    pool = world(6, 3)
    before, entered = placed(pool), pool.story.acts
    for place, node in enumerate(pool.nodes):
        node.cut()
        pool.later(seconds + 0.5 * place, node.heal)
    pool.run(pool.now + seconds)
    assert pool.story.acts == entered
    assert any(placed(pool).values()) == (seconds < TTL)
    pool.run(pool.now + 5 * TTL)
    assert placed(pool) == before
    assert sum(node.member.takeovers for node in pool.nodes) == 0


class JudgesAtOnce(Member):
    """Whoever has been away himself takes those for dead who were away with him."""

    def _end_silent(self, now: float, since: float) -> None:
        super()._end_silent(now, float("-inf"))


def test_broken_variant_that_judges_at_once_after_an_outage() -> None:
    pool = world(6, 3, make=JudgesAtOnce)
    for place, node in enumerate(pool.nodes):
        node.cut()
        pool.later(2 * TTL + 0.9 * place, node.heal)
    pool.run(pool.now + 7 * TTL)
    assert sum(node.member.takeovers for node in pool.nodes) > 0


def test_a_worker_that_goes_hands_over_without_a_gap() -> None:
    pool = world(9, 3)
    before = placed(pool)
    going = pool.nodes[0]
    session = leases.session_key(going.member.session or "")
    going.run(going.member.drain, going.now)
    gaps: dict[str, float] = dict.fromkeys(pool.wants, 0.0)
    while going.is_running:
        pool.run(pool.now + 0.01)
        for channel in pool.wants:
            gaps[channel] += 0.01 * (not pool.actors(channel))
    pool.run(pool.now + 1)
    assert moved(pool, before) == 3
    assert max(gaps.values()) < 0.5 + 0.05 + 0.1, "the rooms here take up to 0.5 s to leave and 0.05 s to join"
    assert pool.store.entries[session][0] is None


def test_a_worker_that_goes_waits_for_those_to_be_taken_that_it_has_left() -> None:
    """Where processors are busy, more would be without a worker at a time, and for longer."""
    pool = world(36, 3)
    going, *others = pool.nodes
    going.run(going.member.drain, going.now)
    pool.run(pool.now + 0.1)
    for node in others:
        node.pause(0.8)
    pool.run(pool.now + 0.8)
    assert len(going.acting) == 12 - 4
    pool.run(pool.now + 0.6)
    assert len(going.acting) < 12 - 4
    pool.run(pool.now + 4.0)
    assert not going.is_running
    assert all(placed(pool).values())


def test_the_last_worker_leaves_everything_at_once() -> None:
    pool = world(3, 1)
    [last] = pool.nodes
    last.run(last.member.drain, last.now)
    pool.run(pool.now + 1)
    assert not last.is_running
    records = [record for record, _ in pool.store.entries.values()]
    assert not any(isinstance(record, Session | Claim | Place) for record in records)


def test_what_has_no_place_waits_and_says_so() -> None:
    pool = world(5, 2, Limits(connections=3))
    assert sum(pool.loads()) == 3
    [reporter] = [node for node in pool.nodes if node.member.reports(node.now)]
    assert list(reporter.member.waiting.values()) == ["a place: cytube allows an address 3"] * 2
    # Whoever comes from another address has places of its own.
    pool.groups = ("elsewhere",)  # type: ignore[misc]
    start(pool)
    pool.run(pool.now + 2 * TTL)
    assert sum(pool.loads()) == 5
    assert not reporter.member.waiting


def test_a_draining_worker_waits_for_turns_of_those_who_come() -> None:
    pool = world(3, 2, Limits(connect=Pace(1, 2.0)))
    pool.run(pool.now + 20)
    going = max(pool.nodes, key=lambda node: len(node.acting))
    going.run(going.member.drain, going.now)
    pool.run(pool.now + 0.5)
    assert len(going.acting) == 1, "the second waits inside until somebody may connect"
    pool.run(pool.now + 5)
    assert not going.is_running


class Bench:
    """One member, whose writes the test answers."""

    def __init__(self, make: type[Member] = Member) -> None:
        names = itertools.count(1)
        self.member = make("w", lambda: str(next(names)), connections=2, paces={"connect": PLENTY, "guest": PLENTY})
        self.member.want({"lobby": Want("cytube")})
        self.revision = 100
        self.now = 50.0
        self.stored: dict[str, tuple[Record | None, int]] = {}

    def load(self, entries: Mapping[str, tuple[Record | None, int]] | None = None) -> None:
        self.member.loaded(entries or {}, self.now)

    def step(self, *, confirm: bool = True, seconds: float = 0.8) -> list[Write]:
        self.now += seconds
        writes = self.member.step(self.now)
        for write in writes if confirm else ():
            self.revision += 1
            self.stored[write.key] = (write.record, self.revision)
            self.member.confirmed(write, self.revision, self.now)
        return writes

    def settle(self) -> None:
        for _ in range(4):
            self.step(seconds=0.1)

    def look_on(self) -> None:
        """Let the time pass in which nothing is begun."""
        assert self.step(seconds=TTL / 2) == []
        self.now += TTL / 2

    def go_in(self) -> None:
        self.load()
        self.look_on()
        self.settle()
        assert self.member.rooms(self.now) == {"lobby"}
        self.member.entered("lobby")


@pytest.mark.parametrize("make", [Member, variants.UsesWhatItGaveUp])
def test_what_it_has_tried_to_delete_is_never_its_own_again(make: type[Member]) -> None:
    """The deletion may be on its way still."""
    bench = Bench(make)
    bench.go_in()
    bench.member.want({})
    assert bench.member.rooms(bench.now) == set()
    bench.member.left("lobby")
    [deletion] = [write for write in bench.step(confirm=False, seconds=0.1) if write.record is None]
    bench.member.refused(deletion, bench.now)
    bench.member.want({"lobby": Want("cytube")})
    is_wrong = make is not Member
    assert (bench.member.rooms(bench.now) == {"lobby"}) == is_wrong
    assert bench.member.acts("lobby", bench.now) == is_wrong
    bench.settle()
    bench.step(seconds=1.1)
    bench.settle()
    assert bench.member.acts("lobby", bench.now)


def test_nothing_is_held_before_all_has_been_seen_and_after_it_was_lost() -> None:
    bench = Bench()
    assert bench.step() == []
    bench.go_in()
    assert bench.member.acts("lobby", bench.now)
    bench.member.interrupted()
    assert bench.step(seconds=1.0) == []
    assert bench.member.acts("lobby", bench.now)
    bench.step(seconds=2.0)
    assert not bench.member.acts("lobby", bench.now)
    assert bench.member.rooms(bench.now) == {"lobby"}, "it stays in silence"
    # What the server knew is gone.
    bench.load()
    assert bench.member.session is None
    assert bench.member.rooms(bench.now) == {"lobby"}
    bench.look_on()
    bench.settle()
    assert bench.member.acts("lobby", bench.now)


def test_it_leaves_when_it_sees_that_another_has_the_channel() -> None:
    bench = Bench()
    bench.go_in()
    key = leases.session_key(bench.member.session or "")
    other = Session(worker="o", group="", ttl=3, beat=1)
    bench.member.observe(key, None, 900, bench.now)
    assert bench.member.rooms(bench.now) == {"lobby"}
    bench.member.observe(leases.session_key("o-1"), other, 901, bench.now)
    bench.member.observe(leases.claim_key("lobby"), Claim(session="o-1", worker="o"), 902, bench.now)
    assert bench.member.rooms(bench.now) == set()


def test_a_holder_of_whom_nothing_is_known_is_ended_after_a_time() -> None:
    bench = Bench()
    bench.load({leases.claim_key("lobby"): (Claim(session="lost-1", worker="lost"), 7)})
    keys = [write.key for _ in range(5) for write in bench.step(seconds=0.5)]
    assert leases.session_key("lost-1") not in keys
    keys = [write.key for _ in range(8) for write in bench.step(seconds=0.5)]
    assert leases.session_key("lost-1") in keys
    assert bench.member.acts("lobby", bench.now)


def test_what_no_version_knows_is_no_claim() -> None:
    bench = Bench()
    bench.load({leases.claim_key("lobby"): (Garbage(), 7), "channel.a.b": (Garbage(), 8), "?": (Garbage(), 9)})
    bench.look_on()
    bench.settle()
    assert bench.member.acts("lobby", bench.now)
    assert isinstance(leases.decode(leases.claim_key("lobby"), b"{"), Garbage)
    assert isinstance(leases.decode("odd.key", b"{}"), Garbage)
    claim = Claim(session="a-1", worker="a")
    assert leases.decode(leases.claim_key("lobby"), leases.encode(claim)) == claim


def test_a_channel_that_moves_to_another_server_is_claimed_anew() -> None:
    bench = Bench()
    bench.go_in()
    bench.member.want({"lobby": Want("elsewhere")})
    assert bench.member.rooms(bench.now) == set()
    bench.member.left("lobby")
    for _ in range(3):
        bench.settle()
    assert bench.member.rooms(bench.now) == {"lobby"}
    place = bench.member.view.place_of(bench.member.session or "", "lobby")
    assert place is not None
    assert place[0] == Want("elsewhere").budget("")


def test_a_server_that_goes_back_by_a_second_is_not_noticed_in_the_rooms() -> None:
    pool = world(6, 3)
    before, acts = placed(pool), pool.story.acts
    pool.store.lose(1.0)
    for node in pool.nodes:
        node.cut()
        pool.later(0.2, node.heal)
    while pool.now < 9 * TTL:
        pool.run(pool.now + 0.05)
        assert placed(pool) == before
    assert pool.story.acts == acts
    assert sum(node.member.takeovers for node in pool.nodes) == 0


@pytest.mark.parametrize("make", [Member, variants.BeginsAtOnce])
def test_what_a_server_that_went_back_says_is_its_own_again_it_leaves_alone_for_a_time(make: type[Member]) -> None:
    """Another may have had it since, and not know yet that this is forgotten."""
    bench = Bench(make)
    bench.go_in()
    stored = dict(bench.stored)
    bench.member.want({})
    bench.member.left("lobby")
    for _ in range(3):
        bench.settle()
    assert bench.member.view.owner("lobby") is None
    bench.member.want({"lobby": Want("cytube")})
    bench.load(stored)
    is_wrong = make is not Member
    assert bench.member.acts("lobby", bench.now) == is_wrong
    assert (bench.member.rooms(bench.now) == {"lobby"}) == is_wrong
    for _ in range(4):
        bench.step()
    assert bench.member.rooms(bench.now) == {"lobby"}
    assert bench.member.acts("lobby", bench.now)


def test_what_it_acts_for_and_the_server_has_forgotten_it_claims_again_at_once() -> None:
    bench = Bench()
    bench.go_in()
    session = leases.session_key(bench.member.session or "")
    bench.load({session: bench.stored[session]})
    assert bench.member.rooms(bench.now) == {"lobby"}
    bench.settle()
    assert bench.member.acts("lobby", bench.now)


@pytest.mark.parametrize("beat", [7, 8])
def test_a_revision_that_comes_a_second_time_is_news_where_its_record_is_another(beat: int) -> None:
    bench = Bench()
    other = leases.session_key("o-1")
    bench.load({other: (Session(worker="o", group="", ttl=3, beat=7), 50)})
    bench.now += 0.5
    bench.load({other: (Session(worker="o", group="", ttl=3, beat=beat), 50)})
    assert bench.member.view.sessions["o-1"][1] == (bench.now if beat == 8 else 50.0)


def test_a_place_that_a_session_before_could_not_give_back_is_taken_all_the_same() -> None:
    bench = Bench()
    bench.go_in()
    bench.member.want({})
    bench.member.left("lobby")
    for write in bench.step(confirm=False, seconds=0.1):
        bench.member.refused(write, bench.now)
    bench.member.observe(leases.session_key(bench.member.session or ""), None, 900, bench.now)
    bench.revision = 900
    bench.member.want({"lobby": Want("cytube")})
    for _ in range(3):
        bench.step(seconds=1.0)
        bench.settle()
    assert bench.member.acts("lobby", bench.now)


def test_those_who_wait_take_the_turns_that_there_are_with_one_write() -> None:
    bench = Bench()
    bench.go_in()
    granted: list[int] = []
    for number in range(3):
        bench.member.turns.ask(Ticket("some", "connect", lambda number=number: granted.append(number)))
    writes = [write for write in bench.step(seconds=0.1) if write.key == leases.turn_key("some", "connect")]
    assert len(writes) == 1
    assert granted == [0, 1, 2]
    assert writes[0].record == Turn(level=PLENTY.burst - 3)
