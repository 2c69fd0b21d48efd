"""Which tasks somebody wants to see: the same question from agents and from the console (pure)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from proxy.board.states import STATES, State
from proxy.board.store import TaskFilter
from proxy.endpoint import Model


def _known(text: str) -> str:
    unknown = [each for each in text.split(",") if each not in STATES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no state; there are {', '.join(STATES)}")
    return text


def _sayable(text: str) -> str:
    text.encode()  # A lone surrogate is in no task, and no database would take it.
    return text


Word = Annotated[str, AfterValidator(_sayable), Field(max_length=128)]


class TasksAsked(Model):
    """Which tasks; every part given must match."""

    state: Annotated[
        Annotated[str, AfterValidator(_known)] | None,
        Field(description="One or more, with commas between."),
    ] = None
    created_by: Word | None = None
    holder: Word | None = None
    under: Annotated[Word | None, Field(description="Only those made for this task.")] = None
    after: Annotated[Word | None, Field(description="`following` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50

    def wanted(self, org: str | None) -> TaskFilter:
        """As a store is asked."""
        states: list[State] = [each for each in STATES if each in (self.state or "").split(",")]
        return TaskFilter(org, tuple(states), self.created_by, self.holder, self.under)
