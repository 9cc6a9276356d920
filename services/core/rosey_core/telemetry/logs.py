"""Logging: one line an entry on standard error, JSON for machines and plain text for people, without secrets.

Secrets are masked by their value: whoever learns one (configuration does, when it loads) calls :func:`hide`, and from
then on no entry shows it, whichever library wrote it and however deep it stands in a traceback.

An entry has the channel that its task is about (:func:`bind`) and the trace that its work belongs to. A message that
comes again and again is counted, and summed up with the first entry after a minute.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO
from urllib.parse import quote

from rosey_core.telemetry import tracing
from rosey_core.telemetry.repetitions import Repetitions

Format = Literal["auto", "json", "text"]

MASK: Final = "********"

_STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SHORT: Final = 6


def _spellings(secret: str) -> set[str]:
    """The secret as it is, and as it looks in a URL, in JSON and in a ``repr``."""
    return {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}


class Redaction(logging.Filter):
    """A filter that masks the secrets it was told in everything that a record holds."""

    def __init__(self) -> None:
        super().__init__()
        self._spellings: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """Mask these from now on; empty ones are passed over."""
        for secret in secrets:
            if secret:
                self._spellings |= _spellings(secret)
        if self._spellings:
            longest_first = sorted(self._spellings, key=lambda spelling: (-len(spelling), spelling))
            self._pattern = re.compile("|".join(map(self._as_pattern, longest_first)))

    @staticmethod
    def _as_pattern(spelling: str) -> str:
        """A short secret only counts as a whole word: masking each "a" would garble the log, and tell the secret."""
        escaped = re.escape(spelling)
        return escaped if len(spelling) >= _SHORT else rf"(?<!\w){escaped}(?!\w)"

    def text(self, text: str) -> str:
        """``text`` with each secret in it masked."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def filter(self, record: logging.LogRecord) -> bool:
        if self._pattern is None:
            return True
        record.msg = self.text(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = self.text(record.exc_text or logging.Formatter().formatException(record.exc_info))
        if record.stack_info:
            record.stack_info = self.text(record.stack_info)
        for field, value in vars(record).items():
            if field not in _STANDARD_FIELDS and value is not None and not isinstance(value, int | float):
                setattr(record, field, self.text(str(value)))
        return True


_REDACTION: Final = Redaction()


_CHANNEL: Final[ContextVar[str | None]] = ContextVar("rosey_channel", default=None)


def bind(channel: str) -> None:
    """From here on each entry of this task, and of those that it makes, is about this channel."""
    _CHANNEL.set(channel)


class Context(logging.Filter):
    """A filter that adds the channel and the trace that a record's work belongs to, unless it names them."""

    def filter(self, record: logging.LogRecord) -> bool:
        channel, scope = _CHANNEL.get(), tracing.CURRENT.get()
        if channel is not None and not hasattr(record, "channel"):
            record.channel = channel
        if scope is not None and not hasattr(record, "trace_id"):
            record.trace_id = scope.context.trace
        return True


def hide(secrets: Iterable[str]) -> None:
    """Mask these values in each log entry of this process from now on."""
    _REDACTION.hide(secrets)


def redacted(text: str) -> str:
    """``text`` with each secret of this process masked, for what is printed without logging."""
    return _REDACTION.text(text)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {
        field: value
        for field, value in vars(record).items()
        if field not in _STANDARD_FIELDS and not field.startswith("_") and value is not None
    }


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what was given as ``extra``, and the exception."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            entry["exception"] = record.exc_text
        if record.stack_info:
            entry["stack"] = record.stack_info
        return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """One line for people, in local time; control characters are escaped, so that no chat line forges an entry."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        message, fields = record.getMessage(), _extras(record)
        if message.startswith(f"{fields.get('channel')}:"):
            # People read it there already.
            del fields["channel"]
        extras = "".join(f"  {field}={value}" for field, value in fields.items())
        line = f"{time} {record.levelname:<7} {record.name}: {message}{extras}"
        line = _CONTROL_CHARACTERS.sub(lambda found: found[0].encode("unicode_escape").decode(), line)
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        return "\n".join(filter(None, (line, record.exc_text, record.stack_info)))


class _Handler(logging.StreamHandler[TextIO]):
    """Writes entries, each message so often only."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._repetitions: Final = Repetitions()

    def emit(self, record: logging.LogRecord) -> None:
        for written in self._repetitions.admit(record):
            super().emit(written)

    def close(self) -> None:
        for written in self._repetitions.end():
            super().emit(written)
        super().close()


def configure(level: str = "INFO", format: Format = "auto", stream: TextIO | None = None) -> None:
    """Send this process's log to ``stream`` (standard error unless given); what was set up before is replaced.

    Args:
        level: a level's name, in any case.
        format: ``auto`` is ``text`` in a terminal and ``json`` elsewhere.

    Raises:
        ValueError: there is no such level.
    """
    stream = sys.stderr if stream is None else stream
    if format == "auto":
        format = "text" if stream.isatty() else "json"
    handler = _Handler(stream)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(Context())
    handler.addFilter(_REDACTION)
    root = logging.getLogger()
    root.setLevel(level.upper())
    before, root.handlers[:] = root.handlers[:], [handler]
    for former in before:
        if isinstance(former, _Handler):
            former.close()
    logging.captureWarnings(True)
