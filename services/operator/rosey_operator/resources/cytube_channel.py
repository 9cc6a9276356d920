"""``CytubeChannel``: a channel that some bot shall sit in."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import ConfigDict, Field

from rosey_core.config.models import CYTUBE
from rosey_operator.resources.conditions import Condition
from rosey_operator.resources.model import Part, rules

KIND: Final = "CytubeChannel"
PLURAL: Final = "cytubechannels"

ACCEPTED: Final = "Accepted"
"""The condition that the channel was handed to the bots."""
CONNECTED: Final = "Connected"
"""The condition that a bot is in the room."""
READY: Final = "Ready"
"""The condition that a bot is in the room as what it shall be there."""

_SECRET_KEY: Final = r"^[-._a-zA-Z0-9]+$"  # noqa: S105


class SecretKey(Part):
    """A key of a Secret in the resource's namespace."""

    name: str = Field(description="The Secret's name.", min_length=1, max_length=253)
    key: str = Field(description="The key in it.", min_length=1, max_length=253, pattern=_SECRET_KEY)


class PasswordKey(SecretKey):
    """Where the account's password is."""

    key: str = Field(
        default="password", description="The key in it.", min_length=1, max_length=253, pattern=_SECRET_KEY
    )


class ChannelPasswordKey(SecretKey):
    """Where the channel's password is."""

    key: str = Field(
        default="channel-password", description="The key in it.", min_length=1, max_length=253, pattern=_SECRET_KEY
    )


class ProxyKey(SecretKey):
    """Where the proxy's address is."""

    key: str = Field(default="proxy", description="The key in it.", min_length=1, max_length=253, pattern=_SECRET_KEY)


class ChannelSpec(Part):
    """What is wanted."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.passwordSecretRef) || has(self.user)",
                "passwordSecretRef is of no use without user: name the account whose password it is",
            ),
            (
                "!has(self.proxy) || !has(self.proxySecretRef)",
                "proxy and proxySecretRef exclude each other: keep one",
            ),
        )
    )

    server: str = Field(
        default=CYTUBE,
        description="The address of the CyTube site.",
        max_length=253,
        json_schema_extra=rules(
            (
                r"self.matches('^https?://[^/@?#\\s]+(/[^?#\\s]*)?$')",
                f"server should be the address of a CyTube site, like {CYTUBE}",
            )
        ),
    )
    channel: str = Field(
        description="The channel's name, as in the address https://cytu.be/r/NAME.",
        max_length=253,
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z0-9_-]{1,30}$')",
                "channel should be the name of a channel: 1 to 30 letters, digits, '_' and '-'",
            )
        ),
    )
    user: str | None = Field(
        default=None,
        description="Who the bot is there: a guest without passwordSecretRef; without a name it does not log in.",
        max_length=253,
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z0-9_\u00c0-\u00ff-]{1,20}$')",
                "user should be a name that CyTube allows: 1 to 20 letters, digits, '_' and '-'",
            )
        ),
    )
    password_secret_ref: PasswordKey | None = Field(default=None, description="The password of the account.")
    channel_password_secret_ref: ChannelPasswordKey | None = Field(
        default=None, description="The password of a channel that asks for one."
    )
    proxy: str | None = Field(
        default=None,
        description="What the bot goes through, socks5://host:port or http://host:port.",
        max_length=253,
        json_schema_extra=rules(
            (
                r"self.matches('^(socks5|http)://[^/@?#\\s]+:[0-9]+/?$')",
                "proxy should be socks5://host:port or http://host:port; "
                "an address with a password belongs into a Secret: proxySecretRef",
            )
        ),
    )
    proxy_secret_ref: ProxyKey | None = Field(default=None, description="A proxy's address that has a password in it.")
    enabled: bool = Field(default=True, description="Whether a bot goes there; false lets it leave.")


class ChannelStatus(Part):
    """How it fares."""

    observed_generation: int = Field(default=0, description="The generation of the resource that this is about.")
    key: str | None = Field(
        default=None, description="The channel's key, as events, metrics and rosey channel have it."
    )
    worker: str | None = Field(default=None, description="The bot that has the channel.")
    user: str | None = Field(default=None, description="The name that the bot has there.")
    users: int | None = Field(default=None, description="Users with a name in the room.")
    viewers: int | None = Field(default=None, description="Connections to the room, those without a name, too.")
    now_playing: str | None = Field(default=None, description="The title of what plays.")
    connected_since: datetime | None = Field(default=None, description="Since when the bot is in the room.")
    conditions: list[Condition] = Field(
        default=[],
        description="Accepted: it was handed to the bots. Connected: a bot is in the room. Ready: as it shall be.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
