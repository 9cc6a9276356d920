"""The names of spans and their attributes, by OpenTelemetry's semantic conventions for messaging and for HTTP.

A span of messaging is called by its operation and the subject's template, one of HTTP by its method and its route, so
that there are few names. What the conventions have no word for begins with ``rosey.``.
"""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "messaging.system"
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
TEMPLATE: Final = "messaging.destination.template"
MESSAGE_ID: Final = "messaging.message.id"
BATCH_SIZE: Final = "messaging.batch.message_count"
ERROR_TYPE: Final = "error.type"

HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
HTTP: Final = "HTTP"
HTTP_OTHER_METHOD: Final = "_OTHER"

CHANNEL: Final = "rosey.channel"
FRAME: Final = "rosey.frame"
COMMAND: Final = "rosey.command"
OUTCOME: Final = "rosey.outcome"
SEQUENCE: Final = "rosey.stream.sequence"
EVENT_TIME: Final = "rosey.event.time"
DUPLICATES: Final = "rosey.batch.duplicates"

NATS: Final = "nats"

PUBLISH: Final = "publish"
REQUEST: Final = "request"
RECEIVE: Final = "receive"
PROCESS: Final = "process"
REJECT: Final = "reject"
COMMIT: Final = "commit"
ANSWER: Final = "answer"

_TYPES: Final = {PUBLISH: "send", REQUEST: "send", RECEIVE: "receive", PROCESS: "process", REJECT: "settle"}


def span(operation: str, what: str) -> str:
    """A span's name, such as ``frame chatMsg``."""
    return f"{operation} {what}"


def messaging(operation: str, template: str, subject: str) -> dict[str, str]:
    """The attributes of an operation on a message of this subject."""
    return {
        SYSTEM: NATS,
        OPERATION: operation,
        OPERATION_TYPE: _TYPES[operation],
        DESTINATION: subject,
        TEMPLATE: template,
    }
