"""How long the bot waits before it tries again."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from rosey_bot.cytube.backoff import Cause, Disconnected, ReconnectPolicy
from rosey_bot.cytube.budget import Place
from rosey_bot.cytube.client import CytubeClient
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.failures import explain_failure
from rosey_bot.cytube.login import ADVICE, Credentials, explain_refusal
from rosey_bot.cytube.sending import Emit
from rosey_bot.cytube.session import KICKS, explain_kick
from rosey_core.channel_status import CAUSES
from tests.unit.bot.harness import Clock


def test_a_lost_connection_is_made_again_after_about_a_second() -> None:
    for chance in (0.0, 0.5, 1.0):
        assert 0.5 <= ReconnectPolicy(chance=lambda chance=chance: chance).delay(Cause.LOST, 0) <= 1.5


@pytest.mark.parametrize("cause", Cause)
def test_waits_grow_to_a_bound(cause: Cause) -> None:
    policy = ReconnectPolicy(chance=lambda: 0.5)
    delays = [policy.delay(cause, failures) for failures in range(2000)]
    assert delays == sorted(delays)
    assert delays[-1] < 1200
    assert delays[0] < delays[-1]


def test_a_rate_limit_is_never_tested_before_ten_seconds() -> None:
    assert ReconnectPolicy(chance=lambda: 0.0).delay(Cause.RATE_LIMITED, 0) >= 10


def test_a_duplicate_login_is_left_alone_for_long() -> None:
    assert ReconnectPolicy(chance=lambda: 0.0).delay(Cause.DUPLICATE_LOGIN, 0) >= 60


def test_waits_vary() -> None:
    assert len({ReconnectPolicy().delay(Cause.LOST, 3) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Duplicate login", Cause.DUPLICATE_LOGIN),
        ("Too many connections from your IP address", Cause.RATE_LIMITED),
        ("Rate limit exceeded", Cause.RATE_LIMITED),
        ("You're banned!", Cause.REFUSED),
        ("You are banned from this channel.", Cause.REFUSED),
        ("Channel could not be loaded: oh no", Cause.REFUSED),
        ("be nice", Cause.KICKED),
        ("", Cause.KICKED),
    ],
)
def test_kicks_are_told_apart(reason: str, cause: Cause) -> None:
    assert explain_kick(reason).cause is cause


def test_every_word_for_a_problem_is_explained() -> None:
    words = {explain_refusal("Rosey", beginning).word for beginning, *_ in ADVICE}
    words |= {explain_kick(beginning).word for beginning, *_ in KICKS}
    assert words | {cause.value for cause in Cause} <= CAUSES.keys()


def test_an_unknown_refusal_is_passed_on() -> None:
    assert "ER_SOMETHING" in str(explain_refusal("Rosey", "ER_SOMETHING: oops"))
    assert "no reason" in str(explain_refusal("Rosey", ""))


def test_secrets_are_not_in_the_representation() -> None:
    assert "hush" not in repr(Credentials("Rosey", "hush", "hush"))


class Deaf:
    """A listener that needs nothing."""

    def connecting(self) -> None: ...

    def joined(self, emit: Emit) -> None: ...

    def logged_in(self) -> None: ...

    async def disconnected(self, cause: Cause | None, last_seen: float | None) -> None: ...


class FailingClient(CytubeClient):
    """A client whose connections fail as the test says, after as long as it says."""

    def __init__(self, clock: Clock, endings: list[tuple[float, Exception]]) -> None:
        self.waits: list[float] = []
        self.clock = clock
        self.endings = endings
        super().__init__(
            server="http://127.0.0.1:1",
            channel="lobby",
            credentials=Credentials(),
            dispatcher=Dispatcher("lobby"),
            listener=Deaf(),
            policy=ReconnectPolicy(chance=lambda: 0.5),
            clock=clock,
            sleep=self.wait,
        )

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def _connection(self, place: Place, *, is_anew: bool = False) -> None:
        if not self.endings:
            raise asyncio.CancelledError
        lasted, error = self.endings.pop(0)
        self.clock.advance(lasted)
        raise error


async def test_failures_in_a_row_wait_longer_and_a_stable_time_forgives_them() -> None:
    lost = Disconnected(Cause.LOST, "connection lost")
    client = FailingClient(Clock(), [(1, lost), (1, lost), (1, lost), (300, lost), (1, lost)])
    with pytest.raises(asyncio.CancelledError):
        await client.run()
    assert client.waits == [1, 2, 4, 1, 2]


async def test_an_unexpected_failure_is_logged_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    client = FailingClient(Clock(), [(0, RuntimeError("bug")), (0, Disconnected(Cause.KICKED, "kicked"))])
    with pytest.raises(asyncio.CancelledError):
        await client.run()
    assert client.waits == [1, 18.75]
    assert "unexpected failure" in caplog.text
    assert client.state.problem == "kicked"


async def ending_with(lasted: list[float], error: Disconnected) -> list[float]:
    """What a bot waits whose stays last so many seconds, and end so."""
    client = FailingClient(Clock(), [(seconds, error) for seconds in lasted])
    with pytest.raises(asyncio.CancelledError):
        await client.run()
    return client.waits


@pytest.mark.parametrize("stay", [1, 70, 290])
async def test_a_kick_loop_comes_to_minutes(stay: float) -> None:
    waits = await ending_with([stay] * 8, explain_kick("be nice"))
    assert waits == sorted(waits)
    assert waits[-1] >= 300


async def test_a_war_of_two_bots_comes_to_a_quarter_of_an_hour() -> None:
    """The other one comes back after a wait like ours: a stay as long as that is no success."""
    waits = [60.0]
    for _ in range(10):
        waits = await ending_with(waits, explain_kick("Duplicate login"))
        waits = [60.0, *waits]
    assert min(waits[6:]) >= 900


async def test_other_failures_do_not_help_a_kick_loop() -> None:
    lost = Disconnected(Cause.LOST, "connection lost")
    kicked = explain_kick("be nice")
    client = FailingClient(Clock(), [(5, kicked), (5, lost)] * 5)
    with pytest.raises(asyncio.CancelledError):
        await client.run()
    assert client.waits[0::2] == sorted(client.waits[0::2])
    assert client.waits[8] >= 240


async def test_a_long_stay_forgives_a_kick() -> None:
    waits = await ending_with([10, 10, 700], explain_kick("be nice"))
    assert waits[2] == waits[0] < waits[1]


def test_a_certificate_is_told_by_what_is_wrong_with_it() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    outer = ConnectionError("Connection error")
    outer.__context__ = error
    failure = explain_failure(outer, "https://cytu.be", None)
    assert failure.cause is Cause.UNTRUSTED
    assert str(failure) == "the certificate of https://cytu.be is not to be trusted: certificate has expired"
