"""Witnesses: agents attest each other's records. The ledger is where they are kept, and nowhere else."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, cast

from proxy.board.outbox import Appends
from proxy.board.witness import (
    KIND,
    Attestation,
    Witness,
    must_be_anothers,
    must_fit,
    witness_event,
    witness_id,
    witness_of,
)
from proxy.endpoint import Problem
from proxy.ledger.r6 import Body
from proxy.ledger.store import Entry, RecordConflict
from proxy.slip import Identity


class Remembers(Appends, Protocol):
    """The part of the ledger that is needed here."""

    async def get(self, which: int | str) -> list[Entry]: ...


class Witnesses:
    """Every method raises Problem for what may not be, and LedgerUnavailable."""

    def __init__(self, ledger: Remembers) -> None:
        self._ledger = ledger

    async def attest(self, asked: Attestation, who: Identity, now_ms: int) -> Witness:
        """File it. The same again is the same; another word on the same record is refused."""
        must_fit(asked)
        about = await self._record(asked.record, who)
        must_be_anothers(about, who)
        with suppress(RecordConflict):  # Filed before, at another moment at least.
            await self._ledger.append(witness_event(asked, who, about, now_ms))
        filed = await self._filed(asked, who)
        if (filed.outcome, filed.reason) != (asked.outcome, asked.reason):
            raise Problem(
                409,
                "attested_before",
                f"You attested this record before: {filed.outcome}, {filed.reason}. "
                "What is on file does not change.",
            )
        return filed

    async def of(self, record: str, who: Identity) -> Sequence[Witness]:
        """What was attested of a record of the caller's org."""
        await self._record(record, who)
        entries = await self._ledger.get(record)
        return [
            witness_of(each.body)
            for each in entries
            if each.body["kind"] == KIND and _about(each.body) == record
        ]

    async def _record(self, record: str, who: Identity) -> Body:
        for entry in await self._ledger.get(record):
            role = cast(Body, entry.body["role"])
            if entry.body["id"] == record and role["org"] == who.org:
                return entry.body
        raise Problem(
            404,
            "record_not_found",
            f"Your org has no record {record}. A task has the id of its last one as `record`, a "
            "refusal in its X-Exeat-Record header.",
        )

    async def _filed(self, asked: Attestation, who: Identity) -> Witness:
        own = witness_id(who.org, who.agent, asked.record)
        for entry in await self._ledger.get(own):
            if entry.body["id"] == own:
                return witness_of(entry.body)
        raise LookupError(f"witness {own} was filed and is not there")


def _about(body: Body) -> object:
    return cast(Body, body["reference"])["decision_id"]
