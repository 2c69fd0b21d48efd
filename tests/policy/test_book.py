"""The policy book: what is in force, and what a change of files does to it."""

from pathlib import Path

import pytest

from proxy.policy import PolicyBook, PolicyError, load_all, located
from proxy.policy.book import _CALLERS_MAX
from proxy.slip import Destination
from tests.policy.texts import policy

TO = Destination("https", "a.test", 443)
OPEN = "policy: mine\nversion: 1\negress:\n  default: allow\n"
SHUT = "policy: mine\nversion: 2\negress:\n  default: deny\n"


def may(book: PolicyBook) -> bool:
    return book.terms("acme", "coder").egress(TO, "GET", "/").passes


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(OPEN)
    return path


@pytest.fixture
def book(file) -> PolicyBook:
    book = PolicyBook()
    assert book.reload([file])
    return book


def test_rule_1_fail_closed_an_empty_book_refuses_everybody():
    assert PolicyBook().terms("acme", "coder").is_empty


@pytest.mark.parametrize("text", [None, "", "not: [a, policy", "policy: mine\n"])
def test_scenario_I5_a_first_file_that_cannot_be_used_refuses_everybody(tmp_path, text):
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    book = PolicyBook()

    assert not book.reload([path])
    assert book.terms("acme", "coder").is_empty
    assert book.problem is not None
    assert str(path) in book.problem


def test_a_changed_file_is_in_force_at_once(book, file):
    assert may(book)
    file.write_text(SHUT)

    assert book.reload([file])
    assert not may(book)
    assert book.policies[0].policy.version == 2


def test_a_file_that_has_not_changed_changes_nothing(book, file):
    before = book.terms("acme", "coder")

    assert not book.reload([file])
    assert book.problem is None
    assert book.terms("acme", "coder") is before


@pytest.mark.parametrize(
    "text", ["", "]", "policy: mine\nversion: 0\n", "policy: \x00", "? [a]\n: b"]
)
def test_a_file_that_breaks_leaves_the_old_version_in_force_and_says_so(book, file, text):
    file.write_text(text)

    assert not book.reload([file])
    assert may(book)
    assert str(file) in str(book.problem)


def test_a_file_that_goes_away_leaves_the_old_version_in_force(book, file):
    file.unlink()

    assert not book.reload([file])
    assert may(book)
    assert "cannot be read" in str(book.problem)


def test_a_mended_file_clears_the_problem(book, file):
    file.write_text("]")
    book.reload([file])
    file.write_text(OPEN)

    assert not book.reload([file]), "it is the version in force"
    assert book.problem is None


def test_one_broken_file_of_two_changes_nothing(book, file, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("policy: other\nversion: 1\nnope: 1\n")
    file.write_text(SHUT)

    assert not book.reload([file, other])
    assert may(book)


def test_two_policies_of_one_name_cannot_both_be_meant(file, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(SHUT)

    with pytest.raises(
        PolicyError, match=r"other\.yaml: the policy 'mine' also stands in .*mine\.yaml"
    ):
        load_all([file, other])


@pytest.mark.parametrize("name", ["permissive", "safety", "strict", "audit-only"])
def test_a_bare_word_is_a_preset(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert [each.policy.policy for each in load_all([Path(name)])] == [name]


def test_a_file_of_that_name_goes_before_the_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("safety").write_text(OPEN)

    assert located(Path("safety")) == Path("safety")


@pytest.mark.parametrize("path", ["nothing", "safety.yaml", "a/safety", "../safety", "/safety"])
def test_what_is_no_bare_word_of_a_preset_is_a_path(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert located(Path(path)) == Path(path)


def test_terms_are_made_once_per_caller():
    book = PolicyBook([policy("egress: {default: allow}\n")])

    assert book.terms("acme", "coder") is book.terms("acme", "coder")


def test_scenario_I2_ten_thousand_agents_do_not_fill_the_memory():
    book = PolicyBook([policy("egress: {default: allow}\n")])

    for number in range(10_000):
        book.terms("acme", f"a{number}")

    assert len(book._terms) <= _CALLERS_MAX
    assert may(book)
