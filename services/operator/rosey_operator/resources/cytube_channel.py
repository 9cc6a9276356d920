"""``CytubeChannel``: a channel that some bot shall sit in."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from pydantic import ConfigDict, Field, field_validator

from rosey_core.config.platforms import CYTUBE
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

_HOST: Final = r"([^/@?#:\\s]+|\\[[0-9A-Fa-f:.]+\\])"
_PORT: Final = "url(self).getPort()"
_HAS_PLACE: Final = (
    f"isURL(self) && url(self).getHostname() != '' && ({_PORT} == '' || (int({_PORT}) >= 1 && int({_PORT}) <= 65535))"
)
"""A rule, for texts that have no more than five digits for a port."""
_NAME: Final = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
_KEY: Final = r"^[-._a-zA-Z0-9]+$"
_NOT_A_NAME: Final = "name should be the name of a Secret: lower-case letters, digits, '-' and '.'"
_NOT_A_KEY: Final = "key should be a key of a Secret: letters, digits, '-', '_' and '.'"


def _key(default: str) -> Any:
    """The field of a Secret's key."""
    return Field(
        default=default,
        description=f"The key in that Secret: {default}, unless another one is given.",
        max_length=253,
        json_schema_extra=rules((f"self.matches('{_KEY}')", _NOT_A_KEY)),
    )


class SecretKey(Part):
    """A key of a Secret in the resource's namespace."""

    name: str = Field(
        description="The Secret's name, in the namespace of this resource.",
        max_length=253,
        json_schema_extra=rules((f"self.matches('{_NAME}')", _NOT_A_NAME)),
    )
    key: str

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        # The API server asks for the same, where it has these definitions and not some of before: a name that
        # leads elsewhere would have the operator read for its owner what only the operator may.
        if re.fullmatch(_NAME, name) is None:
            raise ValueError(_NOT_A_NAME)
        return name


class PasswordKey(SecretKey):
    """Where the account's password is."""

    key: str = _key("password")


class ChannelPasswordKey(SecretKey):
    """Where the channel's password is."""

    key: str = _key("channel-password")


class ProxyKey(SecretKey):
    """Where the proxy's address is."""

    key: str = _key("proxy")


class ChannelSpec(Part):
    """Which channel a bot shall sit in, and as whom."""

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
        description=f"The address of the CyTube site, without the channel: {CYTUBE}, unless another one is given.",
        max_length=253,
        json_schema_extra=rules(
            (
                rf"self.matches('^https?://{_HOST}(:[0-9]{{1,5}})?(/[^?#\\s]*)?$') && {_HAS_PLACE}",
                f"server should be the address of a CyTube site, like {CYTUBE}",
            ),
            (
                "!self.matches('/r/[^/]*/?$')",
                f"server should be the address of the site alone, like {CYTUBE}: the name after /r/ belongs to channel",
            ),
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
        description=(
            "The name that the bot has there: that of an account with passwordSecretRef, a guest's without it. "
            "Without a name the bot does not log in: it watches, and cannot speak."
        ),
        max_length=253,
        json_schema_extra=rules(
            (
                "self.matches('^[A-Za-z0-9_\u00c0-\u00ff-]{1,20}$')",
                "user should be a name that CyTube allows: 1 to 20 letters, digits, '_' and '-'",
            )
        ),
    )
    password_secret_ref: PasswordKey | None = Field(
        default=None, description="The Secret that holds the password of the account that user names."
    )
    channel_password_secret_ref: ChannelPasswordKey | None = Field(
        default=None, description="The Secret that holds the channel's password, for a channel that asks for one."
    )
    proxy: str | None = Field(
        default=None,
        description=(
            "The proxy that the bot connects through, socks5://host:port or http://host:port; "
            "one that asks for a password goes into a Secret: proxySecretRef."
        ),
        max_length=253,
        json_schema_extra=rules(
            (
                rf"self.matches('^(socks5|http)://{_HOST}:[0-9]{{1,5}}/?$') && {_HAS_PLACE}",
                "proxy should be socks5://host:port or http://host:port; "
                "an address with a password belongs into a Secret: proxySecretRef",
            )
        ),
    )
    proxy_secret_ref: ProxyKey | None = Field(
        default=None,
        description="The Secret that holds the proxy's address, with its password: socks5://user:password@host:port.",
    )
    enabled: bool = Field(
        default=True, description="Whether a bot is to be there: true, unless false is given, which lets it leave."
    )


class ChannelStatus(Part):
    """How the bot fares there."""

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
