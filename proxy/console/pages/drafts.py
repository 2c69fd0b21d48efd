"""A draft of a policy: checked, replayed over what happened, compared with the one in force, and saved."""

import asyncio
import difflib
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aiohttp import web

from proxy.console.access.guard import VIEWER
from proxy.console.api.asked import as_ms
from proxy.console.api.drafts import history
from proxy.console.links import url
from proxy.console.pages.forms import form_of
from proxy.console.pages.page import Page, frame, page
from proxy.console.pages.policies import PolicyRow, named, policy_row
from proxy.console.ports import Ports
from proxy.endpoint import Problem
from proxy.ledger.records import Event
from proxy.policy import LoadedPolicy, PolicyError
from proxy.policy.book import is_preset
from proxy.policy.loader import parse
from proxy.policy.replay import Comparison, replay
from proxy.slip import new_id

PATH = "/policy/draft"
_COMPARED_MAX = 131_072
"""Characters; of longer drafts no difference is shown, because telling it takes too long."""
SAVE = "/policy/save"
_CONTEXT = 3

Kind = Literal["same", "out", "in", "gap"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison, with its numbers before and after."""

    kind: Kind
    before: int | None
    after: int | None
    text: str


@dataclass(frozen=True, slots=True)
class DraftView:
    """The form, and what it came to."""

    row: PolicyRow
    text: str
    base: str
    """Hash of the version that the draft began from."""
    since: str
    problem: str | None
    cannot_save: str | None
    diff: Sequence[DiffLine]
    replayed: Comparison | None
    is_checked: bool


def diff(before: str, after: str) -> Iterator[DiffLine]:
    """Two texts, line by line, with a little of what stays around what does not."""
    old, new = before.splitlines(), after.splitlines()
    groups = difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT)
    for number, group in enumerate(groups):
        if number or group[0][1] > 0:
            yield DiffLine("gap", None, None, "")
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                for at in range(old_to - old_from):
                    yield DiffLine("same", old_from + at + 1, new_from + at + 1, old[old_from + at])
                continue
            for at in range(old_from, old_to):
                yield DiffLine("out", at + 1, None, old[at])
            for at in range(new_from, new_to):
                yield DiffLine("in", None, at + 1, new[at])


def _differing(before: str, after: str) -> list[DiffLine]:
    return list(diff(before, after)) if len(after) <= _COMPARED_MAX else []


def with_draft(
    policies: Sequence[LoadedPolicy], loaded: LoadedPolicy, text: str
) -> list[LoadedPolicy]:
    """The policies in force, with a draft in the place of one. Raises PolicyError."""
    draft = parse(text.encode("utf-8", "replace"), Path(loaded.path.name))
    for other in policies:
        if other is not loaded and other.policy.policy == draft.policy.policy:
            raise PolicyError(f"{loaded.path.name}: another policy has this name already")
    return [draft if each is loaded else each for each in policies]


def save(path: Path, text: str) -> None:
    """Put a text in the place of a file: whole, or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    mode = path.stat().st_mode & 0o777
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def why_not(loaded: LoadedPolicy) -> str | None:
    """Why a policy cannot be saved from here; None when it can."""
    if is_preset(loaded.path):
        name = loaded.policy.policy
        return (
            f"{name} is a preset that ships with Exeat. Save the draft as a file of your own and "
            f"name that in the settings: policies = ['{name}.yaml']."
        )
    if not os.access(loaded.path, os.W_OK) or not os.access(loaded.path.parent, os.W_OK):
        return f"Exeat may not write {loaded.path.name}, or the folder that it is in."
    return None


def pages(ports: Ports) -> list[Page]:
    """The form, its trial, and its end."""
    one_at_a_time = asyncio.Lock()

    async def drawn(
        request: web.Request,
        loaded: LoadedPolicy,
        text: str,
        *,
        base: str | None = None,
        since: str = "",
        problem: str | None = None,
        replayed: Comparison | None = None,
        is_checked: bool = False,
        status: int = 200,
    ) -> web.Response:
        row = policy_row(loaded)
        view = DraftView(
            row=row,
            text=text,
            base=base if base is not None else row.digest,
            since=since,
            problem=problem,
            cannot_save=why_not(loaded),
            diff=await asyncio.to_thread(_differing, loaded.text, text),
            replayed=replayed,
            is_checked=is_checked,
        )
        around = frame(ports, request, f"Draft of {row.name}", "policies")
        return page("draft.html", around, view, status)

    async def begin(request: web.Request) -> web.Response:
        loaded = named(ports.policies, request.query.get("name", ""))
        return await drawn(request, loaded, loaded.text)

    async def attempt(request: web.Request) -> web.Response:
        form = await form_of(request)
        loaded = named(ports.policies, form.get("name", ""))
        text, since, base = form.get("text", ""), form.get("since", ""), form.get("base", "")
        try:
            async with one_at_a_time:  # Large ones take seconds, in which calls go on.
                policies = await asyncio.to_thread(
                    with_draft, ports.policies.policies, loaded, text
                )
            since_ms = as_ms("since", since or None, ports.now_ms())
        except (PolicyError, Problem) as error:
            return await drawn(
                request, loaded, text, base=base, since=since, problem=str(error), status=422
            )
        replayed = None
        if form.get("act") == "replay":
            replayed = await asyncio.to_thread(replay, policies)
            async with one_at_a_time:
                await history(ports.ledger, replayed.take, since_ms)
        return await drawn(
            request, loaded, text, base=base, since=since, replayed=replayed, is_checked=True
        )

    async def keep(request: web.Request) -> web.Response:
        form = await form_of(request)
        loaded = named(ports.policies, form.get("name", ""))
        text, base = form.get("text", ""), form.get("base", "")
        problem = why_not(loaded)
        if problem is None:
            async with one_at_a_time:
                problem = await _kept(ports, loaded, text, base, request[VIEWER].name)
        if problem is not None:
            return await drawn(request, loaded, text, base=base, problem=problem, status=422)
        raise web.HTTPSeeOther(url("/policy", name=loaded.policy.policy, saved="1"))

    return [
        Page("GET", PATH, "viewer", begin),
        Page("POST", PATH, "viewer", attempt),
        Page("POST", SAVE, "admin", keep),
    ]


async def _kept(
    ports: Ports, loaded: LoadedPolicy, text: str, base: str, viewer: str
) -> str | None:
    """Save a draft, with its record first; or say why not."""
    try:
        await asyncio.to_thread(with_draft, ports.policies.policies, loaded, text)
    except PolicyError as error:
        return str(error)
    try:
        before = loaded.path.read_bytes()
    except OSError as error:
        return f"{loaded.path.name} cannot be read: {error.strerror}."
    if hashlib.sha256(before).hexdigest() != base:
        return (
            "The file was changed since this draft began. Look at what is different below, "
            "then begin a new draft from it."
        )
    after = hashlib.sha256(text.encode()).hexdigest()
    facts = {"by": viewer, "policy": loaded.policy.policy, "file": loaded.path.name}
    facts |= {"before": base, "after": after}
    await _file(ports, "saved", facts)
    try:
        await asyncio.to_thread(save, loaded.path, text)
    except OSError as error:
        await _file(ports, "failed", facts)
        return f"{loaded.path.name} cannot be written: {error.strerror}."
    return None


async def _file(ports: Ports, status: str, facts: Mapping[str, str]) -> None:
    now_ms = ports.now_ms()
    await ports.ledger.append(
        Event(kind="policy_save", id=new_id(now_ms), ts_ms=now_ms, status=status, facts=facts)
    )
