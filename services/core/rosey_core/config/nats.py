"""How to reach NATS, and how to log in to it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr, field_validator, model_validator

from rosey_core.config.section import Section, SomePath

_NATS_SCHEMES: Final = ("nats", "tls", "ws", "wss")


class Nats(Section):
    """How to reach NATS.

    Attributes:
        url: one address, or several with commas between them; a name and password in it move to the fields below.
        user: the name that NATS knows this process by.
        password: of that user.
        token: in place of user and password.
        creds: a NATS credentials file.
        ca: certificates of the authorities to trust at a ``tls://`` address, in the place of the system's.
    """

    url: str = "nats://localhost:4222"
    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    creds: SomePath | None = None
    ca: SomePath | None = None

    @property
    def servers(self) -> list[str]:
        """The addresses one by one."""
        return self.url.split(",")

    def login(self) -> dict[str, str]:
        """User, password and token, those that there are; this is where the secrets are laid open."""
        found = {} if self.user is None else {"user": self.user}
        secrets = {"password": self.password, "token": self.token}
        return found | {key: secret.get_secret_value() for key, secret in secrets.items() if secret is not None}

    def options(self) -> dict[str, Any]:
        """Address and credentials as ``Bus`` takes them."""
        return {"url": self.url, **self.login(), "credentials_file": self.creds, "authorities_file": self.ca}

    @model_validator(mode="before")
    @classmethod
    def _take_credentials_out_of_the_address(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        addresses: list[str] = []
        found: dict[str, str] = {}
        for address in data["url"].split(","):
            scheme, separator, rest = address.strip().rpartition("://")
            credentials, _, host = rest.rpartition("@")
            addresses.append(f"{scheme}{separator or 'nats://'}{host}")
            user, colon, password = map(unquote, credentials.partition(":"))
            if colon:
                found |= {"user": user, "password": password}
            elif user:
                found |= {"token": user}
        return {**found, **data, "url": ",".join(addresses)}

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        for address in url.split(","):
            parts = urlsplit(address)
            try:
                good = parts.scheme in _NATS_SCHEMES and bool(parts.hostname) and parts.port != 0
            except ValueError:
                good = False
            if not good:
                raise ValueError("should be the address of a NATS server, like nats://localhost:4222")
        return url
