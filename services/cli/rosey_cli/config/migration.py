"""A configuration file brought to version 2 in place: its backup, its new content, and what is to be told of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from rosey_cli.failure import Failure
from rosey_core.config import ConfigError
from rosey_core.config.document import Document, read, without_comments
from rosey_core.config.loading import load_document
from rosey_core.config.migration import Form, Migration, form_of, migrate


def migrate_file(path: Path, *, dry_run: bool) -> list[str]:
    """Bring a file to version 2, unless it is that already; returns what was done, as lines for people.

    The file is replaced at once: a crash leaves the old one or the new one. It keeps its mode and, where that is
    allowed, its owner. What it was is kept as ``<name>.v1.bak``; a backup that is there stays.

    Args:
        path: the file, JSON or YAML.
        dry_run: only say what would be done.

    Raises:
        ConfigError: it cannot be read, or has a key twice, of which one would be lost.
        Failure: the backup or the new file cannot be written.
    """
    document = read(path, comments=True)
    if document.problems:
        raise document.refusal()
    form = form_of(document.data)
    if form is None:
        raise document.error(("version",), "is none that this Rosey knows: 1 and 2")
    if form is Form.V2:
        return [f"{path} is version 2 already: nothing to do"]
    made = migrate(document.data, form)
    content = _text(made.data, document)
    # The one that a link leads to: the link stays.
    target = Path(os.path.expanduser(path)).resolve()
    try:
        before = target.read_bytes()
        backup = _backup_name(target, before)
        if not dry_run:
            if not backup.exists():
                _write_new(backup, before, target)
            _replace(target, content)
    except OSError as error:
        raise Failure(f"{path} cannot be migrated: {error.strerror}: {error.filename}") from None
    would = "would be " if dry_run else ""
    return [
        f"{path} is {form.value}",
        *_told(made),
        f"the former file {would or 'is '}kept in {backup}",
        f"{path} {would or 'is '}version 2{'' if dry_run else ' now'}",
        *(f"still to do: {line}" for line in _left_to_do(made.data, target)),
    ]


def _told(made: Migration) -> Iterator[str]:
    for move in made.moves:
        yield f"  {move}{'  (not used any more)' if move.is_unused else ''}"


def _left_to_do(data: dict[str, Any], path: Path) -> list[str]:
    """What keeps the services from using it."""
    shared_port = "health.port: two services cannot share it: start one of them with --health-port"
    left = [shared_port] if data.get("health", {}).get("port") else []
    try:
        load_document(Document(source=path, data=without_comments(data)), os.environ)
    except ConfigError as error:
        left += [f"{problem.key}: {problem.reason}" for problem in error.problems]
    return left


def _text(data: dict[str, Any], document: Document) -> bytes:
    if document.is_json:
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    else:
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a pair of surrogates, which only JSON's escapes can hold.
        return (json.dumps(data, indent=2) + "\n").encode()


def _backup_name(file: Path, content: bytes) -> Path:
    """A name that is free, or that of a backup with just this content."""
    number = 1
    backup = file.with_name(f"{file.name}.v1.bak")
    while backup.exists() and backup.read_bytes() != content:
        number += 1
        backup = file.with_name(f"{file.name}.v1.{number}.bak")
    return backup


def _write_new(path: Path, content: bytes, model: Path) -> None:
    """Write a file that is not there yet, with another one's mode and owner."""
    # Passwords stand in it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    status = model.stat()
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)
    path.chmod(status.st_mode & 0o7777)


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        _write_new(draft, content, path)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
