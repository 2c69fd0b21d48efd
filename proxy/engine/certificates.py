"""The certificate authority that intercepts, and the bundle that clients trust it by."""

import os
from pathlib import Path

import certifi
from mitmproxy.certs import CertStore

_NAME = "exeat"
_KEY_BITS = 2048
_SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def open_authority(directory: Path) -> CertStore:
    """The CA in `directory`, made at first start: folder 0700, key 0600.

    Raises PermissionError when others may read the key: it could sign for every host.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = directory / f"{_NAME}-ca.pem"
    if not key.exists():
        os.chmod(directory, 0o700)
        CertStore.create_store(directory, _NAME, _KEY_BITS, organization="Exeat", cn="Exeat CA")
        for made in directory.glob(f"{_NAME}-*"):
            made.chmod(0o600)
        certificate_path(directory).chmod(0o644)
    if key.stat().st_mode & 0o077:
        raise PermissionError(f"{key}: others may read the CA's key; run: chmod 600 {key}")
    write_bundle(directory)
    return CertStore.from_store(directory, _NAME, _KEY_BITS)


def certificate_path(directory: Path) -> Path:
    """Our CA certificate alone, PEM."""
    return directory / f"{_NAME}-ca-cert.pem"


def bundle_path(directory: Path) -> Path:
    """The system's roots and ours: for variables that replace a client's whole store."""
    return directory / "bundle.pem"


def write_bundle(directory: Path) -> Path:
    """(Re)write the bundle when the roots or our certificate changed."""
    ours = certificate_path(directory).read_text("ascii")
    roots = next((Path(path) for path in _SYSTEM_ROOTS if Path(path).exists()), None)
    text = (roots or Path(certifi.where())).read_text("utf-8").rstrip("\n") + "\n" + ours
    path = bundle_path(directory)
    if not path.exists() or path.read_text("utf-8") != text:
        partial = path.with_suffix(".partial")
        partial.write_text(text, "utf-8")
        partial.chmod(0o644)
        partial.replace(path)
    return path
