"""What a runtime's hook and Exeat say to each other at http://exeat.internal/v1/tool-calls/….

`docs/hooks.md` shows it. What comes from outside is read strictly; what Exeat answers may grow.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CHECK_PATH = "/v1/tool-calls/check"
REPORT_PATH = "/v1/tool-calls/report"

Name = Annotated[str, Field(min_length=1, max_length=256)]


class ToolCallCheck(BaseModel):
    """May this tool be run with these arguments?"""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    runtime: Name
    """Whose tool it is, such as `claude-code`."""
    tool: Name
    arguments: dict[str, Any] = Field(repr=False)
    cwd: str | None = Field(default=None, max_length=4096)
    """Where relative paths in the arguments begin."""
    call_id: Name | None = None
    """The runtime's own id of this call; a report may name it."""


class ToolCallVerdict(BaseModel):
    """The answer to a check. Only `allow` and `warn` let the tool run."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    decision: Literal["allow", "deny", "hold", "warn"]
    reason: str = ""
    rule: str | None = None
    policy: str | None = None
    record: str | None = None
    approval: str | None = None
    """What a person was asked, where one must say yes."""


class ToolCallReport(BaseModel):
    """What became of a call that was checked. Its output is not sent, only its hash and size."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    runtime: Name
    record: Name | None = None
    """Of the check's answer. A hook that is a process of its own for each event has not kept it."""
    call_id: Name | None = None
    """The `call_id` of the check."""
    tool: Name | None = None
    status: Literal["ok", "error"]
    duration_ms: int | None = Field(default=None, ge=0)
    output_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    output_bytes: int = Field(ge=0)

    @model_validator(mode="after")
    def _names_its_call(self) -> Self:
        if self.record is None and self.call_id is None:
            raise ValueError("record or call_id is needed")
        return self
