"""As much of Kubernetes' API server as the operator asks for: objects, merge patches, lists and watches.

It validates nothing and refuses nobody by itself: what a real one refuses is tested in a cluster. It is there to be
away, to be slow and to say no.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from aiohttp import web

Object = dict[str, Any]
_PATH: Final = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?P<sub>/status)?"
)
KINDS: Final = {"cytubechannels": "CytubeChannel", "roseybenchmarks": "RoseyBenchmark"}
CREATED: Final = "2026-01-01T00:00:00Z"


def merge(into: Any, patch: Any) -> Any:
    """A JSON merge patch, RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(into) if isinstance(into, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


class KubernetesApi:
    """The API server, on a port of its own.

    Attributes:
        objects: what is there, by plural, namespace and name.
        requests: verbs and paths in the order in which they came, watches and leases left out.
        refuse: what is refused, by (verb, plural), watches by ``WATCH``: the HTTP status.
        refusals: how often something was.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.requests: list[tuple[str, str]] = []
        self.refuse: dict[tuple[str, str], int] = {}
        self.refusals = 0
        self.url = ""
        self._port = 0
        self._versions = itertools.count(1)
        self._watches: list[tuple[str, asyncio.Queue[Object | None]]] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> KubernetesApi:
        """Listen, after a stop on the same port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    def lose_watches(self) -> None:
        """End all watches, as an API server does now and then."""
        for _, queue in self._watches:
            queue.put_nowait(None)
        self._watches.clear()

    async def stop(self) -> None:
        """Be away; what is there stays."""
        self.lose_watches()
        if self._runner is not None:
            await self._runner.cleanup()

    def kubeconfig(self, path: Path) -> Path:
        """A file by which one is somebody here."""
        named = {"clusters": "cluster", "users": "user", "contexts": "context"}
        values = {"cluster": {"server": self.url}, "user": {"token": "t"}, "context": {"cluster": "a", "user": "a"}}
        lists = {key: [{"name": "a", one: values[one]}] for key, one in named.items()}
        path.write_text(json.dumps({**lists, "current-context": "a"}))
        return path

    def put(self, plural: str, name: str, body: Object, namespace: str = "chat") -> Object:
        """Make or change an object, as a person does."""
        present = self.objects.get((plural, namespace, name))
        is_new = present is None
        found = merge(present or {}, copy.deepcopy(body))
        metadata = found.setdefault("metadata", {})
        metadata |= {"name": name, "namespace": namespace}
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", CREATED)
        if is_new or present is None or present.get("spec") != found.get("spec"):
            metadata["generation"] = metadata.get("generation", 0) + 1
        self._store(plural, found, "ADDED" if is_new else "MODIFIED")
        return found

    def remove(self, plural: str, name: str, namespace: str = "chat") -> None:
        """Delete an object."""
        found = self.objects.pop((plural, namespace, name))
        self._tell(plural, "DELETED", found)

    def find(self, plural: str, name: str, namespace: str = "chat") -> Object:
        """An object."""
        return self.objects[plural, namespace, name]

    def all(self, plural: str) -> list[Object]:
        """All objects of a kind."""
        return [found for (kind, _, _), found in self.objects.items() if kind == plural]

    def _store(self, plural: str, found: Object, event: str) -> None:
        metadata = found["metadata"]
        metadata["resourceVersion"] = str(next(self._versions))
        self.objects[plural, metadata.get("namespace", ""), metadata["name"]] = found
        self._tell(plural, event, found)

    def _tell(self, plural: str, event: str, found: Object) -> None:
        for watched, queue in self._watches:
            if watched == plural:
                queue.put_nowait({"type": event, "object": copy.deepcopy(found)})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        discovered = self._discovery(path)
        if discovered is not None:
            return web.json_response(discovered)
        place = _PATH.fullmatch(path)
        if place is None:
            return _status(404, f"no such path: {path}")
        plural = place["plural"]
        is_watch = "watch" in request.query
        if plural != "leases" and not is_watch:
            self.requests.append((request.method, path))
        verb = "WATCH" if is_watch else request.method
        if (verb, plural) in self.refuse:
            self.refusals += 1
            return _status(self.refuse[verb, plural], f"{plural} is forbidden")
        if is_watch:
            return await self._watch(request, plural)
        body = await request.json() if request.can_read_body else {}
        return self._do(request, place, body)

    def _do(self, request: web.Request, place: re.Match[str], body: Object) -> web.Response:
        plural, namespace, name = place["plural"], place["namespace"] or "", place["name"]
        if name is None and request.method == "GET":
            return web.json_response(self._list(plural, namespace, request.query.get("labelSelector", "")))
        if name is None:
            metadata = body.setdefault("metadata", {})
            name = metadata.setdefault("name", f"{metadata.get('generateName', '')}{uuid.uuid4().hex[:6]}")
            if (plural, namespace, name) in self.objects:
                return _status(409, "it is there already")
            return web.json_response(self.put(plural, name, body, namespace))
        found = self.objects.get((plural, namespace, name))
        if found is None:
            return _status(404, f'{plural} "{name}" not found')
        if request.method == "GET":
            return web.json_response(found)
        if request.method == "DELETE":
            self.remove(plural, name, namespace)
            return web.json_response({})
        wanted = body.get("metadata", {})
        if any(wanted.get(key, found["metadata"][key]) != found["metadata"][key] for key in ("uid", "resourceVersion")):
            return _status(409, "it is another")
        changed = merge(found, body) if request.method == "PATCH" else body
        if place["sub"]:
            changed = {**found, "status": changed.get("status")}
        changed = copy.deepcopy(changed)
        self._store(plural, changed, "MODIFIED")
        return web.json_response(changed)

    def _list(self, plural: str, namespace: str, selector: str) -> Object:
        pairs = [pair.partition("=") for pair in selector.split(",") if pair]
        wanted = {key: value for key, equals, value in pairs if equals}
        present = {key for key, equals, _ in pairs if not equals}
        items = [
            found
            for found in self.all(plural)
            if namespace in ("", found["metadata"].get("namespace"))
            and wanted.items() <= found["metadata"].get("labels", {}).items()
            and present <= found["metadata"].get("labels", {}).keys()
        ]
        return {"kind": "List", "metadata": {"resourceVersion": str(next(self._versions))}, "items": items}

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        queue: asyncio.Queue[Object | None] = asyncio.Queue()
        # Whoever watches may be gone at any moment.
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            self._watches.append((plural, queue))
            while (event := await queue.get()) is not None:
                await response.write(json.dumps(event).encode() + b"\n")
        return response

    def _discovery(self, path: str) -> Object | None:
        if path == "/api":
            return {"versions": ["v1"]}
        if path == "/apis":
            version = {"version": "v1alpha1"}
            return {"groups": [{"name": "rosey.chat", "versions": [version], "preferredVersion": version}]}
        if path == "/api/v1":
            return {"resources": list(_resources({"namespaces": "Namespace", "events": "Event"}))}
        if path == "/apis/rosey.chat/v1alpha1":
            return {"resources": list(_resources(KINDS))}
        return None


def _resources(kinds: dict[str, str]) -> Iterator[Object]:
    verbs = ["get", "list", "watch", "patch", "create"]
    for plural, kind in kinds.items():
        yield {"name": plural, "kind": kind, "singularName": kind.lower(), "namespaced": True, "verbs": verbs}
        yield {"name": f"{plural}/status", "kind": kind, "singularName": "", "namespaced": True, "verbs": verbs}


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)
