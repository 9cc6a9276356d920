"""The configuration that the children of ``rosey up`` get: what the person said, at the places of this run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, SecretStr, ValidationError

from rosey_cli.data_directory import DataDirectory, write_private
from rosey_cli.failure import Failure
from rosey_core.config import Config, ConfigError, Platform, load
from rosey_core.config.models import NOT_IN_A_FILE
from rosey_core.service import BAD_CONFIGURATION
from rosey_core.telemetry import logs

DEMO_CHANNEL: Final = "demo"
DEMO_USER: Final = "Rosey"

_NO_INTERVAL_S: Final = 0.001
_URL: Final = re.compile(r"https?://")
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def from_file(path: Path | None) -> Config:
    """Read the configuration, or without a file what the environment says.

    Raises:
        Failure: it cannot be used; the text says where and why.
    """
    try:
        return load(path)
    except ConfigError as error:
        raise Failure(str(error), BAD_CONFIGURATION) from None


def with_channel(config: Config, channel: str, user: str | None, password_file: Path | None) -> Config:
    """``config`` with this one channel.

    Args:
        channel: its address (``https://cytu.be/r/NAME``) or its name on cytu.be.
        user: to log in as; a guest without password.
        password_file: has the account's password in it.

    Raises:
        Failure: it is no channel, or the password cannot be read.
    """
    if not _URL.match(channel) and "/" in channel:
        channel = f"https://{channel}"
    fields: dict[str, Any] = {"channel": channel, "user": user}
    if password_file is not None:
        fields["password"] = _read_password(password_file)
    try:
        platform = Platform(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        option = {"user": "--user", "password": "--password-file"}.get(str(first["loc"][0]), "--channel")
        raise Failure(f"{option}: {first['msg'].removeprefix('Value error, ')}", BAD_CONFIGURATION) from None
    return config.model_copy(update={"platforms": [platform]})


def _read_password(path: Path) -> SecretStr:
    try:
        text = path.expanduser().read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Failure(f"--password-file: {path} is not UTF-8 text", BAD_CONFIGURATION) from None
    except OSError as error:
        raise Failure(f"--password-file: {path} cannot be read: {error.strerror}", BAD_CONFIGURATION) from None
    if not text:
        raise Failure(f"--password-file: {path} is empty", BAD_CONFIGURATION)
    logs.hide([text])
    return SecretStr(text)


def simulated(config: Config, site: str, channel: str = DEMO_CHANNEL) -> Config:
    """``config`` with a channel of the simulated site, and nothing else; the site limits no address."""
    bot = config.bot.model_copy(update={"connection_interval": _NO_INTERVAL_S, "guest_login_interval": _NO_INTERVAL_S})
    platform = Platform(server=site, channel=channel, user=DEMO_USER)
    return config.model_copy(update={"platforms": [platform], "bot": bot})


def unused(config: Config) -> list[str]:
    """What stands in the configuration and has no effect here, for people."""
    notes = []
    hosts = {urlsplit(url).hostname for url in config.nats.url.split(",")}
    if hosts - _LOOPBACK_HOSTS:
        notes.append("nats.url is not used: rosey up starts a nats-server of its own")
    if config.health.port:
        notes.append("health.port is not used: the processes would take it from each other")
    return notes


def database_path(config: Config, directory: DataDirectory) -> Path:
    """Where the database is: where the configuration says so, else in the data directory."""
    if "path" in config.database.model_fields_set:
        return Path(config.database.path).absolute()
    return directory.database


def write(config: Config, directory: DataDirectory, *, nats_url: str) -> None:
    """Write the children's file; only this user can read it, since passwords stand in it."""
    sections = _plain(config)
    for name in ("legacy", *NOT_IN_A_FILE):
        sections.pop(name, None)
    sections["nats"] = {"url": nats_url}
    sections["health"] = {}
    sections["logging"] = {"level": config.logging.level, "format": "json"}
    if config.database.url is None:
        sections["database"]["path"] = str(database_path(config, directory))
    else:
        del sections["database"]["path"]
    if "spool_dir" not in config.bot.model_fields_set:
        sections["bot"]["spool_dir"] = str(directory.spool)
    write_private(directory.configuration, msgspec.json.encode(sections))


def _plain(value: Any) -> Any:
    """A section as it would stand in a file: secrets as they are, nothing that would be taken for a reference."""
    if isinstance(value, BaseModel):
        fields = {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        return {name: field for name, field in fields.items() if field is not None}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str | Path):
        return str(value).replace("${", "$${")
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
