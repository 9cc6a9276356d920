"""A copy made by the CronJob, and put back as docs/deploy/kubernetes.md says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import yaml

from tests.cluster.cluster import ROOT, Release, image, until

EMPTY = """
import sqlite3
database = sqlite3.connect("/var/lib/rosey/rosey.db")
database.execute("DELETE FROM recent_chat")
database.commit()
"""


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """A release with backups, and a line in its database."""
    release = make_release("backup", {"backup": {"enabled": True, "keep": 2}})
    release.test()
    return release


def make_copy(release: Release, name: str) -> str:
    release.namespace.kubectl("create", "job", name, "--from=cronjob/rosey-backup")
    release.namespace.kubectl("wait", "--for=condition=Complete", f"job/{name}", "--timeout=60s")
    return release.namespace.kubectl("logs", f"job/{name}").decode()


def test_a_copy_is_verified_and_old_ones_go(release: Release) -> None:
    assert "verified, events stored up to 1" in make_copy(release, "first")
    assert "deleted" not in make_copy(release, "second")
    assert "first" not in (said := make_copy(release, "third"))
    assert said.count("deleted, 2 newer ones are kept") == 1


def test_a_copy_is_put_back_as_the_document_says(release: Release) -> None:
    before = release.stored_lines()
    copied = make_copy(release, "last")
    name = re.search(r"/backup/(rosey-[0-9-]+\.db)", copied)
    assert name is not None
    release.namespace.python("deployment/rosey-database", EMPTY)
    assert release.stored_lines() == 0
    text = (ROOT / "docs" / "deploy" / "kubernetes.md").read_text()
    [manifest] = re.findall(r"```yaml\n# restore.yaml\n(.*?)```", text, flags=re.DOTALL)
    pod = yaml.safe_load(manifest.replace("COPY.db", name[1]).replace("rosey-tools:0.10.0", image("backup")))
    release.namespace.kubectl("scale", "deployment/rosey-database", "--replicas=0")
    selector = "--selector=app.kubernetes.io/component=database"
    until(lambda: not release.namespace.get("pods", selector)["items"], what="the database service is gone")
    release.namespace.kubectl("apply", "--filename=-", input=json.dumps(pod).encode())
    until(lambda: release.namespace.ended("rosey-restore") == "Succeeded", what="the copy is put back")
    release.namespace.kubectl("scale", "deployment/rosey-database", "--replicas=1")
    release.namespace.kubectl("rollout", "status", "deployment/rosey-database", "--timeout=60s")
    assert release.stored_lines() == before
