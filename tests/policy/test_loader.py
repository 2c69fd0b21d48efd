"""A policy file is put in force whole, or it is one clear list of what is wrong with it."""

import contextlib
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy import PolicyError, load
from proxy.policy.loader import parse

PRESETS = sorted((Path(__file__).parent.parent.parent / "policies").glob("*.yaml"))
FILE = Path("rules/mine.yaml")
HEAD = "policy: mine\nversion: 1\n"


def error_of(text: str | bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        parse(text.encode() if isinstance(text, str) else text, FILE)
    return str(caught.value)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_every_preset_loads_and_is_named_like_its_file(path):
    loaded = load(path)

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.id == f"policy:{path.stem}:{loaded.policy.version}:{digest}"
    assert loaded.path == path


def test_there_are_the_four_presets_of_the_design():
    assert [path.stem for path in PRESETS] == ["audit-only", "permissive", "safety", "strict"]


def test_the_presets_say_what_they_are_for():
    rules = {path.stem: load(path).policy for path in PRESETS}

    assert rules["permissive"].egress.default == "allow"
    assert rules["safety"].egress.default == "deny"
    assert rules["strict"].egress.default == "deny"
    assert not rules["audit-only"].enforce
    assert rules["audit-only"].egress == rules["safety"].egress
    assert all(not policy.egress.networks for policy in rules.values())


@pytest.mark.parametrize(
    ("text", "where", "field", "says"),
    [
        ("version: 1\n", "1:1", "policy", "is missing"),
        ("policy: mine\n", "1:1", "version", "is missing"),
        ("policy: my policy\nversion: 1\n", "1:9", "policy", "'my policy'"),
        ("policy: mine\nversion: one\n", "2:10", "version", "'one'"),
        ("policy: mine\nversion: 0\n", "2:10", "version", "greater than or equal to 1"),
        ("policy: mine\nversion: true\n", "2:10", "version", "integer"),
        (HEAD + "egres: {}\n", "3:8", "egres", "no such field; policies/README.md"),
        (HEAD + "egress:\n  deault: deny\n", "4:11", "egress.deault", "no such field"),
        (HEAD + "egress:\n  default: maybe\n", "4:12", "egress.default", "'maybe'"),
        (HEAD + "egress:\n  allow:\n    - host: '*'\n", "5:13", "egress.allow.0.host", "'*'"),
        (HEAD + "egress:\n  allow:\n    - hots: a.com\n", "5:7", "egress.allow.0.host", "is missing"),
        (HEAD + "egress:\n  allow:\n    - a.com\n", "5:7", "egress.allow.0", "'a.com'"),
        (
            HEAD + "egress:\n  allow:\n    - host: a.com\n    - host: b.com\n      ports: [443, 99999]\n",
            "7:20",
            "egress.allow.1.ports.1",
            "99999",
        ),
        (
            HEAD + "egress:\n  allow:\n    - host: a.com\n      paths: [v1]\n",
            "6:14",
            "egress.allow.0.paths",
            "does not start with /",
        ),
        (HEAD + "egress:\n  networks: [10.0.0.1/8]\n", "4:14", "egress.networks.0", "10.1.0.0/16"),
        (HEAD + "enforce: yes please\n", "3:10", "enforce", "'yes please'"),
        (HEAD + "budgets:\n  - name: b\n    usd: -1\n", "5:10", "budgets.0.usd", "-1"),
        (HEAD + "budgets:\n  - name: b\n    usd: 1e-10\n", "5:10", "budgets.0.usd", "nano-dollars"),
        (HEAD + "budgets:\n  - name: b\n    tokens: 1.5\n", "5:13", "budgets.0.tokens", "1.5"),
        (HEAD + "budgets:\n  - name: b\n", "4:3", "budgets", "'b' limits nothing: give usd, tokens"),
        (
            HEAD + "budgets:\n  - {name: b, usd: 1}\n  - {name: b, usd: 2}\n",
            "4:3",
            "budgets",
            "two budgets are named 'b'",
        ),
    ],
)  # fmt: skip
def test_an_error_names_the_line_the_column_the_field_and_what_is_wrong(text, where, field, says):
    lines = error_of(text).splitlines()

    found = [line for line in lines if line.startswith(f"{FILE}:{where}: {field}: ")]
    assert found, lines
    assert says in found[0]


def test_every_error_of_a_file_is_named_at_once():
    assert len(error_of("policy: my policy\nversion: 0\nnope: 1\n").splitlines()) == 3


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "must hold `policy:`"),
        (b"# nothing\n", "must hold `policy:`"),
        (b"[]\n", "must hold `policy:`"),
        (b"just text\n", "must hold `policy:`"),
        (b"policy: caf\xe9\n", "not UTF-8 at byte 11"),
        (b"\xff\xfep\x00", "not UTF-8 at byte 0"),
        (b"policy: [\n", "not YAML"),
        (b"policy: mine\n\tversion: 1\n", "not YAML"),
        (b"policy: mine\npolicy: yours\nversion: 1\n", "duplicate key"),
        (b"policy: *nobody\n", "undefined alias"),
        (b"a: 1\n---\nb: 2\n", "another document"),
        (b"policy: \x00\n", "not YAML"),
        (b"policy: a\x07b\n", "not YAML"),
        (b"[" * 5000, "nested too deep"),
        (b"? [a, b]\n: 1\n", "a key is no text"),
        (b"policy: &me\n  again: *me\nversion: 1\n", "mine.yaml"),
    ],
)
def test_rule_1_fail_closed_what_is_no_policy_is_an_error_that_names_the_file(raw, says):
    message = error_of(raw)

    assert message.startswith(str(FILE))
    assert says in message


def test_a_yaml_error_names_its_line_and_column():
    assert re.match(rf"{FILE}:3:\d+: not YAML: ", error_of(HEAD + "egress: }\n"))


def test_a_file_that_is_not_there_is_an_error_that_says_what_to_give(tmp_path):
    with pytest.raises(PolicyError, match=r"cannot be read .*policies/safety\.yaml"):
        load(tmp_path / "none.yaml")


def test_a_folder_is_no_policy(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path)


def test_a_file_larger_than_any_policy_is_not_read_as_one(tmp_path):
    (tmp_path / "p.yaml").write_bytes(b"#" * ((1 << 20) + 1))

    with pytest.raises(PolicyError, match="1048577 bytes"):
        load(tmp_path / "p.yaml")


def test_the_id_of_a_policy_changes_with_every_byte_of_its_file():
    first, second = parse(HEAD.encode(), FILE), parse((HEAD + "# ok\n").encode(), FILE)

    assert first.policy == second.policy
    assert first.id != second.id


@given(
    st.binary(max_size=80)
    | st.text(max_size=80).map(str.encode)
    | st.text("policyversn: 1[]{}&*!?|>-\n\"'#,.ab", max_size=60).map(lambda t: (HEAD + t).encode())
)
def test_no_bytes_crash_the_loader(raw):
    with contextlib.suppress(PolicyError):
        parse(raw, FILE)


def test_aliases_are_refused_before_they_grow():
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(PolicyError, match="write it out instead"):
        parse("\n".join(lines).encode(), Path("p.yaml"))
    text = "policy: p\nversion: 1\negress: {allow: &a [{host: a.test}], deny: *a}\n"
    with pytest.raises(PolicyError, match=r"p.yaml:3:\d+: an alias"):
        parse(text.encode(), Path("p.yaml"))
