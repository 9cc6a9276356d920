"""Checks of this machine: Python, ports, disks."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from rosey_cli.doctor.finding import Finding, ok, problem, warning
from rosey_cli.up.scrape import Unreachable, get_samples

OLDEST_PYTHON: Final = (3, 11)
LOW_DISK: Final = 1 << 30
FULL_DISK: Final = 100 << 20


def python_version(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether this Python is new enough."""
    text = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        return problem("python", f"Python {text} is too old", f"install Python {wanted} or newer, and Rosey with it")
    return ok("python", f"Python {text}")


async def health_port(host: str, port: int) -> Finding:
    """Whether a service could serve its health there, or does."""
    name = f"port {port}"
    if not port:
        return ok("port", "any that is free is taken for health and metrics")
    try:
        with socket.create_server((host, port)):
            return ok(name, f"is free on {host}")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return await _taken(name, host, port)
        return problem(name, f"cannot be used on {host}: {error.strerror}", "set health.host and health.port")


async def _taken(name: str, host: str, port: int) -> Finding:
    try:
        samples = await get_samples(f"http://{host}:{port}")
    except Unreachable:
        samples = {}
    if any(metric.startswith("rosey_") for metric, _ in samples):
        return ok(name, "a process of Rosey's serves its health there")
    return problem(
        name,
        f"is taken on {host}{_holder(port)}",
        "end that program, or set health.port (or --health-port) to another; 0 is any that is free",
    )


def _holder(port: int) -> str:
    """Who listens on a port, where the system tells."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def folder(name: str, path: Path) -> Finding:
    """Whether files can be made in a folder that is there, or is made when it is needed."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return problem(name, f"{there} is no folder", "name another, or remove what stands in its place")
    if not os.access(there, os.W_OK | os.X_OK):
        return problem(name, f"{there} cannot be written", "give it to the user that the service runs as")
    return ok(name, f"{path} can be written")


def disk(path: Path, free: Callable[[Path], int] | None = None) -> Finding:
    """Whether there is room on the disk of ``path``.

    Args:
        free: bytes that are free there.
    """
    there = path.absolute()
    while not there.exists():
        there = there.parent
    left = (free or _free)(there)
    name, text = "disk", f"{left / 1e9:.1f} GB free at {there}"
    advice = "make room: without it nothing is stored, and events wait in the stream for as long as that goes back"
    if left < FULL_DISK:
        return problem(name, text, advice)
    return warning(name, text, advice) if left < LOW_DISK else ok(name, text)


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free
