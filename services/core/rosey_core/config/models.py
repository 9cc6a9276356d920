"""The sections of the configuration, their types, defaults and bounds."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)

from rosey_core.channels import channel_key, channel_keys

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bytes = Annotated[ByteSize, Field(gt=0)]
Interval = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]
"""Seconds between two turns of something that goes on for ever."""


def _some_path(path: Any) -> Any:
    if path == "":
        # Else it would be the working directory.
        raise ValueError("is empty: leave it out for its default")
    return path


SomePath = Annotated[Path, BeforeValidator(_some_path)]

CYTUBE: Final = "https://cytu.be"
"""The server of a channel that names none."""

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_CHANNEL_URL: Final = re.compile(r"(?P<server>(?:https?://)?[^/]+)/r/(?P<name>[^/?#]+)/?(?:[?#].*)?")
_CHANNEL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,30}")
_USER_NAME: Final = re.compile(r"[A-Za-z0-9_\-\u00c0-\u00ff]{1,20}")
_PROXY_SCHEMES: Final = ("socks5", "http")
_NATS_SCHEMES: Final = ("nats", "tls", "ws", "wss")


def laid_open(secret: SecretStr | None) -> str | None:
    """A secret itself, for whom it is to be shown."""
    return None if secret is None else secret.get_secret_value()


class Section(BaseModel):
    """What all sections share: unknown keys are refused, nothing changes later, errors show no values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, regex_engine="python-re")


class Platform(Section):
    """A channel that the bot sits in.

    Attributes:
        type: the kind of site.
        name: what people call this entry; the channel's name unless given.
        server: the address of the web site, without a slash at its end.
        channel: the channel's name; in a file its address (``https://cytu.be/r/lobby``) does, too.
        channel_password: for channels that ask for one.
        user: the name to log in with: as a guest without ``password``; without a name the bot does not log in.
        password: the account's.
        proxy: what the bot goes through, ``socks5://host:port`` or ``http://host:port``, with ``user:password@`` before
            the host where it asks for one.
        enabled: whether the bot goes there.
    """

    type: Literal["cytube"] = "cytube"
    name: str = ""
    server: str = CYTUBE
    channel: str
    channel_password: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    proxy: SecretStr | None = None
    enabled: bool = True

    _key: str = PrivateAttr("")

    @property
    def key(self) -> str:
        """The channel's key, unique in the configuration."""
        return self._key or channel_key(self.channel)

    def under(self, key: str) -> Self:
        """The same channel under another key."""
        copy = self.model_copy()
        copy._key = key
        return copy

    def secrets(self) -> set[str]:
        """Every secret value in here, for masking; a proxy's address is one if it has a password."""
        found = {secret.get_secret_value() for secret in (self.password, self.channel_password) if secret is not None}
        proxy = "" if self.proxy is None else self.proxy.get_secret_value()
        password = urlsplit(proxy).password
        if password:
            found |= {proxy, password, unquote(password)}
        return found - {""}

    @model_validator(mode="before")
    @classmethod
    def _take_channel_address_apart(cls, data: Any) -> Any:
        address = _CHANNEL_URL.fullmatch(str(data.get("channel"))) if isinstance(data, dict) else None
        if address is None:
            return data
        return {"server": address["server"], **data, "channel": address["name"]}

    @field_validator("server")
    @classmethod
    def _check_server(cls, server: str) -> str:
        server = server.strip()
        if "://" not in server:
            server = f"https://{server}"
        try:
            parts = urlsplit(server)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            host, port = "", 0
        usual = _USUAL_PORTS.get(parts.scheme) if host else None
        if usual is None or port == 0 or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("should be the address of a CyTube site, like https://cytu.be")
        # One spelling: of two, each would count as a site, and a bot in both would throw itself out.
        host = f"[{host}]" if ":" in host else host
        place = host if port in (None, usual) else f"{host}:{port}"
        return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"

    @field_validator("channel")
    @classmethod
    def _check_channel(cls, channel: str) -> str:
        if _CHANNEL_NAME.fullmatch(channel) is None:
            allowed = "should be the name of a channel: 1 to 30 letters, digits, '_' and '-'"
            raise ValueError(f"{allowed}; or its address, like {CYTUBE}/r/NAME" if "/" in channel else allowed)
        return channel

    @field_validator("user")
    @classmethod
    def _check_user(cls, user: str | None) -> str | None:
        if user is not None and _USER_NAME.fullmatch(user) is None:
            raise ValueError("should be a name that CyTube allows: 1 to 20 letters, digits, '_' and '-'")
        return user

    @field_validator("password", "channel_password")
    @classmethod
    def _take_nothing_for_none(cls, password: SecretStr | None) -> SecretStr | None:
        # As the original has it for a guest, and for a channel that asks for none.
        return password if password and password.get_secret_value() else None

    @field_validator("password")
    @classmethod
    def _check_password(cls, password: SecretStr | None, info: Any) -> SecretStr | None:
        if password is not None and info.data.get("user", "") is None:
            raise ValueError("is of no use without 'user'")
        return password

    @field_validator("proxy")
    @classmethod
    def _check_proxy(cls, proxy: SecretStr | None) -> SecretStr | None:
        if proxy is None:
            return None
        address = proxy.get_secret_value()
        if "://" not in address:
            # The original wrote it so, and spoke SOCKS.
            address = f"socks5://{address}"
        try:
            parts = urlsplit(address)
            good = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and bool(parts.port)
        except ValueError:
            good = False
        if not good:
            raise ValueError("should be the address of a proxy, like socks5://localhost:1080 or http://localhost:3128")
        return SecretStr(address)


class Nats(Section):
    """How to reach NATS.

    Attributes:
        url: one address, or several with commas between them; a name and password in it move to the fields below.
        user: the name that NATS knows this process by.
        password: of that user.
        token: in place of user and password.
        creds: a NATS credentials file.
        ca: certificates of the authorities to trust at a ``tls://`` address, in the place of the system's.
    """

    url: str = "nats://localhost:4222"
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    creds: SomePath | None = None
    ca: SomePath | None = None

    @property
    def servers(self) -> list[str]:
        """The addresses one by one."""
        return self.url.split(",")

    def login(self) -> dict[str, str]:
        """User, password and token, those that there are; this is where the secrets are laid open."""
        found = {} if self.user is None else {"user": self.user}
        secrets = {"password": self.password, "token": self.token}
        return found | {key: secret.get_secret_value() for key, secret in secrets.items() if secret is not None}

    def options(self) -> dict[str, Any]:
        """Address and credentials as ``Bus`` takes them."""
        return {"url": self.url, **self.login(), "credentials_file": self.creds, "authorities_file": self.ca}

    @model_validator(mode="before")
    @classmethod
    def _take_credentials_out_of_the_address(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        addresses: list[str] = []
        found: dict[str, str] = {}
        for address in data["url"].split(","):
            scheme, separator, rest = address.strip().rpartition("://")
            credentials, _, host = rest.rpartition("@")
            addresses.append(f"{scheme}{separator or 'nats://'}{host}")
            user, colon, password = map(unquote, credentials.partition(":"))
            if colon:
                found |= {"user": user, "password": password}
            elif user:
                found |= {"token": user}
        return {**found, **data, "url": ",".join(addresses)}

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        for address in url.split(","):
            parts = urlsplit(address)
            try:
                good = parts.scheme in _NATS_SCHEMES and bool(parts.hostname) and parts.port != 0
            except ValueError:
                good = False
            if not good:
                raise ValueError("should be the address of a NATS server, like nats://localhost:4222")
        return url


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
    platforms: list[Platform] = []
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
