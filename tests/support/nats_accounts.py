"""NATS accounts of a test's own: the server's configuration that trusts them, and a user's credentials file."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time

import nkeys

_PREFIXES = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
_UNLIMITED = {
    "account": {"limits": dict.fromkeys(("subs", "conn", "leaf", "imports", "exports", "data", "payload"), -1)},
    "user": dict.fromkeys(("subs", "data", "payload"), -1),
}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _Key:
    """A key pair, and what it vouches for."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.seed = bytes(nkeys.encode_seed(os.urandom(32), _PREFIXES[kind])).decode()
        self._pair = nkeys.from_seed(self.seed.encode())
        self.public = self._pair.public_key.decode()

    def vouch(self, other: _Key) -> str:
        """A JSON web token that makes ``other`` what it is."""
        claims = {
            "iat": int(time.time()),
            "iss": self.public,
            "sub": other.public,
            "name": other.kind,
            "nats": {"type": other.kind, "version": 2, **_UNLIMITED.get(other.kind, {})},
        }
        claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
        parts = ({"typ": "JWT", "alg": "ed25519-nkey"}, claims)
        text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
        return f"{text}.{_base64(self._pair.sign(text.encode()))}"


def accounts() -> tuple[str, str]:
    """The configuration of a server (without JetStream), and the content of the credentials file of its only user."""
    operator, account, user = map(_Key, ("operator", "account", "user"))
    config = (
        f"operator: {operator.vouch(operator)}\nresolver: MEMORY\n"
        f"resolver_preload {{ {account.public}: {operator.vouch(account)} }}\n"
    )
    credentials = (
        f"-----BEGIN NATS USER JWT-----\n{account.vouch(user)}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    return config, credentials
