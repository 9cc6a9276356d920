"""The systemd units: what they start exists, what they may do is little."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from rosey_core.config import load

FOLDER = Path(__file__).parents[3] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
SERVICES = [unit for unit in UNITS if unit.stem != "rosey-nats"]
HARDENING = {
    "DynamicUser": "true",
    "NoNewPrivileges": "true",
    "PrivateDevices": "true",
    "PrivateUsers": "true",
    "ProtectHome": "true",
    "ProtectSystem": "strict",
    "RestrictNamespaces": "true",
    "MemoryDenyWriteExecute": "true",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
}
TOLERATED = 20
"""Tenths of systemd's exposure level; up to 49 it calls OK."""


def directives(unit: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in unit.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def test_there_is_a_unit_for_each_process() -> None:
    assert [unit.stem for unit in UNITS] == ["rosey-bot", "rosey-database", "rosey-nats"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_confined_and_comes_back(unit: Path) -> None:
    found = directives(unit)
    assert {name: found[name][0] for name in HARDENING} == HARDENING
    assert found["Restart"] == ["always"]
    assert found["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_starts_with_its_configuration_and_reads_it_again(unit: Path, tmp_path: Path) -> None:
    found = directives(unit)
    program, config, option, port = found["ExecStart"][0].split()
    assert (Path(program).name, Path(config).name, option) == (unit.stem, f"{unit.stem}.yaml", "--health-port")
    assert port.isdecimal()
    assert found["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert found["RestartPreventExitStatus"] == ["2"]
    text = (FOLDER / f"{unit.stem}.yaml").read_text().replace("platforms: []", "platforms:").replace("\n#", "\n")
    for credential in found["LoadCredential"]:
        name = credential.partition(":")[0]
        (tmp_path / name).write_text(f"secret of {name}")
    used = set(re.findall(r"/run/credentials/([^/]+)/(\w+)", text))
    assert used == {(unit.name, credential.partition(":")[0]) for credential in found["LoadCredential"]}
    file = tmp_path / "rosey.yaml"
    file.write_text(text.replace(f"/run/credentials/{unit.name}", str(tmp_path)))
    settings = load(file, environ={})
    assert settings.warnings == ()
    assert settings.nats.user == "rosey"
    kept = settings.database.path if unit.stem == "rosey-database" else str(settings.bot.spool_dir)
    assert kept.startswith(f"/var/lib/{found['StateDirectory'][0]}/")


def test_no_two_services_serve_health_at_one_port() -> None:
    ports = [directives(unit)["ExecStart"][0].split()[-1] for unit in SERVICES]
    assert len(set(ports)) == len(ports)


if shutil.which("systemd-analyze"):

    @pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
    def test_systemd_calls_the_exposure_ok(unit: Path) -> None:
        command = ["systemd-analyze", "security", "--offline=true", f"--threshold={TOLERATED}", str(unit)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert result.returncode == 0, result.stdout[-200:]
        assert " OK " in result.stdout
