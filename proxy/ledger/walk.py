"""Walks the rows of a ledger in order and says where they first stop agreeing (pure)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from proxy.ledger.canonical import NotCanonical, canonical
from proxy.ledger.chain import leaf_hash
from proxy.ledger.r6 import VERSION, Body
from proxy.ledger.tables import COST_COLUMNS, RECORD_COLUMNS, cost_row, rate_rows, record_row

_LEAF, _BODY = RECORD_COLUMNS.index("leaf_hash"), RECORD_COLUMNS.index("body")
_WIDTH = len(RECORD_COLUMNS)
_NO_COST = (None,) * len(COST_COLUMNS)


class Broken(Exception):  # noqa: N818  # what the chain is, there
    """The first row that does not fit. `seq` names it."""

    def __init__(self, seq: int, what: str) -> None:
        super().__init__(what)
        self.seq = seq
        self.what = what


@dataclass(slots=True)
class Walk:
    """Feed it every row from the first, or from some row on (`has_start` False): then links to what
    came before are taken on trust."""

    has_start: bool = True
    expected: int | None = 0
    prev: str | None = None
    sessions: dict[tuple[object, object], str] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    """Allowed decisions without an outcome so far: id to sequence number."""
    hold_seqs: dict[str, int] = field(default_factory=dict)
    outcomes: int = 0
    orphans: list[tuple[int, str]] = field(default_factory=list)
    """Outcomes met while no such decision was open; the caller looks whether one was filed."""

    def step(self, row: tuple[object, ...], rates: Sequence[tuple[object, ...]] = ()) -> Body:
        """One row: the columns of `records`, then those of `costs` (all None when it has none); and its
        rows of `rates`, in order."""
        seq = cast(int, row[0])
        if self.expected is None:
            self.expected = seq
        if seq != self.expected:
            raise Broken(self.expected, f"record {self.expected} is missing; {seq} follows")
        digest, filed = row[_LEAF], row[_BODY]
        if not isinstance(filed, bytes) or leaf_hash(filed) != digest:
            raise Broken(seq, "the stored leaf hash is not the hash of the stored body")
        body = _parsed(seq, filed)
        try:
            self._links(seq, body)
            columns, cost = record_row(body, digest, filed), cost_row(body)
            counted = rate_rows(body)
        except (KeyError, TypeError, ValueError, AssertionError) as error:
            raise Broken(seq, f"the body is not that of a record ({error!r})") from None
        if columns != row[:_WIDTH]:
            wrong = [
                name for name, a, b in zip(RECORD_COLUMNS, columns, row, strict=False) if a != b
            ]
            raise Broken(seq, f"the columns {', '.join(wrong)} disagree with the body")
        if (cost or _NO_COST) != row[_WIDTH:]:
            raise Broken(seq, "the cost row disagrees with the record" if cost else "a stray cost")
        if counted != list(rates):
            raise Broken(seq, "the rate rows disagree with the record")
        self._pairs(seq, body)
        self.expected = seq + 1
        self.prev = digest.hex()
        role = cast(Body, body["role"])
        if role["session"] is not None:
            self.sessions[role["org"], role["session"]] = self.prev
        return body

    def _links(self, seq: int, body: Body) -> None:
        reference, role = cast(Body, body["reference"]), cast(Body, body["role"])
        if body["v"] != VERSION:
            raise Broken(seq, f"version {body['v']} is not one this program knows")
        if (self.has_start or self.prev) and reference["prev"] != self.prev:
            raise Broken(seq, "the link to the record before it does not hold")
        known = self.sessions.get((role["org"], role["session"]))
        if (self.has_start or known) and reference["session_prev"] != known:
            raise Broken(seq, "the link to its session's record before it does not hold")

    def _pairs(self, seq: int, body: Body) -> None:
        record_id = cast(str, body["id"])
        if body["kind"] == "decision":
            resource, role = cast(Body, body["resource"]), cast(Body, body["role"])
            if cast(Body, body["result"])["decision"] == "allow":
                self.open[record_id] = seq
            org = cast(str | None, role["org"])
            for hold in (*cast(list[Body], resource["rates"]), cast(Body | None, resource["hold"])):
                if hold and org is not None:
                    self.hold_seqs[org] = max(self.hold_seqs.get(org, 0), cast(int, hold["seq"]))
        elif body["kind"] == "outcome":
            self.outcomes += 1
            if self.open.pop(record_id, None) is None and self.has_start:
                self.orphans.append((seq, record_id))


def _parsed(seq: int, filed: bytes) -> Body:
    try:
        body = json.loads(filed)
        if canonical(body) == filed and isinstance(body, dict):
            return body
    except (ValueError, RecursionError, NotCanonical):
        pass
    raise Broken(seq, "the body is not canonical JSON")
