"""The manifests for people without Helm, applied by kubectl alone."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.cluster.cluster import IMAGES, ROOT, Namespace, Release, image, run, until


def overlay(directory: Path, name: str, namespace: str) -> Path:
    """A kustomization of an overlay with the images under test, in this namespace."""
    shutil.copytree(ROOT / "manifests", directory / "manifests", dirs_exist_ok=True)
    users = ("bot", "database", "admin")
    passwords = "".join(f"{user}-password={secrets.token_hex(16)}\n" for user in users)
    (directory / "manifests" / "overlays" / "minimal" / "passwords.env").write_text(passwords)
    place = directory / "manifests" / "overlays" / f"{name}-under-test"
    place.mkdir()
    tags = [image(section).partition(":") for section in IMAGES]
    kustomization = {
        "resources": [f"../{name}"],
        "namespace": namespace,
        "images": [{"name": repository, "newTag": tag} for repository, _, tag in tags],
    }
    (place / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return place


def test_the_minimal_overlay_stores_what_is_published(make_namespace: Callable[..., Namespace], tmp_path: Path) -> None:
    namespace = make_namespace("manifests")
    run("kubectl", "apply", "--kustomize", str(overlay(tmp_path, "minimal", namespace.name)))
    for what in ("statefulset/rosey-nats", "deployment/rosey-database", "deployment/rosey-bot"):
        namespace.kubectl("rollout", "status", what, "--timeout=90s")
    publish = """
import asyncio, os, nats
async def main():
    user = {"user": os.environ["ROSEY_NATS__USER"], "password": open("/etc/rosey/nats-user/password").read()}
    client = await nats.connect("nats://rosey-nats:4222", inbox_prefix="_INBOX.rosey-bot", **user)
    answer = await client.request("rosey.db.message.log.lobby", b'{"username": "Ann", "message": "hi"}', timeout=5)
    print(answer.data)
    await client.close()
asyncio.run(main())
"""
    assert "ROSEY_EVENTS" in namespace.python("deployment/rosey-bot", publish)
    until(lambda: Release(namespace).stored_lines() == 1, what="the line is stored")


def test_the_server_accepts_the_production_overlay(make_namespace: Callable[..., Namespace], tmp_path: Path) -> None:
    namespace = make_namespace("production")
    place = overlay(tmp_path, "production", namespace.name)
    said = run("kubectl", "apply", "--dry-run=server", "--kustomize", str(place)).decode()
    assert "cronjob.batch/rosey-backup created (server dry run)" in said
    assert "statefulset.apps/rosey-nats created (server dry run)" in said
