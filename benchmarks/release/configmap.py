"""A ConfigMap of the pod's own namespace, by the Kubernetes API and the token that the pod is given."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import aiohttp

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


class NotWritten(Exception):
    """The results are not in the ConfigMap; the text says why."""


@dataclass(frozen=True)
class Cluster:
    """How a pod reaches its cluster's API.

    Attributes:
        url: the API server's address.
        account: the directory of the service account's token, namespace and authority.
    """

    url: str
    account: Path = ACCOUNT

    @classmethod
    def of_this_pod(cls) -> Self:
        """The cluster that this process runs in.

        Raises:
            NotWritten: in none.
        """
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (ACCOUNT / "token").exists():
            raise NotWritten("this is no pod with a token of a service account")
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}")


async def write(cluster: Cluster, name: str, data: Mapping[str, str]) -> None:
    """Put ``data`` into a ConfigMap; it is made where it is missing, and its other keys stay.

    Raises:
        NotWritten: the API server refuses it, or does not answer.
    """
    try:
        namespace, token = ((cluster.account / file).read_text().strip() for file in ("namespace", "token"))
        authority = cluster.account / "ca.crt"
        collection = f"{cluster.url}/api/v1/namespaces/{namespace}/configmaps"
        connector = aiohttp.TCPConnector(ssl=_trusting(authority) if authority.exists() else True)
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=TIMEOUT) as session:
            kind = {"Content-Type": "application/merge-patch+json"}
            async with session.patch(f"{collection}/{name}", json={"data": data}, headers=kind) as answer:
                status, text = answer.status, await answer.text()
            if status == 404:
                made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
                async with session.post(collection, json=made) as answer:
                    status, text = answer.status, await answer.text()
    except (OSError, TimeoutError, aiohttp.ClientError) as error:
        raise NotWritten(f"ConfigMap {name}: {error}") from None
    if status >= 300:
        raise NotWritten(f"ConfigMap {name}: the API server answers {status}: {text[:500]}")


def _trusting(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    # From Python 3.13 on an authority must say what its key is for; those that clusters make for themselves often do
    # not, and are no less this cluster's.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
