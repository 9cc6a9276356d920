"""What one server allows and how long its database takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a server. The plain constructor switches off those that hinder tests and demos on one machine.

    connection_bucket: sockets one address may open at once, refilled by one each 10 s; None = no limit.
    connections_per_address: sockets one address may hold; None = no limit.
    guest_login_seconds: how long one address waits between guest logins; 0 = no limit.
    max_message_units: UTF-16 units of chat text that are kept.
    ping_interval_seconds, ping_timeout_seconds, max_payload_bytes: announced in the Engine.IO handshake.
    join_seconds, login_seconds: what CyTube's database and password check take; requests meanwhile meet a busy socket.
    chat_seconds: by how much public chat comes behind everything else.
    """

    connection_bucket: int | None = None
    connections_per_address: int | None = None
    guest_login_seconds: float = 0.0
    max_message_units: int = 320
    ping_interval_seconds: float = 25.0
    ping_timeout_seconds: float = 120.0
    max_payload_bytes: int = 1 << 20
    join_seconds: float = 0.0
    login_seconds: float = 0.0
    chat_seconds: float = 0.0

    @classmethod
    def cytube(cls) -> Limits:
        """The defaults of CyTube 3.86 (PROTOCOL sections 1 and 3)."""
        return cls(
            connection_bucket=5,
            connections_per_address=10,
            guest_login_seconds=60.0,
            join_seconds=0.001,
            login_seconds=0.045,
            chat_seconds=0.001,
        )
