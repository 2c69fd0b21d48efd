"""What is held: its key changes with every byte, and its summary shows nothing that was not parsed."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.actions import action_of
from proxy.approvals.wanted import LINE_MAX, of_call, of_tool, shown
from proxy.mcp.calls import read_request
from proxy.policy import PolicyBook
from proxy.slip import Destination, Identity, Ruled, Slip
from tests.addons.slips import chat, model_slip, slip
from tests.policy.texts import policy

RULED = Ruled("hold", "p/rules.r", "Dear.")
PLAIN: dict[str, Any] = {"method": "POST", "body_sha256": "00", "body_bytes": 9}


def key(it: Slip, ruled: Ruled = RULED) -> str:
    return of_call(it, ruled).key


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"path": "/x?token=2"},
        {"path": "/y?token=1"},
        {"path": "/x"},
        {"body_sha256": "01"},
        {"destination": Destination("https", "b.test", 443)},
        {"destination": Destination("https", "a.test", 444)},
        {"destination": Destination("http", "a.test", 443)},
        {"identity": Identity("acme", "coder", "s2")},
        {"identity": Identity("acme", "writer", "s1")},
        {"identity": Identity("other", "coder", "s1")},
        {"terms": PolicyBook([policy("egress: {default: deny}")]).terms("acme", "coder")},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_h2_one_thing_changed_is_another_key(changed: dict[str, Any]) -> None:
    assert key(slip(**PLAIN)) == key(slip(**PLAIN, id="another"))
    assert key(slip(**PLAIN)) != key(slip(**(PLAIN | changed)))
    assert key(slip(**PLAIN), replace(RULED, rule="p/rules.s")) != key(slip(**PLAIN))


def test_what_is_no_unicode_text_keeps_its_own_key() -> None:
    assert key(slip(path="/\udc80")) != key(slip(path="/\udc81"))


def test_a_model_call_is_the_same_in_another_form_and_another_with_another_word() -> None:
    one = key(model_slip(chat()))
    assert one == key(model_slip(chat(stream=True)))
    assert one != key(model_slip(chat(model="gpt-4o")))
    assert one != key(model_slip(chat(messages=[{"role": "user", "content": "hj"}])))
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    assert one != key(model_slip(chat(tools=[tool])))


def test_an_mcp_call_of_tools_is_the_same_under_another_id_and_any_other_is_its_bytes() -> None:
    def asked(number: int, name: str = "pay", method: str = "tools/call") -> Slip:
        text = f'{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{{"name":"{name}"}}}}'
        it = slip(**{**PLAIN, "body_sha256": text})
        it.mcp = read_request(text.encode(), is_declared=True)
        return it

    assert key(asked(1)) == key(asked(2))
    assert key(asked(1)) != key(asked(1, "add"))
    assert key(asked(1, method="prompts/get")) != key(asked(2, method="prompts/get"))


def test_a_tool_is_the_same_by_every_door() -> None:
    action = action_of("Bash", {"command": "deploy now"})
    one = of_tool(slip(), RULED, action)
    assert one.key == of_tool(slip(door="internal", path="/other"), RULED, action).key
    other = action_of("Bash", {"command": "deploy  now"})
    assert one.key != of_tool(slip(), RULED, other).key


def test_the_summary_has_no_query_no_prompt_and_no_argument() -> None:
    it = model_slip(chat(messages=[{"role": "user", "content": "my secret plan"}]))
    it.path = "/v1/chat/completions?key=hush"
    action = action_of("Bash", {"command": "curl -H 'x: hush' https://a.test/?q=hush"})
    told = str(of_call(it, RULED).summary) + str(of_tool(it, RULED, action).summary)
    assert "gpt-4o-mini" in told
    assert "https://a.test/" in told
    assert "secret plan" not in told
    assert "hush" not in told


def test_what_is_shown_has_an_end_and_no_sign_that_is_not_seen() -> None:
    assert (
        shown("a\u202eb\x1b[2J\nc\u200bd\u00a0e") == "a\\u202eb\\u001b[2J\\u000ac\\u200bd\\u00a0e"
    )
    assert shown("Grüße 你好") == "Grüße 你好"
    assert shown("x" * 1000) == "x" * LINE_MAX + "… (1000 characters)"
    many = action_of("Read", {"paths": [f"/f{n}" for n in range(500)]})
    lines = of_tool(slip(), RULED, many).summary
    assert len(lines) < 50
    assert all(len(value) < 300 for _, value in lines)
