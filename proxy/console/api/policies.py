"""Policies: those in force."""

from typing import Any

from proxy.console.access import Viewer
from proxy.endpoint import Asked, Endpoint, Model, Nothing
from proxy.policy import PolicyBook


class Policies(Model):
    """The policies in force."""

    policies: list[dict[str, Any]]
    """Each with its id, its file and its words."""
    problem: str | None
    """What is wrong with the files, if anything."""


def endpoints(book: PolicyBook) -> list[Endpoint[Viewer]]:
    """What can be asked of policies in force."""

    async def policies(asked: Asked[Viewer, Nothing, Nothing]) -> Policies:
        """The policies in force, and what is wrong with the files, if anything."""
        return Policies(
            policies=[
                {"id": each.id, "path": str(each.path), **each.policy.model_dump(mode="json")}
                for each in book.policies
            ],
            problem=book.problem,
        )

    return [Endpoint("GET", "/api/policies", "viewer", policies, Policies, tag="policies")]
