"""Observed traffic to a policy that allows it and little more (pure).

What passed goes in, record by record; a policy file comes out, annotated with counts. Whoever puts it
in force reads it first: what was done is not always what should be.
"""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from proxy.hosts import normalise
from proxy.money import NANO
from proxy.policy.history import Body, verdict_of_record

_PATHS_MAX = 8
"""Of one host and method; above this, what they begin with is what is allowed."""
_MARKS = "*?["
_is_id = re.compile(r"\d+|[0-9a-fA-F-]{8,}|(?=.*\d)[A-Za-z0-9_~=-]{16,}|[^/]{40,}").fullmatch
_is_method = re.compile(r"[A-Z]{1,20}").fullmatch


@dataclass(slots=True)
class Learned:
    """What was seen so far, of one org or agent where they are named."""

    org: str | None = None
    agent: str | None = None
    calls: int = 0
    _paths: dict[tuple[str, int], dict[str, Counter[str]]] = field(default_factory=dict)
    """By place and method: the folded paths."""
    _models: Counter[str] = field(default_factory=Counter)
    _tools: Counter[str] = field(default_factory=Counter)
    _spent: defaultdict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    """By org, agent and day."""
    _unpriced: int = 0

    def take(self, body: Body) -> None:
        """The next record; what was refused teaches nothing."""
        role, kind = body["role"], body["kind"]
        if not (role["org"] and role["agent"] and role["session"]):
            return
        if role["org"] != (self.org or role["org"]) or role["agent"] != (
            self.agent or role["agent"]
        ):
            return
        if kind == "decision":
            self._call(body)
        elif kind == "outcome":
            key = (role["org"], role["agent"], body["ts"][:10])
            self._spent[key] += body["resource"]["nanousd"]
        elif kind == "tool_call":
            verdict = verdict_of_record(body)
            if verdict is not None and verdict.passes:
                self._tools[body["result"]["facts"]["tool"]] += 1

    def _call(self, body: Body) -> None:
        request = body["request"]
        if body["result"]["decision"] != "allow" or request["class"] == "internal":
            return
        host = normalise(request["host"] or "")
        if host is None:
            return
        self.calls += 1
        place = self._paths.setdefault((host, request["port"] or 443), {})
        method = request["method"] or "GET"
        paths = place.setdefault(method, Counter())
        paths[_folded(request["path"] or "/")] += 1
        if len(paths) > 64 * _PATHS_MAX:
            place[method] = _together(paths)
        if request["model"] is not None:
            self._models[request["model"]] += 1
            bound = body["resource"]["bound"]
            self._unpriced += bound is None or bound["dearest"]

    def text(self) -> str:
        """The policy file."""
        lines = [
            f"# Learned from {self.calls:,} calls that left. Read it before it is in force; put",
            "# `enforce: false` in it to watch first. Private networks are not learned.",
            "policy: learned",
            "version: 1",
            *self._selector(),
            "egress:",
            "  default: deny",
            *self._routes(),
            *self._models_section(),
            *self._tools_section(),
            *self._budgets(),
        ]
        return "\n".join(lines) + "\n"

    def _selector(self) -> list[str]:
        named = (("orgs", self.org), ("agents", self.agent))
        lines = [f"  {key}: [{_quoted(_literal(value))}]" for key, value in named if value]
        return ["applies_to:", *lines] if lines else []

    def _routes(self) -> list[str]:
        lines = []
        for (host, port), methods in sorted(self._paths.items()):
            same: dict[tuple[str, ...], list[str]] = {}
            for method, paths in sorted(methods.items()):
                same.setdefault(tuple(sorted(_together(paths))), []).append(method)
            for globs, names in same.items():
                count = sum(methods[name].total() for name in names)
                lines.append(f"    - host: {_quoted(host)}  # {_times(count)}")
                if port != 443:
                    lines.append(f"      ports: [{port}]")
                if all(map(_is_method, names)):
                    lines.append(f"      methods: [{', '.join(map(_quoted, names))}]")
                lines.append("      paths:")
                lines += [f"        - {_quoted(glob)}" for glob in globs]
        return ["  allow:", *lines] if lines else []

    def _models_section(self) -> list[str]:
        if not self._models:
            return []
        lines = ["models:", "  allow:"]
        for model, count in sorted(self._models.items()):
            lines.append(f"    - {_quoted(_literal(model))}  # {_times(count)}")
        if self._unpriced:
            lines.append(f"  # {_times(self._unpriced)} a call had no price of its own.")
            lines.append("  unknown_price: dearest")
        return lines

    def _tools_section(self) -> list[str]:
        if not self._tools or "" in self._tools:
            return []
        names = sorted(self._tools)
        return [
            "tools:",
            "  default: deny",
            "rules:",
            "  - id: tools-seen",
            "    decision: allow",
            "    match:",
            "      kinds: [tool]",
            "      tools:",
            *(f"        - {_quoted(_literal(n))}  # {_times(self._tools[n])}" for n in names),
        ]

    def _budgets(self) -> list[str]:
        days = sorted(amount for amount in self._spent.values() if amount)
        if not days:
            return []
        usual = days[-(-99 * len(days) // 100) - 1]
        dollars = -(-usual * 3 // (2 * NANO))
        return [
            "budgets:",
            f"  # 1.5 times the 99th percentile of what one agent spent in a day ({len(days)} seen).",
            "  - name: agent-day",
            "    per: [agent]",
            "    window: day",
            f'    usd: "{dollars}.00"',
        ]


def _folded(path: str) -> str:
    """A glob: what looks like somebody's id may be any."""
    path = path if path.startswith("/") else f"/{path}"
    return "/".join("*" if _is_id(part) else _literal(part) for part in path.split("/"))


def _together(paths: Counter[str]) -> Counter[str]:
    """Few globs that cover all of them: folders in place of files, as deep as it stays few."""
    for depth in range(max((path.count("/") for path in paths), default=1), 0, -1):
        if len(paths) <= _PATHS_MAX:
            return paths
        shorter: Counter[str] = Counter()
        for path, count in paths.items():
            parts = path.split("/")
            deep = len(parts) > depth + 1 or (len(parts) == depth + 1 and depth > 1)
            shorter["/".join(parts[:depth]) + "/*" if deep else path] += count
        paths = shorter
    return paths if len(paths) <= _PATHS_MAX else Counter({"/*": paths.total()})


def _literal(text: str) -> str:
    return "".join(f"[{char}]" if char in _MARKS else char for char in text)


def _quoted(text: str) -> str:
    """A YAML scalar; what cannot be printed is escaped as YAML has it."""
    said = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in said)


def _times(count: int) -> str:
    return f"{count:,} times" if count != 1 else "once"
