"""Tasks in SQL."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, and_, delete, exists, func, insert, select, tuple_
from sqlalchemy.dialects.sqlite import insert as upsert

from proxy.board.sql_tables import TASK, artifacts, dependencies, tasks
from proxy.board.states import ENDED, State
from proxy.board.store import Place, TaskFilter
from proxy.board.task import Task

_t = tasks.c


class SqlTasks:
    """Within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, org: str | None, task_id: str) -> Task | None:
        return self._one(_t.id == task_id, *([_t.org == org] if org is not None else []))

    def made_with(self, org: str, agent: str, key: str) -> Task | None:
        return self._one(_t.org == org, _t.created_by == agent, _t.create_key == key)

    def put(self, task: Task) -> None:
        row = {
            "id": task.id,
            "org": task.org,
            "priority": task.priority,
            "state": task.state,
            "created_by": task.created_by,
            "create_key": task.create_key,
            "holder": task.holder.agent if task.holder else None,
            "under": task.under,
            "lease_until_ms": task.lease_until_ms,
            "ended_ms": task.changed_ms if task.has_ended else None,
            "body": TASK.dump_json(task).decode(),
        }
        writing = upsert(tasks).values(row)
        self._db.execute(writing.on_conflict_do_update(index_elements=["id"], set_=row))
        self._db.execute(delete(dependencies).where(dependencies.c.task == task.id))
        if task.depends_on:
            edges = [{"task": task.id, "depends_on": each} for each in task.depends_on]
            self._db.execute(insert(dependencies), edges)

    def states(self, org: str, task_ids: Sequence[str]) -> Mapping[str, State]:
        asked = select(_t.id, _t.state).where(_t.org == org, _t.id.in_(task_ids))
        return dict(self._db.execute(asked).all())

    def find(self, wanted: TaskFilter, after: Place | None) -> Iterable[Task]:
        parts = [
            column == value
            for column, value in (
                (_t.org, wanted.org),
                (_t.created_by, wanted.created_by),
                (_t.holder, wanted.holder),
                (_t.under, wanted.under),
            )
            if value is not None
        ]
        if wanted.waits_for is not None:
            edges = select(dependencies.c.task).where(dependencies.c.depends_on == wanted.waits_for)
            parts.append(_t.id.in_(edges))
        if wanted.states:
            parts.append(_t.state.in_(wanted.states))
        if after is not None:
            parts.append(tuple_(_t.priority, _t.id) > after)
        asked = select(_t.body).where(and_(True, *parts)).order_by(_t.priority, _t.id)
        return (TASK.validate_json(body) for body in self._db.execute(asked).scalars())

    def lapsing(self, org: str | None, now_ms: int) -> Sequence[Task]:
        asked = select(_t.body).where(_t.lease_until_ms <= now_ms).order_by(_t.id)
        if org is not None:
            asked = asked.where(_t.org == org)
        return [TASK.validate_json(body) for body in self._db.execute(asked).scalars()]

    def count(self, org: str, created_by: str | None = None) -> int:
        asked = select(func.count()).select_from(tasks).where(_t.org == org)
        if created_by is not None:
            asked = asked.where(_t.created_by == created_by)
        return self._db.execute(asked).scalar_one()

    def held_up(self, org: str, agent: str) -> int:
        is_mine = and_(_t.org == org, _t.created_by == agent, _t.state.not_in(ENDED))
        ended = tasks.alias()
        edges = tasks.join(dependencies, dependencies.c.task == _t.id).join(
            ended, and_(ended.c.id == dependencies.c.depends_on, ended.c.state.in_(ENDED))
        )
        mine = select(func.count()).select_from(tasks).where(is_mine)
        held = select(func.count(ended.c.id.distinct())).select_from(edges).where(is_mine)
        return self._db.execute(mine).scalar_one() + self._db.execute(held).scalar_one()

    def forgettable(
        self, org: str | None, ended_before_ms: int, limit: int, created_by: str | None = None
    ) -> Sequence[Task]:
        waiting = tasks.alias()
        is_waited_for = exists().where(
            dependencies.c.depends_on == _t.id,
            waiting.c.id == dependencies.c.task,
            waiting.c.state.not_in(ENDED),
        )
        asked = (
            select(_t.body)
            .where(_t.ended_ms < ended_before_ms, ~is_waited_for)
            .order_by(_t.ended_ms, _t.id)
            .limit(limit)
        )
        if org is not None:
            asked = asked.where(_t.org == org)
        if created_by is not None:
            asked = asked.where(_t.created_by == created_by)
        return [TASK.validate_json(body) for body in self._db.execute(asked).scalars()]

    def forget(self, task: Task) -> None:
        self._db.execute(delete(artifacts).where(artifacts.c.task == task.id))
        self._db.execute(delete(dependencies).where(dependencies.c.task == task.id))
        self._db.execute(delete(tasks).where(_t.id == task.id))

    def put_artifact(self, task_id: str, name: str, text: str) -> None:
        self._db.execute(insert(artifacts).values(task=task_id, name=name, text=text))

    def artifact(self, task_id: str, name: str) -> str | None:
        asked = select(artifacts.c.text).where(
            artifacts.c.task == task_id, artifacts.c.name == name
        )
        return self._db.execute(asked).scalar_one_or_none()

    def _one(self, *parts: object) -> Task | None:
        body = self._db.execute(select(_t.body).where(*parts)).scalar_one_or_none()  # type: ignore[arg-type]
        return TASK.validate_json(body) if body is not None else None
