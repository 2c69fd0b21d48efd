"""From claims to one identity: the strongest speaks, the others may narrow it (pure)."""

from collections.abc import Sequence

from proxy.identity.claims import Claims
from proxy.refusals import Code, Refusal
from proxy.slip import Identity

REQUIRED = ("org", "agent", "session")


def identify(claims: Sequence[Claims]) -> Identity | Refusal:
    """One identity from all that was claimed, strongest source first.

    Missing any of org, agent, session is `identity_required`; a source that says otherwise than a
    stronger one is `identity_mismatch`.
    """
    parts: dict[str, str] = {}
    sources: dict[str, str] = {}
    strengths: dict[str, int] = {}
    for claim in claims:
        for part, value in claim.parts.items():
            known = parts.get(part)
            if known is None or (not claim.is_adapter and _narrows(part, known, value)):
                parts[part] = value
                sources[part] = claim.source
                strengths[part] = claim.strength
            elif known != value and not claim.is_adapter:
                return Refusal(
                    Code.IDENTITY_MISMATCH,
                    f"{claim.source} name another {part} than {sources[part]} do. "
                    f"Send the {part} once, or the same in both places.",
                    facts={"part": part},
                )
    missing = [part for part in REQUIRED if part not in parts]
    if missing:
        return Refusal(
            Code.IDENTITY_REQUIRED,
            f"This call does not say who makes it: {', '.join(missing)} missing. "
            "Set HTTPS_PROXY=http://ORG%2FAGENT:SESSION@host:port, or send the headers "
            "X-Org-Id, X-Agent-Id and X-Session-Id.",
            facts={"missing": ",".join(missing)},
        )
    return Identity(
        org=parts["org"],
        agent=parts["agent"],
        session=parts["session"],
        task=parts.get("task"),
        parent=parts.get("parent"),
        strength=max(strengths[part] for part in REQUIRED),
        sources=sources,
    )


def _narrows(part: str, known: str, value: str) -> bool:
    """`coder/reviewer` is an agent of `coder`; nothing else can be narrowed."""
    return part == "agent" and value.startswith(f"{known}/")
