"""Policy files read from disk: validated whole, or not at all, with errors a person can follow."""

import difflib
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from proxy.policy.schema import Policy

_BYTES_MAX = 1 << 20

_CHANGED = {"seconds": "; a rate has a window: minute, hour, day, week, month or total"}
"""Words that were once fields, and what to write."""


class PolicyError(ValueError):
    """A policy file that cannot be used; the message names file, line, column, field and value."""


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy and what identifies it in every record."""

    policy: Policy
    id: str
    """`policy:<name>:<version>:<sha256 of the file>`"""
    path: Path
    text: str = field(default="", repr=False)
    """As it was written: what is in force, whatever the file says by now."""


def load(path: Path) -> LoadedPolicy:
    """One policy file. Raises PolicyError; never returns half a policy."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a policy file, "
            "such as policies/safety.yaml"
        ) from None
    if len(raw) > _BYTES_MAX:
        raise PolicyError(f"{path}: {len(raw)} bytes are more than a policy can be ({_BYTES_MAX})")
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> LoadedPolicy:
    """A policy from the bytes of a file; `path` is only for messages."""
    yaml = YAML(typ="rt", pure=True)
    try:
        text = raw.decode("utf-8")
        tree = yaml.load(text)
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: not UTF-8 at byte {error.start}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise PolicyError(f"{where}: not YAML: {error.problem or error.context}") from None
    except (YAMLError, RecursionError, LookupError) as error:  # The last for numbers such as `+_`.
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise PolicyError(f"{path}: not YAML: {why}") from None
    _refuse_aliases(tree, path)
    if not isinstance(tree, CommentedMap):
        raise PolicyError(f"{path}:1:1: not a policy: the file must hold `policy:`, `version:`, …")
    try:
        policy = Policy.model_validate_json(_as_json(tree))
    except ValidationError as error:
        raise PolicyError("\n".join(_explain(error, tree, path))) from None
    except (TypeError, ValueError, RecursionError):  # What YAML can say and JSON cannot.
        raise PolicyError(f"{path}: a key is no text, or a value holds itself") from None
    digest = hashlib.sha256(raw).hexdigest()
    return LoadedPolicy(policy, f"policy:{policy.policy}:{policy.version}:{digest}", path, text)


def _refuse_aliases(tree: Any, path: Path) -> None:
    """A few hundred bytes of aliases within aliases stand for more than any memory holds. What is read
    by an auditor should stand there, too."""
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, CommentedMap | CommentedSeq):
            continue
        if id(node) in seen:
            where = f"{path}:{node.lc.line + 1}:{node.lc.col + 1}"
            raise PolicyError(f"{where}: an alias (`*name`) stands for this: write it out instead")
        seen.add(id(node))
        waiting += node.values() if isinstance(node, CommentedMap) else node


def _as_json(tree: CommentedMap) -> str:
    """JSON mode is where strict pydantic takes lists for tuples; YAML's floats become their text."""
    import json

    return json.dumps(tree, default=str)


def _explain(error: ValidationError, tree: CommentedMap, path: Path) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        line, column = _position(tree, problem["loc"])
        field = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = _fields_at(problem["loc"][:-1])
            message = "no such field; policies/README.md lists the fields that there are"
            message += _suggestion(str(problem["loc"][-1]), known)
            message += _CHANGED.get(str(problem["loc"][-1]), "")
        elif problem["type"] == "missing":
            message = "is missing"
        else:
            message = f"{message} (it is {problem['input']!r})"
            if problem["type"] == "literal_error":
                known = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
                message += _suggestion(str(problem["input"]), known)
        yield f"{path}:{line}:{column}: {field}: {message}"


def _suggestion(word: str, known: Iterable[str]) -> str:
    """What was probably meant, if anything was."""
    close = difflib.get_close_matches(word.lower()[:64], list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """The fields that may stand there."""
    model: type[BaseModel] | None = Policy
    for part in location:
        if isinstance(part, str) and model is not None:
            field = model.model_fields.get(part)
            model = _model_in(field.annotation) if field is not None else None
    return list(model.model_fields) if model is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that `tuple[Model, ...] | None` and the like is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _position(tree: Any, location: tuple[int | str, ...]) -> tuple[int, int]:
    """Line and column, from 1, of the innermost part of `location` that is written in the file."""
    line, column = 0, 0
    node = tree
    for part in location:
        try:
            if isinstance(node, CommentedMap) and part in node:
                line, column = node.lc.value(part)
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line, column = node.lc.item(part)
            else:
                break
            node = node[part]
        except (KeyError, TypeError, AttributeError):
            break
    return line + 1, column + 1
