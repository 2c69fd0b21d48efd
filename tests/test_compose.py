"""The compose file says only what Exeat understands, and its image has all that Exeat needs."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from proxy.config import load_settings

ROOT = Path(__file__).parent.parent
SERVICES = YAML(typ="safe").load((ROOT / "compose.yaml").read_text())["services"]


def test_every_variable_of_the_compose_file_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES["exeat"]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.proxy.host == "0.0.0.0"
    assert settings.console.host == "0.0.0.0"
    assert settings.console.insecure, "said with open eyes: its port is published to loopback only"
    assert settings.counters.redis_url is not None
    assert settings.log_format == "json"


def test_the_console_is_published_to_loopback_only():
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["exeat"]["ports"])


def test_state_and_certificates_outlive_the_container():
    mounts = {mount.partition(":")[2] for mount in SERVICES["exeat"]["volumes"]}
    environment = SERVICES["exeat"]["environment"]
    assert {environment["EXEAT_STATE_DIR"], environment["EXEAT_CERTS_DIR"]} == mounts


def test_counters_are_never_evicted():
    assert "noeviction" in SERVICES["redis"]["command"]


def test_the_image_copies_what_there_is():
    dockerfile = (ROOT / SERVICES["exeat"]["build"]["dockerfile"]).read_text()
    for line in re.findall(r"^COPY (.+)$", dockerfile, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
