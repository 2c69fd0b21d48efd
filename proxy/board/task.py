"""A task as the board keeps it (pure facts)."""

from dataclasses import dataclass, field

from proxy.board.states import ENDED, State


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a task: one session of one agent."""

    agent: str
    session: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the console, by the name that stands in the records."""

    name: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A text that a task left behind, by what can be said of it without the text."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task that another one waits for."""

    id: str
    state: State

    @property
    def is_hopeless(self) -> bool:
        """It has ended, and was not completed: it never will be."""
        return self.state in ENDED and self.state != "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work. What agents wrote stays out of its representation, and so out of logs."""

    id: str
    org: str
    title: str = field(repr=False)
    text: str = field(default="", repr=False)
    priority: int
    """Lower first."""
    for_agents: tuple[str, ...] = ("*",)
    """Globs: one of them must match who claims it."""
    for_role: str | None = None
    depends_on: tuple[str, ...] = ()
    created_by: str
    """The agent. Whichever of its sessions comes back for it."""
    created_ms: int
    changed_ms: int
    create_key: str | None = field(default=None, repr=False)
    create_digest: str = ""

    state: State = "open"
    version: int = 1
    """Rises with every change that is on file."""
    record: str = ""
    """The ledger's record of its last change."""
    fence: int = 0
    """The number of the last claim: it rises with each, so an older claim can be told from a newer."""
    holder: Holder | None = None
    """Who has it; once it has ended, who had it last."""
    lease_ms: int = 0
    lease_until_ms: int | None = None
    question: str | None = field(default=None, repr=False)
    answer: str | None = field(default=None, repr=False)
    result: str | None = field(default=None, repr=False)
    reason: str | None = field(default=None, repr=False)
    """Why it failed or was cancelled."""
    artifacts: tuple[Artifact, ...] = ()
    complete_key: str | None = field(default=None, repr=False)
    complete_digest: str = ""

    allowance_nanousd: int | None = None
    """The most that calls made for it may cost. Set when it is made, and never after."""
    given_nanousd: int = 0
    """What of the allowance went to tasks made under it."""
    under: str | None = None
    """The task for which the call was made that made this one."""

    @property
    def has_ended(self) -> bool:
        """Completed, failed or cancelled: for good."""
        return self.state in ENDED

    @property
    def cap_nanousd(self) -> int | None:
        """What its own calls may cost, after what it gave away."""
        if self.allowance_nanousd is None:
            return None
        return self.allowance_nanousd - self.given_nanousd


@dataclass(frozen=True, slots=True)
class Shown:
    """A task as it is shown: with what it still waits for."""

    task: Task
    waits_for: tuple[Dependency, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """It is open, and cannot be claimed yet."""
        return self.task.state == "open" and bool(self.waits_for)
