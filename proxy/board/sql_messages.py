"""Messages in SQL."""

from collections.abc import Iterable, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
)

from proxy.board.message import Address, Message, Received
from proxy.board.sql_tables import MESSAGE, acknowledgements, messages

_m, _a = messages.c, acknowledgements.c


class SqlMessages:
    """Within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, org: str, message_id: str, now_ms: int) -> Message | None:
        return self._one(org, now_ms, _m.id == message_id)

    def sent_with(self, org: str, agent: str, key: str, now_ms: int) -> Message | None:
        return self._one(org, now_ms, and_(_m.sender == agent, _m.send_key == key))

    def put(self, message: Message) -> None:
        if message.key is not None:  # An expired one has no claim on the key any more.
            self._db.execute(
                delete(messages).where(
                    _m.org == message.org,
                    _m.sender == message.sender,
                    _m.send_key == message.key,
                )
            )
        self._db.execute(
            insert(messages).values(
                id=message.id,
                org=message.org,
                thread=message.thread,
                sender=message.sender,
                send_key=message.key,
                to_kind=message.to.kind,
                to_value=message.to.value,
                is_for_one=message.to.is_one,
                expires_ms=message.expires_ms,
                body=MESSAGE.dump_json(message).decode(),
            )
        )

    def inbox(
        self, org: str, agent: str, roles: Sequence[str], after: int, now_ms: int
    ) -> Iterable[Received]:
        is_maybe_mine = or_(
            and_(_m.to_kind == "agent", or_(_m.to_value == agent, ~_m.is_for_one)),
            and_(_m.to_kind == "role", _m.to_value.in_(roles)),
        )
        asked = (
            select(_m.number, _m.body, _a.at_ms)
            .outerjoin(acknowledgements, and_(_a.message == _m.id, _a.agent == agent))
            .where(_kept(org, now_ms), _m.number > after, is_maybe_mine)
            .order_by(_m.number)
        )
        for number, body, at_ms in self._db.execute(asked):
            message = MESSAGE.validate_json(body)
            if message.to.reaches(agent, roles):
                yield Received(number, message, at_ms)

    def thread(self, org: str, thread: str, now_ms: int) -> Sequence[Message]:
        asked = select(_m.body).where(_kept(org, now_ms), _m.thread == thread).order_by(_m.number)
        return [MESSAGE.validate_json(body) for body in self._db.execute(asked).scalars()]

    def acknowledged_ms(self, message_id: str, agent: str) -> int | None:
        asked = select(_a.at_ms).where(_a.message == message_id, _a.agent == agent)
        return self._db.execute(asked).scalar_one_or_none()

    def acknowledge(self, message_id: str, agent: str, now_ms: int) -> None:
        self._db.execute(
            insert(acknowledgements).values(message=message_id, agent=agent, at_ms=now_ms)
        )

    def waiting(self, org: str, to: Address, sender: str | None, now_ms: int) -> int:
        parts = [_kept(org, now_ms), _m.to_kind == to.kind, _m.to_value == to.value]
        parts += [_by(sender), ~_is_done()]
        asked = select(func.count()).select_from(messages).where(*parts)
        return self._db.execute(asked).scalar_one()

    def count(self, org: str, now_ms: int, sender: str | None = None) -> int:
        asked = select(func.count()).select_from(messages).where(_kept(org, now_ms), _by(sender))
        return self._db.execute(asked).scalar_one()

    def pending(self, org: str, sender: str, now_ms: int) -> int:
        parts = [_kept(org, now_ms), _by(sender), ~_is_done()]
        asked = select(func.count()).select_from(messages).where(*parts)
        return self._db.execute(asked).scalar_one()

    def done(self, org: str, sender: str | None, limit: int, now_ms: int) -> Sequence[Message]:
        parts = [_kept(org, now_ms), _by(sender), _is_done()]
        asked = select(_m.body).where(*parts).order_by(_m.number).limit(limit)
        return [MESSAGE.validate_json(body) for body in self._db.execute(asked).scalars()]

    def forget(self, message: Message) -> None:
        self._db.execute(delete(acknowledgements).where(_a.message == message.id))
        self._db.execute(delete(messages).where(_m.id == message.id))

    def forget_expired(self, now_ms: int) -> None:
        old = select(_m.id).where(_m.expires_ms <= now_ms)
        self._db.execute(delete(acknowledgements).where(_a.message.in_(old)))
        self._db.execute(delete(messages).where(_m.expires_ms <= now_ms))

    def _one(self, org: str, now_ms: int, part: ColumnElement[bool]) -> Message | None:
        asked = select(_m.body).where(_kept(org, now_ms), part)
        body = self._db.execute(asked).scalar_one_or_none()
        return MESSAGE.validate_json(body) if body is not None else None


def _kept(org: str, now_ms: int) -> ColumnElement[bool]:
    return and_(_m.org == org, _m.expires_ms > now_ms)


def _by(sender: str | None) -> ColumnElement[bool]:
    return _m.sender == sender if sender is not None else true()


def _is_done() -> ColumnElement[bool]:
    return and_(_m.is_for_one, exists().where(_a.message == _m.id, _a.agent == _m.to_value))
