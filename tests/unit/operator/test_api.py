"""Who asks Kubernetes' API, and what its certificate is held against."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest

from rosey_operator.kubernetes import api


def test_the_kubeconfigs_user_asks_where_there_is_no_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {
        "cluster": {"server": "https://here:6443"},
        "user": {"token": "t"},
        "context": {"cluster": "a", "user": "a"},
    }
    lists = {f"{kind}s": [{"name": "a", kind: value}] for kind, value in values.items()}
    file = tmp_path / "config"
    file.write_text(json.dumps({**lists, "current-context": "a"}))
    monkeypatch.setenv("KUBECONFIG", str(file))
    info = api.log_in()
    assert info is not None
    assert info.server == "https://here:6443"
    assert info.as_http_headers() == {"Authorization": "Bearer t"}


def test_an_old_authority_is_good_enough_and_none_is_not() -> None:
    context = api.Connection(server="https://here").as_ssl_context()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
