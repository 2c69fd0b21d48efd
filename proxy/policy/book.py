"""The policy book: the policies in force, and the terms of each caller, from memory.

A change of files either takes effect whole or not at all: a file that does not validate leaves the
old version in force, and `problem` says why. With no policy in force everything is refused.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from proxy.policy.loader import LoadedPolicy, PolicyError, load
from proxy.policy.permits import InForce
from proxy.policy.terms import CompiledPolicy, Terms

_CALLERS_MAX = 4096
_PACKAGED = Path(__file__).parent.parent / "presets"
_CHECKOUT = Path(__file__).parent.parent.parent / "policies"


class PolicyBook:
    """Answers `terms(org, agent)`; built from loaded policies, replaced by `reload`."""

    def __init__(
        self, policies: Sequence[LoadedPolicy] = (), permits: InForce | None = None
    ) -> None:
        """`permits` are beside the policies; whoever changes them changes what holds here."""
        self.problem: str | None = None
        self.permits = permits or InForce()
        self._adopt(policies)

    def _adopt(
        self, policies: Sequence[LoadedPolicy], compiled: Sequence[CompiledPolicy] | None = None
    ) -> None:
        self.policies = tuple(policies)
        self._compiled = compiled or [CompiledPolicy(policy) for policy in policies]
        self._terms: dict[tuple[str, str], Terms] = {}

    def terms(self, org: str, agent: str) -> Terms:
        """What the policies in force say for this caller."""
        key = (org, agent)
        terms = self._terms.get(key)
        if terms is None:
            if len(self._terms) >= _CALLERS_MAX:
                self._terms.clear()  # Ids are the caller's to choose; the table must stay small.
            applying = [policy for policy in self._compiled if policy.applies_to(org, agent)]
            terms = self._terms[key] = Terms(applying, self.permits)
        return terms

    def reload(self, paths: Sequence[Path]) -> bool:
        """Read the files anew. True when something changed; False, with `problem` set, when not."""
        return self.take(read(paths))

    def take(self, found: "Read") -> bool:
        """What was read, perhaps in a thread: large files take seconds."""
        self.problem = found.problem
        if found.problem or [each.id for each in found.policies] == [
            each.id for each in self.policies
        ]:
            return False
        self._adopt(found.policies, found.compiled)
        return True


class Read(NamedTuple):
    """Files that were read, ready to be in force; or what is wrong with them."""

    policies: Sequence[LoadedPolicy] = ()
    compiled: Sequence[CompiledPolicy] = ()
    problem: str | None = None


def read(paths: Sequence[Path]) -> Read:
    """The files as they are now."""
    try:
        loaded = load_all(paths)
    except PolicyError as error:
        return Read(problem=str(error))
    return Read(loaded, [CompiledPolicy(policy) for policy in loaded])


def located(path: Path) -> Path:
    """A bare word ("safety") is one of the presets that ship with Exeat; anything else is a path."""
    if path.suffix or len(path.parts) != 1 or path.exists():
        return path
    for folder in (_PACKAGED, _CHECKOUT):
        preset = folder / f"{path.name}.yaml"
        if preset.exists():
            return preset
    return path


def load_all(paths: Sequence[Path]) -> list[LoadedPolicy]:
    """Every file, or PolicyError: two policies of one name cannot both be meant."""
    loaded = [load(located(path)) for path in paths]
    names: dict[str, Path] = {}
    for policy in loaded:
        name = policy.policy.policy
        if name in names:
            raise PolicyError(f"{policy.path}: the policy {name!r} also stands in {names[name]}")
        names[name] = policy.path
    return loaded


def is_preset(path: Path) -> bool:
    """Does this file ship with Exeat?"""
    return path.parent.resolve() in (_PACKAGED.resolve(), _CHECKOUT.resolve())
