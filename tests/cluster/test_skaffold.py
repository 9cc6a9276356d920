"""What `skaffold dev` does, done by hand: its images, its values, and a change copied as it copies one.

A changed service begins anew in its container, on a read-only image and within the restricted standard.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from tests.chart.skaffold import ARTIFACTS, ROOT, destinations, values
from tests.cluster import identity
from tests.cluster.cluster import CommandFailed, Release, apply_definitions, run, until

TAG: Final = identity.tag("development")
HEALTH: Final = "services/core/rosey_core/health.py"
SITE: Final = "services/simulator/rosey_simulator/main.py"
ANSWER: Final = '{"alive": alive, '
SERVICES: Final = ("bot", "database", "operator")


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release], load_command: list[str]) -> Release:
    """What skaffold installs."""
    with ThreadPoolExecutor() as threads:
        names = list(threads.map(build, ARTIFACTS))
    run(*load_command, *names, timeout=300)
    return make_release("skaffold", values(TAG), lambda _: apply_definitions())


def build(artifact: dict[str, Any]) -> str:
    """Build an image as skaffold does; returns its name."""
    docker = artifact["docker"]
    name = f"{artifact['image']}:{TAG}"
    command = ["docker", "build", "--quiet", "--file", str(ROOT / docker["dockerfile"]), "--tag", name]
    command += [f"--build-arg={key}={value}" for key, value in docker["buildArgs"].items()]
    run(*command, "--target", docker["target"], str(ROOT), timeout=900)
    return name


def copy(release: Release, file: str, text: str) -> None:
    """Copy a changed file into the containers of all images, as skaffold does."""
    pods = release.namespace.get("pods", "--field-selector=status.phase=Running")["items"]
    for artifact in ARTIFACTS:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for place in destinations(artifact, file):
                member = tarfile.TarInfo(place)
                member.size, member.mode, member.uname = len(text.encode()), 0o644, "somebody"
                archive.addfile(member, io.BytesIO(text.encode()))
        containers = [
            (pod["metadata"]["name"], container["name"])
            for pod in pods
            for container in pod["spec"]["containers"]
            if container["image"] == f"{artifact['image']}:{TAG}"
        ]
        assert containers
        for pod, container in containers:
            command = ("exec", pod, "-c", container, "-i", "--", "tar", "xmf", "-", "-C", "/", "--no-same-owner")
            release.namespace.kubectl(*command, input=packed.getvalue())


def until_it_answers(release: Release, service: str, text: str) -> None:
    """Wait until a service says this of itself."""
    script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/healthz').read().decode())"
    where = f"deployment/rosey-{service}"
    until(lambda: text in release.namespace.python(where, script), what=f"{service} says {text}", timeout=30, poll=0.1)


def pods(release: Release) -> dict[str, Any]:
    """Each pod by its component, with how often its container was begun anew."""
    components = ("nats", "simulator", *SERVICES)
    return {name: (release.pod(name)["metadata"]["uid"], release.restarts(name)) for name in components}


def test_changed_code_is_at_work_in_the_same_container(release: Release) -> None:
    before = pods(release)
    changed = (ROOT / HEALTH).read_text().replace(ANSWER, '{"alive": alive, "changed": True, ')
    began = time.monotonic()
    copy(release, HEALTH, changed)
    for service in SERVICES:
        until_it_answers(release, service, '"changed": true')
        print(f"{service}: the change was at work {time.monotonic() - began:.1f} s after it began to be copied")
    lines = until(release.stored_lines, what="the database can be asked")
    until(lambda: release.stored_lines() > lines, what="lines are stored again")
    assert pods(release) == before


def test_changed_code_of_the_simulator_is_at_work(release: Release) -> None:
    before = pods(release)
    copy(release, SITE, (ROOT / SITE).read_text().replace("listening on", "changed, on"))
    logs = ("logs", "deployment/rosey-simulator", "--tail=50")
    until(lambda: b"changed, on http" in release.namespace.kubectl(*logs), what="the simulator runs it", timeout=30)
    assert pods(release) == before


def test_code_that_does_not_run_ends_no_container_and_the_next_change_mends_it(release: Release) -> None:
    before = pods(release)
    copy(release, HEALTH, "this is no Python")
    logs = ("logs", "deployment/rosey-bot", "--tail=50")
    until(lambda: b"SyntaxError" in release.namespace.kubectl(*logs), what="the bot says what is wrong", timeout=30)
    copy(release, HEALTH, (ROOT / HEALTH).read_text())
    for service in SERVICES:
        until_it_answers(release, service, '"alive": true, "reason"')
    assert pods(release) == before


def test_the_image_stays_read_only(release: Release) -> None:
    with pytest.raises(CommandFailed, match="Read-only file system"):
        release.namespace.python("deployment/rosey-bot", "open('/var/tmp/mark', 'w')")
