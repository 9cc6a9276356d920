"""Channels that are added at run time, as they stand in the bucket ``streams.ADDED_CHANNELS``.

An entry is a platform of the configuration as JSON, under the channel's key. Everybody who may read the bucket may
read it, so it holds no secret: a password is a reference, ``${file:NAME}`` or ``${env:NAME}``, that the bot resolves.
Who may write to the bucket must not thereby read the bot's disk or environment: a file lies in the directory
``bot.secrets_dir``, and a variable's name begins with ``ROSEY_SECRET_``.

Beside the platform an entry may tell who put it there (``owner``); bots pass over that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from pydantic import ValidationError

from rosey_core.channels import is_channel_key
from rosey_core.config import references
from rosey_core.config.platforms import Platform

VARIABLE_PREFIX: Final = "ROSEY_SECRET_"
OWNER: Final = "owner"
_ELSEWHERE: Final = "elsewhere"
_SECRETS: Final = ("password", "channel_password")
_REFERENCE: Final = re.compile(r"\$\{(?P<kind>file|env):(?P<name>[^}]+)\}")


class InvalidEntry(ValueError):
    """An entry that cannot be used; the text says what is wrong with it, and repeats no value.

    Attributes:
        cause: a word for it, one of ``channel_status.CAUSES``.
    """

    cause = "invalid_entry"


class MissingSecret(InvalidEntry):
    """What an entry refers to is not there."""

    cause = "missing_secret"


class Owner(Struct, frozen=True, kw_only=True):
    """Who put an entry there and answers for it, as Kubernetes names its objects.

    Attributes:
        kind: of the object.
        namespace: of the object.
        name: of the object.
        uid: of the object.
        generation: of the object that the entry was made from.
    """

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    generation: int = 0


def owner_of(entry: Mapping[str, Any]) -> Owner | None:
    """Who put an entry there; ``None`` where it does not say.

    Raises:
        InvalidEntry: it says so in no way that is known.
    """
    owner = entry.get(OWNER)
    try:
        return None if owner is None else msgspec.convert(owner, Owner)
    except msgspec.ValidationError:
        raise InvalidEntry(
            "owner: should tell kind, namespace, name and uid as texts, generation as a number"
        ) from None


def place(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The server and the channel that an entry means, in lower case: the same for the same channel.

    Raises:
        InvalidEntry: it means none.
    """
    platform = _validated({name: value for name, value in entry.items() if name != "proxy"})
    return platform.server.lower(), platform.channel.lower()


def encode(entry: Mapping[str, Any]) -> bytes:
    """An entry as it is stored.

    Raises:
        InvalidEntry: it is none, or holds a secret.
    """
    _platform(entry)
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def decode(payload: bytes) -> dict[str, Any]:
    """A stored entry.

    Raises:
        InvalidEntry: it is none, or holds a secret.
    """
    try:
        entry = json.loads(payload)
    except (ValueError, RecursionError):
        raise InvalidEntry("is not JSON") from None
    if not isinstance(entry, dict):
        raise InvalidEntry("is no JSON object")
    _platform(entry)
    return entry


def resolve(key: str, payload: bytes, environ: Mapping[str, str], directory: Path) -> Platform:
    """The channel that a stored entry means, with its secrets.

    Args:
        key: the entry's key, which is the channel's.
        payload: the entry.
        environ: the environment.
        directory: where files lie that are referred to.

    Raises:
        InvalidEntry: the key or the entry is none.
        MissingSecret: something that it refers to is not there.
    """
    if not is_channel_key(key):
        raise InvalidEntry("is no channel key: 1 to 64 of a-z, 0-9, '_' and '-'")
    entry = decode(payload)
    for name in (*_SECRETS, "proxy"):
        if isinstance(entry.get(name), str):
            try:
                entry[name], _ = references.resolve(entry[name], environ, directory)
            except ValueError as error:
                raise MissingSecret(f"{name}: {error}") from None
    return _validated(entry).under(key)


def files(payload: bytes, directory: Path) -> set[Path]:
    """The files in ``directory`` that a stored entry refers to, whether they are there or not."""
    try:
        entry = decode(payload)
    except InvalidEntry:
        return set()
    texts = [entry[name] for name in (*_SECRETS, "proxy") if isinstance(entry.get(name), str)]
    found = (reference for text in texts for reference in _REFERENCE.finditer(text))
    return {directory / reference["name"] for reference in found if reference["kind"] == "file"}


def _platform(entry: Mapping[str, Any]) -> None:
    for name in _SECRETS:
        value = entry.get(name)
        if value is not None and not _is_reference(value):
            raise InvalidEntry(f"{name}: must stand elsewhere: ${{file:NAME}} or ${{env:{VARIABLE_PREFIX}NAME}}")
    proxy = entry.get("proxy")
    if isinstance(proxy, str) and not _is_reference(proxy) and not _keeps_its_secret(proxy):
        raise InvalidEntry("proxy: its password must stand elsewhere, or the whole address: ${file:NAME}")
    _validated({name: value for name, value in entry.items() if name != "proxy" or not _has_reference(value)})


def _validated(entry: Mapping[str, Any]) -> Platform:
    owner_of(entry)
    try:
        return Platform.model_validate({name: value for name, value in entry.items() if name != OWNER})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, details["loc"]))
        reason = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise InvalidEntry(f"{place}: {reason}" if place else reason) from None


def _has_reference(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _is_reference(value: Any) -> bool:
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return False
    if found["kind"] == "env":
        return found["name"].startswith(VARIABLE_PREFIX)
    path = PurePosixPath(found["name"])
    return not path.is_absolute() and ".." not in path.parts and not found["name"].startswith("~")


def _keeps_its_secret(proxy: str) -> bool:
    """Whether a proxy's address has no password, or one that stands elsewhere."""
    # Taken out first: a reference's own characters would part the address elsewhere.
    plain = _REFERENCE.sub(lambda found: _ELSEWHERE if _is_reference(found[0]) else found[0], proxy)
    try:
        password = urlsplit(plain).password
    except ValueError:
        return False
    return "${" not in plain and password in (None, "", _ELSEWHERE)
