"""The stores that the board's suites run on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.board import SqlStore
from proxy.board.memory import MemoryStore
from proxy.board.store import Store

STORES = ("memory", "sql")


@contextmanager
def opened(kind: str, directory: Path) -> Iterator[Store]:
    """A store of this kind, empty unless the directory has one already."""
    store: Store = MemoryStore() if kind == "memory" else SqlStore(directory / "board.sqlite")
    try:
        yield store
    finally:
        store.close()
