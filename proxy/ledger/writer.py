"""The one thread that appends: everything queued while it synced is its next transaction."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import NamedTuple, cast

from proxy.ledger.checkpointer import Checkpointer
from proxy.ledger.file import LedgerFile
from proxy.ledger.r6 import Body
from proxy.ledger.records import Record
from proxy.ledger.sequencer import Sequencer
from proxy.ledger.store import Filed, LedgerUnavailable

MARK_EVERY = 10_000
"""Records between two marks of what is closed: how far back a crash makes the next opening look."""

CHECKPOINT_EVERY = 100
"""Records between two looks at how large the write-ahead log has become."""

BATCH_MAX = 512
"""Records in one transaction: bounds its memory, and how long the first waits for the last."""

type Waiting = tuple[Record, asyncio.Future[Filed]]
type Answer = tuple[asyncio.Future[Filed], Filed | Exception]
type Row = tuple[object, ...]
type OnFiled = Callable[[Sequence[Row]], None]
"""Hears the rows of `records` that have just become durable, on the loop's thread."""


class Done(NamedTuple):
    """A batch: what each is answered, and the rows that are new in the file."""

    answers: Sequence[Answer]
    rows: Sequence[Row] = ()


class Writer(threading.Thread):
    """Owns the file and the sequencer from `start` until its queue gives it None; lends them to
    `file_here` while every record it was ever given is answered."""

    def __init__(
        self,
        file: LedgerFile,
        sequencer: Sequencer,
        loop: asyncio.AbstractEventLoop,
        on_filed: OnFiled | None = None,
    ) -> None:
        super().__init__(name="exeat-ledger", daemon=True)
        self.queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self.pending = 0
        """Records submitted and not yet answered; only the loop's thread touches it."""
        self._file = file
        self._sequencer = sequencer
        self._loop = loop
        self._on_filed = on_filed
        self.problem: str | None = None
        """Why the last batch could not be filed; None once one was."""
        self._is_certain = True
        self._marked = sequencer.head_seq + 1
        self._checkpointer = Checkpointer(file.path)
        self._uncarried = 0

    def run(self) -> None:
        is_open = True
        self._checkpointer.start()
        while is_open:
            batch = [self.queue.get()]
            queued = min(self.queue.qsize(), BATCH_MAX - 1)
            batch += [self.queue.get_nowait() for _ in range(queued)]
            if batch[-1] is None:
                is_open = False
            waiting = [item for item in batch if item is not None]
            if waiting:
                self._answer(self._file_batch(waiting))
        self._close()

    def file_here(self, batch: list[Waiting]) -> None:
        """File on the caller's own thread, the loop's, while this one has nothing to do: on a quick
        disk, changing threads (and waiting for the interpreter's lock) costs more than the sync."""
        self._resolve(self._file_batch(batch))

    @property
    def sync_s(self) -> float:
        """How long the last commit took."""
        return self._file.sync_s

    def _file_batch(self, batch: list[Waiting]) -> Done:
        try:
            if not self._is_certain:
                self._catch_up()
            try:
                return self._write(batch, is_careful=False)
            except sqlite3.IntegrityError:
                # One of them is filed already: look before each.
                return self._write(batch, is_careful=True)
        except (sqlite3.Error, OSError, LedgerUnavailable) as error:
            self._is_certain = False
            self.problem = str(error)
            return Done([(future, self._unavailable(error)) for _, future in batch])
        except Exception as error:  # the thread's edge: a bug fails its batch, not the process
            self._is_certain = False
            return Done([(future, error) for _, future in batch])

    def _write(self, batch: list[Waiting], *, is_careful: bool) -> Done:
        draft = self._sequencer.draft()
        answers: list[Answer] = []
        for record, future in batch:
            try:
                answers.append((future, draft.add(record, is_careful=is_careful)))
            except (sqlite3.Error, OSError):
                raise
            except Exception as error:  # this record's fault, or a bug it met: its caller's to hear
                answers.append((future, error))
        if draft.records:
            self._file.write(draft)
            draft.become()
            self.problem = None
            self._uncarried += len(draft.records)
            if self._uncarried >= CHECKPOINT_EVERY:
                self._uncarried = 0
                self._checkpointer.wake()
            self._mark(MARK_EVERY)
        return Done(answers, draft.records)

    def _mark(self, every: int) -> None:
        known = self._sequencer
        if known.head_seq + 1 - self._marked < every:
            return
        still_open = (cast(int, body["seq"]) for body in known.open.values())
        self._file.mark_closed(min(still_open, default=known.head_seq + 1))
        self._marked = known.head_seq + 1

    def _catch_up(self) -> None:
        """What failed may be in the file all the same. Take the file's word for it."""
        known, file = self._sequencer, self._file
        file.reconnect()
        seq, digest = file.head()
        if seq < known.head_seq or (seq >= 0 and file.leaf(known.head_seq) != known.head_hash):
            raise LedgerUnavailable(
                f"the file ends at record {seq} but {known.head_seq} was filed; "
                "stop, keep the file and restore the newest copy"
            )
        for record_id, kind, status, body in file.pairs_after(known.head_seq):
            if kind == "outcome":
                known.open.pop(record_id, None)
            elif status == "allow":
                known.open[record_id] = cast(Body, json.loads(body))
        known.head_seq, known.head_hash = seq, digest
        known.sessions.clear()
        self._is_certain = True

    def _unavailable(self, error: Exception) -> LedgerUnavailable:
        return LedgerUnavailable(
            f"{self._file.path}: nothing can be filed ({error}); "
            "free the disk or mend the file, then the next record is tried again"
        )

    def _answer(self, done: Done) -> None:
        with suppress(RuntimeError):  # The loop is closed: nobody is left to hear; it is filed.
            self._loop.call_soon_threadsafe(self._resolve, done)

    def _resolve(self, done: Done) -> None:
        for future, answer in done.answers:
            self.pending -= 1
            if future.done():  # its caller was cancelled; the record is filed all the same
                continue
            if isinstance(answer, Filed):
                future.set_result(answer)
            else:
                future.set_exception(answer)
        if done.rows and self._on_filed is not None:
            self._on_filed(done.rows)

    def _close(self) -> None:
        self._checkpointer.stop()
        try:
            if self._is_certain:
                self._mark(1)
        except sqlite3.Error:
            pass  # Only a shortcut for the next opening, which looks further back without it.
        finally:
            self._file.close()
