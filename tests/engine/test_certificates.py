"""The CA's folder: who may read it, and what clients get."""

import shutil
import ssl
from pathlib import Path

import certifi
import pytest

from proxy.engine import certificates
from proxy.engine.certificates import bundle_path, certificate_path, open_authority, write_bundle


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def certs(authority_dir, tmp_path) -> Path:
    """A copy of the CA's folder that a test may spoil."""
    return Path(shutil.copytree(authority_dir, tmp_path / "certs"))


def test_only_we_may_look_into_the_folder_and_read_the_keys(authority_dir):
    assert mode(authority_dir) == 0o700
    for path in authority_dir.glob("exeat-*"):
        assert mode(path) == (0o644 if path == certificate_path(authority_dir) else 0o600), path


def test_what_clients_get_can_be_read_by_everybody_and_holds_no_key(authority_dir):
    for path in (bundle_path(authority_dir), certificate_path(authority_dir)):
        assert mode(path) == 0o644
        assert "PRIVATE" not in path.read_text()


def test_the_bundle_is_the_systems_roots_and_ours(authority_dir):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle_path(authority_dir))

    names = [dict(part[0] for part in each["subject"]) for each in context.get_ca_certs()]
    assert [each for each in names if each.get("commonName") == "Exeat CA"]
    assert len(names) > 50


def test_the_second_start_uses_the_same_ca(certs):
    before = {path.name: path.read_bytes() for path in certs.iterdir()}

    first, second = open_authority(certs), open_authority(certs)

    assert first.default_ca == second.default_ca
    assert {path.name: path.read_bytes() for path in certs.iterdir()} == before


def test_the_ca_signs_for_a_host(certs):
    entry = open_authority(certs).get_cert("api.openai.com", [])

    assert entry.cert.issuer == open_authority(certs).default_ca.subject


@pytest.mark.parametrize("wrong", [0o604, 0o640, 0o644, 0o660])
def test_rule_1_fail_closed_a_key_that_others_may_read_is_not_used(certs, wrong):
    (certs / "exeat-ca.pem").chmod(wrong)

    with pytest.raises(PermissionError, match=r"chmod 600 .*exeat-ca\.pem"):
        open_authority(certs)


def test_the_bundle_is_written_only_when_it_changed(certs):
    path = write_bundle(certs)
    before = path.stat().st_mtime_ns
    assert write_bundle(certs).stat().st_mtime_ns == before
    path.write_text("old")

    assert write_bundle(certs).read_text().endswith(certificate_path(certs).read_text())
    assert not list(certs.glob("*.partial"))


def test_where_the_system_has_no_roots_the_shipped_ones_are_taken(certs, monkeypatch):
    monkeypatch.setattr(certificates, "_SYSTEM_ROOTS", ("/nowhere/at/all.pem",))

    assert (
        write_bundle(certs).read_text().startswith(Path(certifi.where()).read_text().rstrip("\n"))
    )
