"""The sections of the configuration, their types, defaults and bounds."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ByteSize, Field, SecretStr, field_validator

from rosey_core.channels import channel_key, channel_keys
from rosey_core.config.nats import Nats
from rosey_core.config.platforms import Platform
from rosey_core.config.section import Bytes, Days, Hours, Interval, Seconds, Section, SomePath


class Retention(Section):
    """For how long things are kept.

    Attributes:
        chat_hours: hours that lines of chat are kept.
        count_days: days that counts of users are kept.
        outbound_days: days that outbound messages are kept once they are sent.
        tokens_days: days that API tokens are kept once they are revoked.
        actions_days: days that commands and other actions of users are kept.
    """

    chat_hours: Hours = 150
    count_days: Days = 30
    outbound_days: Days = 7
    tokens_days: Days = 90
    actions_days: Days = 365


class Api(Section):
    """The HTTP API of the database service, for external programs that hold a token.

    Attributes:
        enabled: whether it is served.
        host: the address to listen on.
        port: the port to listen on; 0 is any that is free.
    """

    enabled: bool = False
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8090, ge=0, le=65535)


class Database(Section):
    """Where things are stored.

    Attributes:
        path: an SQLite file; relative paths start at the working directory.
        url: a database's address instead of a path; a secret, since it may hold a password.
        default_channel: the channel that events and requests without a channel mean.
        retention: for how long things are kept.
        api: where external programs ask and post.
    """

    path: str = Field(default="bot_data.db", min_length=1)
    url: SecretStr | None = None
    default_channel: str | None = None
    retention: Retention = Retention()
    api: Api = Api()

    @field_validator("path")
    @classmethod
    def _expand_home(cls, path: str) -> str:
        return os.path.expanduser(path)

    @field_validator("url")
    @classmethod
    def _refuse_path_and_url(cls, url: SecretStr | None, info: Any) -> SecretStr | None:
        if url is not None and info.data.get("path") != cls.model_fields["path"].default:
            raise ValueError("stands beside 'path': keep one")
        return url

    @field_validator("default_channel")
    @classmethod
    def _check_default_channel(cls, channel: str | None) -> str | None:
        return None if channel is None else channel_key(channel)


class Stream(Section):
    """How much the event stream keeps: what comes first ends it.

    Attributes:
        max_age_hours: hours that an event is kept.
        max_bytes: what all events together may take on disk, in bytes or with a unit (``1GiB``).
        replicas: copies of it in a cluster of NATS servers.
    """

    max_age_hours: Hours = 168
    max_bytes: Bytes = ByteSize(1 << 30)
    replicas: int = Field(default=1, ge=1, le=5)


class Pool(Section):
    """How several bots share their channels.

    Attributes:
        enabled: whether this bot shares its channels with the others on its NATS that do so.
        name: what it is called among them; its host's name and process number unless given.
        address_group: bots of one group come from one address, as CyTube sees it, and share what that is allowed.
        ttl: seconds without a sign of life after which the others take a bot's channels.
    """

    enabled: bool = False
    name: str | None = Field(default=None, min_length=1, max_length=64)
    address_group: str = Field(default="shared", min_length=1, max_length=64)
    ttl: float = Field(default=3.0, ge=0.5, le=60, allow_inf_nan=False)


class Bot(Section):
    """How the bot behaves.

    Attributes:
        spool_dir: where events wait on disk while NATS is away.
        spool_max_bytes: what they may take there, in bytes or with a unit (``256MiB``).
        user_cooldown: seconds until a user's next public command is answered.
        channel_cooldown: seconds until a channel's next public command is answered.
        user_count_interval: seconds between two counts of users.
        status_interval: seconds between two reports of the status.
        stats_timeout: seconds that the database has for an answer.
        outbound_interval: seconds between two looks into the outbound queue that no notice asked for.
        timezone: the time zone of times in answers, like ``Europe/Berlin``.
        added_channels: whether this bot takes channels that are added at run time: of several that are no pool, one.
        secrets_dir: where the files lie that such channels refer to for their passwords.
        connections_per_address: how many connections a CyTube server allows an address at a time.
        connection_interval: seconds in which it allows an address one connection more, after five at once.
        guest_login_interval: seconds in which it allows an address one guest's login.
        pool: how several bots share their channels.
        plugins: which of the installed plugins are loaded, by name: all unless given, none for an empty list.
    """

    spool_dir: SomePath = Path("bot_spool")
    spool_max_bytes: Bytes = ByteSize(256 << 20)
    user_cooldown: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    channel_cooldown: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    user_count_interval: Interval = 300.0
    status_interval: Interval = 10.0
    stats_timeout: Seconds = 0.8
    outbound_interval: Interval = 30.0
    timezone: str = "UTC"
    added_channels: bool = True
    secrets_dir: SomePath = Path("secrets")
    connections_per_address: int = Field(default=10, ge=1)
    connection_interval: Seconds = 10.0
    guest_login_interval: Seconds = 60.0
    pool: Pool = Pool()
    plugins: tuple[str, ...] | None = None

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, timezone: str) -> str:
        try:
            _zone(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("should be a time zone that this machine knows, like Europe/Berlin") from None
        return timezone

    @property
    def zone(self) -> tzinfo:
        """The time zone of times in answers."""
        return _zone(self.timezone)


def _zone(name: str) -> tzinfo:
    # A machine without the zones' files knows this one all the same.
    return UTC if name == "UTC" else ZoneInfo(name)


class Operator(Section):
    """What the Kubernetes operator looks after.

    Attributes:
        namespace: where the release is: its bots, the Secret that they see, its benchmark runs.
        cluster_wide: whether channels of all namespaces count; without it only those of ``namespace`` do.
        secret: the Secret of that namespace into which it copies what channels refer to.
        bots: the labels of the bots' pods, as a selector.
        lease: the lease by which one of several operators acts.
        benchmark_job: a Job, as YAML, of which those of benchmark runs are made; without it there are none.
        benchmark_results: the ConfigMap into which such a Job writes its results.
    """

    namespace: str = Field(default="default", min_length=1)
    cluster_wide: bool = False
    secret: str = Field(default="rosey-channel-secrets", min_length=1)
    bots: str = Field(default="app.kubernetes.io/name=rosey,app.kubernetes.io/component=bot", min_length=1)
    lease: str = Field(default="rosey-operator", min_length=1)
    benchmark_job: SomePath | None = None
    benchmark_results: str = Field(default="rosey-benchmark", min_length=1)


class Health(Section):
    """Where a process serves its health and metrics.

    Attributes:
        host: the address to listen on.
        port: the port to listen on; 0 is any that is free.
    """

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=0, ge=0, le=65535)


class Logging(Section):
    """What is logged, and how.

    Attributes:
        level: what is less important than that is not logged: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        format: ``json`` for machines or ``text`` for people; ``auto`` is text in a terminal and JSON elsewhere.
    """

    level: str = "INFO"
    format: Literal["auto", "json", "text"] = "auto"

    @field_validator("level")
    @classmethod
    def _check_level(cls, level: str) -> str:
        level = level.upper()
        if level not in logging.getLevelNamesMapping():
            raise ValueError("should be DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return level


class Telemetry(Section):
    """Where traces are sent.

    Attributes:
        endpoint: the address of a receiver of traces by OTLP over HTTP, like ``http://collector:4318``; without one,
            here or in ``OTEL_EXPORTER_OTLP_ENDPOINT``, nothing is traced.
        sample_ratio: the part of the events that are traced, 0 to 1; commands and failures always are.
    """

    endpoint: str | None = None
    sample_ratio: float = Field(default=0.01, ge=0, le=1, allow_inf_nan=False)

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("should be an address like http://collector:4318")
        if parts.username is not None or parts.password is not None:
            raise ValueError("should hold no password: put it into OTEL_EXPORTER_OTLP_HEADERS")
        return endpoint


NOT_IN_A_FILE: Final = ("warnings", "source", "referenced")
"""Attributes of ``Config`` that are about the file."""


class Config(Section):
    """The whole configuration.

    Attributes:
        version: of the configuration's form.
        platforms: the channels that the bot sits in.
        nats: how to reach NATS.
        database: where things are stored.
        stream: how much the event stream keeps.
        bot: how the bot behaves.
        operator: what the Kubernetes operator looks after.
        health: where a process serves its health and metrics.
        logging: what is logged, and how.
        telemetry: where traces are sent.
        legacy: what the original knew and Rosey does not use, as it stood in the file.
        warnings: what is accepted in the file and has no effect, for people.
        source: the file that it comes from.
        referenced: the files that its values refer to.
    """

    version: Literal[2] = 2
    platforms: list[Platform] = Field(default=[])
    nats: Nats = Nats()
    database: Database = Database()
    stream: Stream = Stream()
    bot: Bot = Bot()
    operator: Operator = Operator()
    health: Health = Health()
    logging: Logging = Logging()
    telemetry: Telemetry = Telemetry()
    legacy: dict[str, Any] = Field(default={}, repr=False)
    warnings: tuple[str, ...] = ()
    source: Path | None = None
    referenced: tuple[Path, ...] = ()

    @field_validator("platforms")
    @classmethod
    def _give_keys(cls, platforms: list[Platform]) -> list[Platform]:
        places = [(platform.server.lower(), platform.channel.lower()) for platform in platforms]
        active = [place for place, platform in zip(places, platforms, strict=True) if platform.enabled]
        for place in active:
            if active.count(place) > 1:
                raise ValueError(f"the channel {place[1]!r} of {place[0]} is there twice")
        # Those that are switched off count, too: switching one on gives no other channel another key.
        keys = channel_keys(dict.fromkeys(places))
        for place, platform in zip(places, platforms, strict=True):
            platform._key = keys[place]
        return platforms

    @property
    def channels(self) -> list[Platform]:
        """The platforms that are enabled."""
        return [platform for platform in self.platforms if platform.enabled]

    @property
    def default_channel(self) -> str | None:
        """The key of the default channel as far as the configuration says: the one named, else the first."""
        if self.database.default_channel is not None:
            return self.database.default_channel
        return next((platform.key for platform in self.channels), None)

    def secrets(self) -> set[str]:
        """Every secret value in here, for masking."""
        found = {secret.get_secret_value() for secret in _secrets(self)}
        for platform in self.platforms:
            found |= platform.secrets()
        if self.database.url is not None:
            found.add(unquote(urlsplit(self.database.url.get_secret_value()).password or ""))
        return found - {""}


def _secrets(section: BaseModel) -> Iterator[SecretStr]:
    for value in vars(section).values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, SecretStr):
                yield item
            elif isinstance(item, BaseModel) and not isinstance(item, Platform):
                yield from _secrets(item)
