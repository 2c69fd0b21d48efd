"""What commands that ask a running Exeat are tested against: a console that listens."""

from tests.console.conftest import desk, ports

__all__ = ["desk", "ports"]
