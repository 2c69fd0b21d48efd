"""Drafts: tried without a change, and saved whole, by an admin, on record."""

import os
import stat

import pytest

from proxy.console.pages.drafts import diff, save, why_not
from proxy.ledger.store import Filter
from proxy.policy.loader import load
from tests.console import scene

STRICTER = scene.POLICY.replace('models:\n  deny: ["o1-pro*"]', 'models:\n  deny: ["*"]')


@pytest.fixture
def form(ports):
    digest = ports.policies.policies[0].id.rpartition(":")[2]
    return {"name": "acme-baseline", "base": digest, "text": STRICTER}


def test_a_diff_shows_what_goes_what_comes_and_a_little_around() -> None:
    before = "\n".join("abcdefghij")
    lines = list(diff(before, before.replace("f", "F")))
    assert [(line.kind, line.text) for line in lines] == [
        ("gap", ""),
        *(("same", letter) for letter in "cde"),
        ("out", "f"),
        ("in", "F"),
        *(("same", letter) for letter in "ghi"),
    ]
    assert [(line.before, line.after) for line in lines[4:6]] == [(6, None), (None, 6)]
    assert list(diff(before, before)) == []


def test_saving_replaces_the_file_whole_and_keeps_its_mode(tmp_path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("old")
    path.chmod(0o640)
    save(path, "new: é\n")
    assert path.read_text("utf-8") == "new: é\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["p.yaml"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path) -> None:
    with pytest.raises(OSError):
        save(tmp_path / "none.yaml", "x")
    assert os.listdir(tmp_path) == []


def test_a_preset_is_not_saved_over() -> None:
    from pathlib import Path

    loaded = load(Path("policies/safety.yaml"))
    assert "preset" in (why_not(loaded) or "")


async def test_a_draft_begins_with_the_text_in_force(look) -> None:
    text = (await look("/policy/draft?name=acme-baseline")).text
    assert "- id: no-credential-files" in text
    assert "Nothing changes before it is saved." in text


async def test_a_draft_is_checked_with_line_and_field(look, form) -> None:
    answer = await look("/policy/draft", form | {"text": "policy: x\nversion: one\n"})
    assert answer.status == 422
    assert "policy.yaml:2:10: version" in answer.text


async def test_a_draft_is_replayed_over_what_happened(look, form, ports) -> None:
    answer = await look("/policy/draft", form | {"act": "replay"})
    calls = await ports.ledger.calls(Filter(), 1000)
    bodies = [call.decision.body for call in calls]
    passed = [
        body
        for body in bodies
        if body["request"]["class"] == "llm.call"
        and "policy" in [stamp["name"] for stamp in body["result"]["stamps"]]
    ]
    assert answer.status == 200
    assert "calls that passed would be refused" in answer.text
    assert f'<b class="no">{len(passed)}</b>' in answer.text
    assert '<li class="in">' in answer.text
    assert ports.policy_paths[0].read_text() == scene.POLICY, "nothing was changed"


async def test_an_admin_saves_and_it_is_on_record(look, form, ports) -> None:
    answer = await look("/policy/save", form | {"text": STRICTER.replace("\n", "\r\n")})
    assert (answer.status, answer.headers["location"]) == (
        303,
        "/policy?name=acme-baseline&saved=1",
    )
    assert ports.policy_paths[0].read_text() == STRICTER
    record = (await ports.ledger.find(Filter(kind="policy_save")))[0].body
    assert record["result"]["status"] == "saved"
    facts = record["result"]["facts"]
    assert (facts["by"], facts["policy"], facts["before"]) == (
        "admin",
        "acme-baseline",
        form["base"],
    )
    assert ports.policies.reload(ports.policy_paths)
    assert ports.policies.policies[0].id.endswith(facts["after"])


@pytest.mark.parametrize("role", ["viewer", "approver"])
async def test_nobody_else_does(look, form, ports, role) -> None:
    answer = await look("/policy/save", form, role=role)
    assert (answer.status, "This is not yours to do" in answer.text) == (403, True)
    assert ports.policy_paths[0].read_text() == scene.POLICY


async def test_what_is_no_policy_is_not_saved(look, form, ports) -> None:
    answer = await look("/policy/save", form | {"text": "policy: ["})
    assert answer.status == 422
    assert ports.policy_paths[0].read_text() == scene.POLICY
    assert await ports.ledger.find(Filter(kind="policy_save")) == []


async def test_a_file_that_was_changed_meanwhile_is_not_overwritten(look, form, ports) -> None:
    ports.policy_paths[0].write_text(scene.POLICY + "# by hand\n")
    answer = await look("/policy/save", form)
    assert (answer.status, "changed since this draft began" in answer.text) == (422, True)
    assert ports.policy_paths[0].read_text().endswith("# by hand\n")
    assert "models" in answer.text, "the draft is still there"


async def test_a_draft_may_not_take_another_policys_name(look, form, ports) -> None:
    other = ports.policy_paths[0].with_name("other.yaml")
    other.write_text("policy: other\nversion: 1\n")
    ports.policies.reload([*ports.policy_paths, other])
    renamed = STRICTER.replace("policy: acme-baseline", "policy: other")
    answer = await look("/policy/save", form | {"text": renamed})
    assert (answer.status, "another policy has this name" in answer.text) == (422, True)
