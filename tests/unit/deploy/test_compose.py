"""The Compose project: what it names exists, what it runs is confined, what is secret is in files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rosey_core.config import load

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "compose"
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
SETTINGS = FOLDER / "rosey.yaml"
KEYS = {
    *("image", "build", "command", "entrypoint", "user", "environment", "secrets", "volumes", "tmpfs", "ports"),
    *("depends_on", "healthcheck", "restart", "read_only", "cap_drop", "cap_add", "security_opt", "logging"),
    *("stop_grace_period", "network_mode", "profiles", "mem_limit"),
}


def settings(tmp_path: Path) -> Any:
    """The services' configuration, with secrets in files of the test's own."""
    (tmp_path / "nats_password").write_text("some-password\n")
    file = tmp_path / "rosey.yaml"
    file.write_text(SETTINGS.read_text().replace("/run/secrets", str(tmp_path)))
    return load(file, environ={})


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_pinned_and_confined(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+(-alpine)?", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_reached_from_other_machines(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_exists(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(PROJECT["secrets"])
    assert set(service.get("depends_on", ())) <= set(SERVICES)
    for mount in service.get("volumes", ()):
        source = mount.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert mount.endswith(":ro")
        else:
            assert source in PROJECT["volumes"]
    if "build" in service:
        dockerfile = (ROOT / service["build"]["dockerfile"]).read_text()
        assert f" AS {service['build'].get('target', name)}\n" in dockerfile
        assert f"ARG VERSION={service['image'].partition(':')[2]}\n" in dockerfile


def test_who_waits_for_health_waits_for_a_service_that_has_a_check() -> None:
    for service in SERVICES.values():
        for other, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
    assert {name for name in SERVICES if "healthcheck" in SERVICES[name]} >= {"nats", "database", "bot"}


def test_secrets_come_from_files_that_git_does_not_take() -> None:
    folder = FOLDER / "secrets"
    assert (folder / ".gitignore").read_text().split() == ["*", "!.gitignore"]
    for secret in PROJECT["secrets"].values():
        assert (ROOT / secret["file"]).parent == folder
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or value.startswith("/run/secrets/")


def test_the_configuration_is_good_and_fits_the_project(tmp_path: Path) -> None:
    config = settings(tmp_path)
    assert config.warnings == ()
    assert config.nats.password is not None
    assert config.nats.password.get_secret_value() == "some-password"
    assert config.nats.url == f"nats://nats:{SERVICES['nats']['ports'][0].split(':')[-1]}"
    for path in (config.database.path, str(config.bot.spool_dir)):
        assert path.startswith("/var/lib/rosey/")
    for name in ("bot", "database"):
        assert any(mount.endswith(":/var/lib/rosey") for mount in SERVICES[name]["volumes"])
        assert f"127.0.0.1:{config.health.port}/" in SERVICES[name]["healthcheck"]["test"][-1]


def test_the_channels_that_are_proposed_are_good(tmp_path: Path) -> None:
    text = SETTINGS.read_text().replace("platforms: []", "platforms:").replace("\n#", "\n")
    (tmp_path / "rosey_password").write_text("another\n")
    (tmp_path / "nats_password").write_text("some-password\n")
    file = tmp_path / "rosey.yaml"
    file.write_text(text.replace("/run/secrets", str(tmp_path)))
    assert [channel.channel for channel in load(file, environ={}).channels] == ["NAME", "demo"]


def test_prometheus_scrapes_what_serves_metrics(tmp_path: Path) -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["static_configs"][0] for job in config["scrape_configs"]}
    port = settings(tmp_path).health.port
    for service in ("bot", "database"):
        assert jobs[f"rosey-{service}"]["targets"] == [f"{service}:{port}"]
        # The rules and dashboards tell installations apart by it.
        assert jobs[f"rosey-{service}"]["labels"]["namespace"] == "rosey"
    (rules,) = config["rule_files"]
    assert any(mount.split(":")[1] == str(Path(rules).parent) for mount in SERVICES["prometheus"]["volumes"])


def test_grafana_is_provisioned_with_what_is_there() -> None:
    sources = yaml.safe_load((FOLDER / "grafana/datasources/rosey.yaml").read_text())["datasources"]
    for source in sources:
        host, port = re.fullmatch(r"http://([a-z]+):(\d+)", source["url"]).groups()  # type: ignore[union-attr]
        assert any(published.endswith(f":{port}") for published in SERVICES[host]["ports"])
    (provider,) = yaml.safe_load((FOLDER / "grafana/dashboards/rosey.yaml").read_text())["providers"]
    assert any(f":{provider['options']['path']}:ro" in mount for mount in SERVICES["grafana"]["volumes"])
