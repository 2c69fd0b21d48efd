"""A private redis-server on a free loopback port, for tests: started, stopped, frozen, restored."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

INSTALL = (
    "redis-server is not installed, and these tests need a real one. Install it with "
    "`apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS)."
)
_START_S = 10


class RedisServer:
    """One server process and its directory. Saves nothing by itself: `save` writes the snapshot."""

    def __init__(self, directory: Path, binary: str) -> None:
        self.directory = directory
        self.port = 0
        self._binary = binary
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """A started server; gone, with its files, at the end. RuntimeError says how to install."""
        binary = shutil.which("redis-server")
        if binary is None:
            raise RuntimeError(INSTALL)
        with tempfile.TemporaryDirectory(prefix="exeat-redis-") as directory:
            server = cls(Path(directory), binary)
            try:
                server.start()
                yield server
            finally:
                server.kill()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start on the port it had before, or on a free one; returns when it answers."""
        for _ in range(5):
            port = self.port or _free_port()
            if self._launch(port):
                self.port = port
                return
        raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        """As `kill -9`: nothing is saved."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: it accepts connections and bytes, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it answers again, first whatever was asked meanwhile."""
        self._signal(signal.SIGCONT)

    def command(self, *parts: str) -> str:
        """One command over a fresh connection; the first line of its reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            text = f"*{len(parts)}\r\n"
            text += "".join(f"${len(part.encode())}\r\n{part}\r\n" for part in parts)
            connection.sendall(text.encode())
            return connection.makefile().readline().rstrip("\r\n")

    def save(self) -> None:
        """Write the snapshot that the next start will load."""
        if self.command("SAVE") != "+OK":
            raise RuntimeError("SAVE failed")

    def forget_snapshot(self) -> None:
        """The next start begins empty."""
        (self.directory / "dump.rdb").unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("the server is not running")
        os.kill(self._process.pid, number)

    def _launch(self, port: int) -> bool:
        settings = {
            "port": port,
            "bind": "127.0.0.1",
            "dir": self.directory,
            "save": "",
            "logfile": "",
        }
        arguments = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        process = subprocess.Popen(
            [self._binary, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ready = threading.Event()
        threading.Thread(target=_drain, args=(process, ready), daemon=True).start()
        ready.wait(_START_S)
        if process.poll() is None and ready.is_set():
            self._process = process
            return True
        process.kill()
        process.wait()
        return False


def _drain(process: subprocess.Popen[str], ready: threading.Event) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if "Ready to accept connections" in line:
                ready.set()
    process.wait()
    ready.set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
