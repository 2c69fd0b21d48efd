"""Gives each record its number, its links and its bytes (no I/O of its own).

One writer owns it. A batch is drafted first and only becomes the sequencer's state once the store
has made it durable, so a failed write leaves nothing behind.
"""

import json
from typing import Protocol, cast

from proxy.ledger.canonical import LoneSurrogate, canonical, cleaned
from proxy.ledger.chain import leaf_hash
from proxy.ledger.r6 import Body, r6
from proxy.ledger.records import Decision, Outcome, Record, id_of, kind_of
from proxy.ledger.store import Filed, RecordConflict
from proxy.ledger.tables import cost_row, rate_rows, record_row

SESSIONS_MAX = 20_000
"""Session heads kept in memory; an older session's is read from the store again."""

type Session = tuple[str | None, str]


class Lookup(Protocol):
    """What the sequencer must sometimes read back."""

    def filed(self, record_id: str, kind: str) -> tuple[int, bytes] | None:
        """(sequence number, body bytes) of a filed record."""

    def session_head(self, org: str | None, session: str) -> bytes | None:
        """Leaf hash of the session's latest record."""


class Sequencer:
    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.head_seq = -1
        self.head_hash: bytes | None = None
        self.sessions: dict[Session, str | None] = {}
        self.open: dict[str, Body] = {}
        """Allowed decisions without an outcome, by id. Read by other threads: replace, never
        iterate without a copy."""

    def draft(self) -> "Draft":
        return Draft(self)


class Draft:
    """The rows of one transaction."""

    def __init__(self, base: Sequencer) -> None:
        self._base = base
        self._head_seq = base.head_seq
        self._head = base.head_hash.hex() if base.head_hash else None
        self._sessions: dict[Session, str | None] = {}
        self._mine: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.records: list[tuple[object, ...]] = []
        self.costs: list[tuple[object, ...]] = []
        self.rates: list[tuple[object, ...]] = []
        self.hold_seqs: dict[str, int] = {}
        self.opened: dict[str, Body] = {}

    def add(self, record: Record, *, is_careful: bool = False) -> Filed:
        """Number and link `record`. A careful draft looks for the same record in the store first;
        otherwise the store's unique index is what finds it."""
        kind, record_id = kind_of(record), id_of(record)
        earlier = self._mine.get((kind, record_id))
        decided: Body | None = None
        if isinstance(record, Outcome):
            decided = self.opened.get(record_id) or self._base.open.get(record_id)
            if decided is None:
                decided = self._decided(record_id)
                is_careful = True
        is_careful = is_careful or (kind == "decision" and record_id in self._base.open)
        if earlier is None and is_careful:
            earlier = self._base.lookup.filed(record_id, kind)
        if earlier is not None:
            return _same(record, earlier, decided)

        session = _session(record, decided)
        session_prev = self._session_head(session) if session else None
        seq = self._head_seq + 1
        body, leaf = _sealed(record, seq, self._head, session_prev, decided)
        digest = leaf_hash(leaf)
        row, cost, rates = record_row(body, digest, leaf), cost_row(body), rate_rows(body)

        # Nothing above changed the draft: a record that cannot be sealed leaves no gap.
        self._head_seq, self._head = seq, digest.hex()
        if session:
            self._sessions[session] = self._head
        self._mine[kind, record_id] = seq, leaf
        self.records.append(row)
        if cost is not None:
            self.costs.append(cost)
        self.rates += rates
        if isinstance(record, Decision):
            if record.decision == "allow":
                self.opened[record_id] = body
            for hold in (*record.rates, record.hold):
                if hold is not None and record.org is not None:
                    known = self.hold_seqs.get(record.org, 0)
                    self.hold_seqs[record.org] = max(known, hold.seq)
        return Filed(seq, digest)

    def become(self) -> None:
        """The draft is durable: it is the sequencer's state now."""
        base = self._base
        base.head_seq = self._head_seq
        base.head_hash = bytes.fromhex(self._head) if self._head else None
        for session, head in self._sessions.items():
            base.sessions.pop(session, None)
            base.sessions[session] = head
        while len(base.sessions) > SESSIONS_MAX:
            del base.sessions[next(iter(base.sessions))]
        base.open.update(self.opened)
        for cost in self.costs:
            base.open.pop(cast(str, cost[1]), None)

    def _decided(self, decision_id: str) -> Body:
        found = self._mine.get(("decision", decision_id)) or self._base.lookup.filed(
            decision_id, "decision"
        )
        if found is None:
            raise RecordConflict(
                f"no decision {decision_id} is filed, so it can have no outcome; file it first"
            )
        return cast(Body, json.loads(found[1]))

    def _session_head(self, session: Session) -> str | None:
        for known in (self._sessions, self._base.sessions):
            if session in known:
                return known[session]
        found = self._base.lookup.session_head(*session)
        head = found.hex() if found else None
        self._base.sessions[session] = head  # read from the store: true whatever becomes of us
        return head


def _session(record: Record, decided: Body | None) -> Session | None:
    if decided is not None:
        role = decided["role"]
        assert isinstance(role, dict)
        org, session = role["org"], role["session"]
    else:
        assert not isinstance(record, Outcome)
        org, session = record.org, record.session
    return (cast(str | None, org), cast(str, session)) if session is not None else None


def _sealed(
    record: Record, seq: int, prev: str | None, session_prev: str | None, decided: Body | None
) -> tuple[Body, bytes]:
    body = r6(record, seq, prev, session_prev, decided)
    try:
        return body, canonical(body)
    except LoneSurrogate:
        # A path or a model name may hold bytes that are no text; the call is recorded all the same.
        body = cast(Body, cleaned(body))
        return body, canonical(body)


def _same(record: Record, earlier: tuple[int, bytes], decided: Body | None) -> Filed:
    seq, filed = earlier
    reference = json.loads(filed)["reference"]
    _, again = _sealed(record, seq, reference["prev"], reference["session_prev"], decided)
    if again != filed:
        raise RecordConflict(
            f"record {seq} is the {kind_of(record)} {id_of(record)} and says something else; "
            "a filed record cannot change: file a new one under its own id"
        )
    return Filed(seq, leaf_hash(filed), is_new=False)
