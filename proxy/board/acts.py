"""What can be done with tasks: the bodies of HTTP requests, the arguments of MCP tools (pure)."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from proxy.board.words import KIB, Bulk, FileName, Glob, Id, Key, Line, MediaType, Role, Text
from proxy.endpoint import Model
from proxy.money import NANOUSD_MAX

LEASE_S = 300
LEASE_S_MAX = 3600
DEPENDENCIES_MAX = 100
ARTIFACTS_BYTES_MAX = 1024 * KIB

Lease = Annotated[
    int,
    Field(ge=1, le=LEASE_S_MAX, description="Seconds until the task is open again by itself."),
]
Fence = Annotated[
    int, Field(ge=1, description="The fencing token that your claim gave you: `fence`.")
]
Depends = Annotated[
    tuple[Id, ...],
    Field(max_length=DEPENDENCIES_MAX, description="Tasks that must be completed before this one."),
]


class NewTask(Model):
    """A task to be made."""

    title: Annotated[Line, Field(description="What is to be done, in a line.")]
    text: Annotated[Text, Field(description="All that whoever claims it must know.")] = ""
    priority: Annotated[int, Field(ge=0, le=1000, description="Lower is first.")] = 100
    for_agents: Annotated[
        tuple[Glob, ...],
        Field(
            min_length=1,
            max_length=16,
            description="Globs of the agents that may claim it: `review/*`.",
        ),
    ] = ("*",)
    for_role: Annotated[
        Role | None, Field(description="A role of the operator's; only its agents may claim it.")
    ] = None
    depends_on: Depends = ()
    allowance_nanousd: Annotated[
        int | None,
        Field(
            ge=1,
            le=NANOUSD_MAX,
            description="The most that model calls made for it may cost, in nano-dollars "
            "(1 USD is 1000000000). It cannot be changed afterwards.",
        ),
    ] = None
    key: Annotated[
        Key | None,
        Field(description="Idempotency key: the same request again makes no second task."),
    ] = None


class Claim(Model):
    """Take an open task."""

    lease_s: Lease = LEASE_S


class Heartbeat(Model):
    """Keep a task that is held: its lease runs anew."""

    fence: Fence
    lease_s: Lease = LEASE_S


class Start(Model):
    """Begin to work on a task that was claimed."""

    fence: Fence


class Ask(Model):
    """Stop until somebody answers a question."""

    fence: Fence
    question: Annotated[Text, Field(min_length=1, description="What you must know to go on.")]


class Answer(Model):
    """Answer the question of whoever holds the task."""

    answer: Annotated[Text, Field(min_length=1)]


class NewArtifact(Model):
    """A text to be kept with the task."""

    name: FileName
    media_type: MediaType = "text/plain"
    text: Bulk


class Complete(Model):
    """End a task well."""

    fence: Fence
    result: Annotated[Text, Field(description="What came of it, in short.")] = ""
    artifacts: Annotated[
        tuple[NewArtifact, ...], Field(max_length=16, description="Longer texts, by name.")
    ] = ()
    key: Annotated[
        Key | None,
        Field(description="Idempotency key: the same request again gets the same answer."),
    ] = None

    @field_validator("artifacts")
    @classmethod
    def _distinct(cls, artifacts: tuple[NewArtifact, ...]) -> tuple[NewArtifact, ...]:
        names = [each.name for each in artifacts]
        if len(set(names)) != len(names):
            raise ValueError("two artifacts have one name")
        return artifacts

    @model_validator(mode="after")
    def _bounded(self) -> "Complete":
        if sum(len(each.text.encode()) for each in self.artifacts) > ARTIFACTS_BYTES_MAX:
            raise ValueError(f"artifacts: together more than {ARTIFACTS_BYTES_MAX} bytes")
        return self


class Fail(Model):
    """Say that a task cannot be done."""

    fence: Fence
    reason: Annotated[Text, Field(min_length=1, description="Why not.")]


class Release(Model):
    """Give a task back, for somebody else to claim."""

    fence: Fence


class Cancel(Model):
    """End a task that is not wanted any more."""

    reason: Text = ""


class Depend(Model):
    """Let an open task wait for others than it did."""

    depends_on: Depends


type Act = Claim | Heartbeat | Start | Ask | Answer | Complete | Fail | Release | Cancel | Depend


def name_of(act: Act) -> str:
    """`claim`, `heartbeat`, …: as in paths and records."""
    return type(act).__name__.lower()
