"""Policies for tests, written as a person writes them."""

from pathlib import Path

from proxy.policy.loader import LoadedPolicy, parse


def policy(text: str = "", name: str = "p") -> LoadedPolicy:
    """The policy with this body."""
    return parse(f"policy: {name}\nversion: 1\n{text}".encode(), Path(f"{name}.yaml"))
