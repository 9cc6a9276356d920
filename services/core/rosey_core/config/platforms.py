"""A channel, as the configuration names it and who the bot is there."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import PrivateAttr, SecretStr, field_validator, model_validator

from rosey_core.channels import channel_key
from rosey_core.config.section import Section

CYTUBE: Final = "https://cytu.be"
"""The server of a channel that names none."""

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_CHANNEL_URL: Final = re.compile(r"(?P<server>(?:https?://)?[^/]+)/r/(?P<name>[^/?#]+)/?(?:[?#].*)?")
_CHANNEL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,30}")
_USER_NAME: Final = re.compile(r"[A-Za-z0-9_\-\u00c0-\u00ff]{1,20}")
_PROXY_SCHEMES: Final = ("socks5", "http")


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
