"""What the engine's tests share: a CA made once."""

from pathlib import Path

import pytest

from proxy.engine.certificates import open_authority


@pytest.fixture(scope="session")
def authority_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA's folder; a key takes long to make."""
    directory = tmp_path_factory.mktemp("authority") / "deep" / "certs"
    open_authority(directory)
    return directory
