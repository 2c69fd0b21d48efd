"""An operator's price file is taken whole, or it is one clear list of what is wrong with it."""

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from proxy.pricing.price_file import PriceFileError, load, parse
from tests.pricing.files import price_file

FILE = Path("mine/prices.toml")


def error_of(text: str | bytes) -> str:
    with pytest.raises(PriceFileError) as caught:
        parse(text.encode() if isinstance(text, str) else text, FILE)
    return str(caught.value)


def test_an_empty_file_states_nothing() -> None:
    own = price_file("").own
    assert (own.rates, own.discounts, own.mappings) == ({}, {}, ())


def test_it_is_known_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text("# mine\n")
    assert load(path).sha256 == hashlib.sha256(b"# mine\n").hexdigest()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"2.50"', "2.50"),
        ("2.5", "2.5"),
        ("3", "3"),
        ("0.1", "0.1"),
        ("0.075000000001", "0.075000000001"),
        ("1e-3", "0.001"),
    ],
)
def test_a_number_is_read_digit_by_digit(written: str, read: str) -> None:
    own = price_file(f"[rates.openai.x]\ninput = {written}\noutput = 0\n").own
    assert own.rates["openai"]["x"].input == Decimal(read)


HEAD = "[rates.openai.x]\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        ("rate = 1\n", 1, "rate", "no such field; docs/metering.md"),
        (HEAD + "input = 1\n", 1, "rates.openai.x", "both input and output"),
        (HEAD + "inptu = 1\n", 2, "rates.openai.x.inptu", "no such field"),
        (HEAD + "input = 'much'\noutput = 1\n", 2, "rates.openai.x.input", "(it is 'much')"),
        (HEAD + "input = true\noutput = 1\n", 2, "rates.openai.x.input", "(it is True)"),
        (HEAD + "input = -1.5\noutput = 1\n", 2, "rates.openai.x.input", "(it is -1.5)"),
        (HEAD + "input = inf\noutput = 1\n", 2, "rates.openai.x.input", "finite"),
        (HEAD + "input = nan\noutput = 1\n", 2, "rates.openai.x.input", "finite"),
        (HEAD + "input = 0.1234567890123\noutput = 1\n", 2, "rates.openai.x.input", "12 decimal"),
        (HEAD + "free = true\ninput = 1\n", 1, "rates.openai.x", "no room for input"),
        (HEAD, 1, "rates.openai.x", "or limits"),
        (HEAD + "context = '9'\n", 2, "rates.openai.x.context", "integer"),
        ("[rates.openai.'a b']\nfree = true\n", 1, "rates.openai.a b", "A-Z a-z"),
        ("[rates.'a b'.x]\nfree = true\n", None, "rates.a b", "pattern"),
        ("[discounts.openai]\nx = 0\n", 2, "discounts.openai.x", "greater than 0"),
        ("[discounts.openai]\nx = 101\n", 2, "discounts.openai.x", "less than or equal to 100"),
        ("[[mappings]]\nname = 'a'\nmodel = 'b'\n", 1, "mappings.0.provider", "is missing"),
        (
            "[[mappings]]\nprovider = 'azure'\nname = 'a'\nmodel = 'b'\nhost = 'h'\nresource = 'r'\n",
            1,
            "mappings.0",
            "not both",
        ),
    ],
)
def test_an_error_names_file_line_field_and_value(
    text: str, line: int | None, field: str, says: str
) -> None:
    told = error_of(text)
    where = f"{FILE}:{line}" if line else str(FILE)
    assert told.startswith(f"{where}: {field}"), told
    assert says in told


def test_every_problem_is_named_at_once() -> None:
    assert len(error_of("a = 1\nb = 2\n[discounts.x]\ny = -1\n").splitlines()) == 3


@pytest.mark.parametrize(
    "text", ["a = ", b"\xff", "a = 1e99999999999999999999\n", "a = " + "[" * 5000]
)
def test_what_is_no_toml_is_said_to_be_none(text: str | bytes) -> None:
    assert error_of(text).startswith(f"{FILE}: not ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match=r"none\.toml: cannot be read .*prices_file"):
        load(tmp_path / "none.toml")


def test_one_name_cannot_be_mapped_twice() -> None:
    one = "[[mappings]]\nprovider = 'azure'\nname = 'a'\nmodel = 'b'\n"
    assert "'a' of azure is mapped twice" in error_of(one + one)
    assert len(price_file(one + one + "host = 'h.example'\n").own.mappings) == 2
