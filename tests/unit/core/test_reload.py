"""Changes of the configuration at run time: applied where they can be, told where not; broken ones change nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from rosey_core.config import Config, load
from rosey_core.config.reload import Reload
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("restored_logging")

INTERVAL = 0.01


class Service:
    """What is reloaded: a file, and what was made of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.registry = CollectorRegistry()
        self.applied: list[Config] = []
        self.error: Exception | None = None
        file.write_text("")
        self.reload = Reload(load(file, {}), lambda: load(file, {}), self.registry, interval=INTERVAL)
        self.reload.offer(self._apply, ["platforms", "bot.user_cooldown"], unused=["stream"])

    async def _apply(self, config: Config) -> None:
        if self.error is not None:
            raise self.error
        self.applied.append(config)

    async def write(self, text: str) -> None:
        self.file.write_text(text)
        await self.reload.reload()

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("rosey_configuration_reloads_total", {"outcome": outcome}) or 0

    @property
    def in_force(self) -> float | None:
        return self.registry.get_sample_value("rosey_configuration_in_force")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.reload.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path / "rosey.yaml")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("rosey_core.config")]


async def test_what_changes_while_the_service_starts_is_applied_when_it_can_be(tmp_path: Path) -> None:
    file = tmp_path / "rosey.yaml"
    file.write_text("")
    applied: list[Config] = []

    async def apply(config: Config) -> None:
        applied.append(config)

    reload = Reload(load(file, {}), lambda: load(file, {}), CollectorRegistry(), interval=INTERVAL)
    file.write_text("platforms: [{channel: lobby}]")
    await reload.reload()
    task = asyncio.create_task(reload.run())
    reload.offer(apply, ["platforms"])
    await until(lambda: applied)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [platform.key for platform in applied[0].channels] == ["lobby"]


async def test_what_goes_wrong_in_reading_ends_no_watch(tmp_path: Path) -> None:
    readings: list[str] = []

    def read() -> Config:
        readings.append("read")
        if len(readings) == 1:
            raise MemoryError
        return Config()

    reload = Reload(Config(), read, CollectorRegistry(), interval=INTERVAL)
    task = asyncio.create_task(reload.run())
    reload.ask()
    await until(lambda: len(readings) == 1)
    reload.ask()
    await until(lambda: len(readings) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_can_be_applied_is(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await service.write("platforms: [{channel: lobby}]\nbot: {user_cooldown: 3}\n")
    (config,) = service.applied
    assert [platform.key for platform in config.channels] == ["lobby"]
    assert lines(caplog) == ["configuration: reloaded: bot.user_cooldown, platforms"]
    assert (service.count("applied"), service.in_force) == (1, 1)


async def test_the_log_level_is_applied_here(service: Service) -> None:
    logging.getLogger().setLevel(logging.INFO)
    await service.write("logging: {level: error}\n")
    assert logging.getLogger().level == logging.ERROR


async def test_what_waits_for_a_restart_is_told_by_its_key_each_time(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for text in ("nats: {url: 'a:1'}\nhealth: {port: 9}\n", "nats: {url: 'a:1'}\n"):
        await service.write(text)
    assert lines(caplog) == [
        "configuration: takes effect after a restart only: health.port, nats.url",
        "configuration: takes effect after a restart only: nats.url",
    ]
    assert service.applied == []


async def test_what_it_never_reads_is_nothing_to_it(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await service.write("stream: {replicas: 3}\n")
    assert lines(caplog) == ["configuration: read again, and nothing that matters here has changed"]
    assert service.applied == []


async def test_a_broken_file_changes_nothing_and_is_told(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    await service.write("platforms: [{channel: lobby, password: hunter22}]\nbot: {user_cooldown: soon}\n")
    assert service.applied == []
    (line,) = lines(caplog)
    assert "the one before stays in force" in line
    assert "line 2: bot.user_cooldown: should be a valid number" in line
    assert "hunter22" not in line
    assert (service.count("refused"), service.in_force) == (1, 0)
    await service.write("platforms: [{channel: lobby}]\n")
    assert len(service.applied) == 1
    assert (service.count("applied"), service.in_force) == (1, 1)


async def test_a_service_that_fails_to_apply_it_is_asked_again(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.error = RuntimeError("made up")
    await service.write("platforms: [{channel: lobby}]\nlogging: {level: error}\n")
    assert "not applied, the one before stays in force: made up" in lines(caplog)[0]
    assert (service.count("failed"), service.in_force) == (1, 0)
    service.error = None
    await service.reload.reload()
    assert [config.channels[0].key for config in service.applied] == ["lobby"]
    assert service.in_force == 1


async def test_new_warnings_are_told_once(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("shell: {port: 1}\n", "shell: {port: 2}\n"):
        await service.write(text)
    assert [line for line in lines(caplog) if "shell" in line] == ["configuration: shell: this Rosey does not use it"]


async def test_a_changed_file_is_read_by_itself(service: Service) -> None:
    async with service.running():
        service.file.write_text("platforms: [{channel: lobby}]\n")
        await until(lambda: len(service.applied) == 1)
        service.file.with_suffix(".new").write_text("platforms: []\n")
        service.file.with_suffix(".new").replace(service.file)
        await until(lambda: len(service.applied) == 2)


async def test_a_file_that_is_gone_for_a_moment_is_read_when_it_is_back(service: Service) -> None:
    async with service.running():
        service.file.unlink()
        await until(lambda: service.count("refused") == 1)
        service.file.write_text("platforms: [{channel: lobby}]\n")
        await until(lambda: len(service.applied) == 1)


async def test_a_changed_secret_in_a_file_of_its_own_is_a_change(service: Service, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("first1")
    await service.write("platforms: [{channel: lobby, user: rosey, password: '${file:password}'}]\n")
    async with service.running():
        secret.write_text("second")
        await until(lambda: len(service.applied) == 2)
    assert service.applied[1].secrets() == {"second"}


async def test_asking_needs_no_change_of_a_file(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async with service.running():
        service.reload.ask()
        await until(lambda: service.count("applied") == 1)


async def test_a_file_that_is_being_written_waits_until_it_is_whole(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    read_at: list[int] = []

    def stamp() -> tuple[int, ...]:
        looks.append(min(len(looks), 5))
        return (looks[-1],)

    def read() -> Config:
        read_at.append(looks[-1])
        return load(None, {})

    monkeypatch.setattr(service.reload, "_stamp", stamp)
    monkeypatch.setattr(service.reload, "_load", read)
    async with service.running():
        await until(lambda: len(looks) > 12)
    assert read_at == [5], "once, when it changed no more"


async def test_what_it_refers_to_may_come_later(service: Service, tmp_path: Path) -> None:
    password = tmp_path / "password"
    platform = f"{{channel: lobby, user: Rosey, password: '${{file:{password}}}'}}"
    async with service.running():
        service.file.write_text(f"platforms: [{platform}]")
        await until(lambda: service.count("refused") == 1)
        password.write_text("hunter22")
        await until(lambda: service.applied)
    assert service.count("refused") == 1
    assert service.in_force == 1
