"""An operator's price file, read from disk: validated whole, or not at all."""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from proxy.pricing.own import OwnPrices
from proxy.toml_lines import line_of

_BYTES_MAX = 1 << 20


class PriceFileError(ValueError):
    """A price file that cannot be used; the message names file, line, field and value."""


@dataclass(frozen=True, slots=True)
class PriceFile:
    """What the operator states, and what identifies it in every record."""

    own: OwnPrices
    sha256: str
    path: Path


def load(path: Path) -> PriceFile:
    """Raises PriceFileError; never returns half a file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PriceFileError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a price file in "
            "prices_file, or leave the setting out"
        ) from None
    if len(raw) > _BYTES_MAX:
        raise PriceFileError(
            f"{path}: {len(raw)} bytes are more than a price file can be ({_BYTES_MAX})"
        )
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> PriceFile:
    """A price file from its bytes; `path` is only for messages."""
    try:
        text = raw.decode("utf-8")
        values = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise PriceFileError(f"{path}: not UTF-8 at byte {error.start}") from None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError, ArithmeticError) as error:
        raise PriceFileError(f"{path}: not TOML: {error or 'a number cannot be read'}") from None
    try:
        own = OwnPrices.model_validate(values)
    except ValidationError as error:
        raise PriceFileError("\n".join(_explain(error, path, text))) from None
    return PriceFile(own, hashlib.sha256(raw).hexdigest(), path)


def _explain(error: ValidationError, path: Path, text: str) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        location = [str(part) for part in problem["loc"] if part != "[key]"]
        line = line_of(location, text)
        where = f"{path}:{line}" if line else str(path)
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such field; docs/metering.md lists the fields that there are"
        elif problem["type"] == "missing":
            message = "is missing"
        elif not isinstance(problem["input"], dict):
            told = problem["input"]
            message = f"{message} (it is {str(told) if isinstance(told, Decimal) else repr(told)})"
        field = ".".join(location)
        yield f"{where}: {field}: {message}" if field else f"{where}: {message}"
