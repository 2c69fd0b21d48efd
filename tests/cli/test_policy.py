"""exeat policy check: what would be in force, or each problem and where it stands."""

import hashlib

import pytest
from typer.testing import CliRunner

from proxy.cli import app

GOOD = "policy: mine\nversion: 3\n"


def check(*files):
    return CliRunner().invoke(app, ["policy", "check", *map(str, files)])


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "mine.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_good_file_is_named_with_the_id_that_records_will_carry(file):
    path = file(GOOD)
    result = check(path)

    digest = hashlib.sha256(GOOD.encode()).hexdigest()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{path}: ok, policy:mine:3:{digest}\n"


@pytest.mark.parametrize("preset", ["permissive", "safety", "strict", "audit-only"])
def test_a_bare_word_is_the_preset_that_ships(preset):
    result = check(preset)
    assert result.exit_code == 0
    assert f"policy:{preset}:" in result.stdout


def test_several_files_are_checked_as_they_would_be_loaded_together(file):
    one, two = file(GOOD), file(GOOD.replace("mine", "other"), "other.yaml")
    assert check(one, two).stdout.count(": ok, ") == 2


BAD = {
    "no YAML": ("policy: [", ":1:", "not YAML"),
    "no policy": ("- 1\n", ":1:1:", "not a policy"),
    "an empty file": ("", ":1:1:", "not a policy"),
    "a word that is no field": (GOOD + "egres: {}\n", ":3:", "egres: no such field"),
    "a missing word": ("policy: mine\n", ":1:1:", "version: is missing"),
    "a value of the wrong kind": ("policy: mine\nversion: x\n", ":2:10:", "version: "),
    "a host that was never meant": (
        GOOD + "egress:\n  allow:\n    - host: '*'\n",
        ":5:",
        "is not a host",
    ),
    "a budget of nothing": (GOOD + "budgets:\n  - name: n\n", ":4:", "limits nothing"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_in_force_is_named_with_its_line_and_exit_1(file, case):
    text, where, says = BAD[case]
    path = file(text)
    result = check(path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{path}{where}")
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_every_problem_of_a_file_is_named_at_once(file):
    result = check(file("version: x\negres: {}\n"))
    assert len(result.stderr.splitlines()) == 3


def test_a_file_that_is_not_there_is_named(tmp_path):
    result = check(tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "none.yaml: cannot be read" in result.stderr


def test_one_bad_file_among_good_ones_puts_none_in_force(file):
    result = check(file(GOOD), file("policy: [", "bad.yaml"))
    assert (result.exit_code, result.stdout) == (1, "")


def test_two_files_of_one_name_cannot_both_be_meant(file):
    result = check(file(GOOD), file(GOOD, "again.yaml"))
    assert result.exit_code == 1
    assert "'mine' also stands in" in result.stderr


def test_no_file_at_all_is_a_use_error():
    assert check().exit_code == 2
