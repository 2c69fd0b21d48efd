"""The corridor: which questions every call is asked, and in which order. Read this file first.

| | addon | asks |
|---|---|---|
| 1 | route | where to? |
| 2 | identity | who asks? |
| 3 | kill | may it go on? |
| 4 | allowlist | may anyone go there? |
| 5 | price | what may it cost? |
| 6 | policy | may this agent do this? |
| 7 | mcp | may this tool of that server be used? |
| 8 | approval | has a person said yes? |
| 9 | budget | is there money? |
| 10 | tool_calls | may it do what the model asks? |
| 11 | credentials | with whose key? |
| 12 | gate | may it leave now? |
| 13 | usage | what did it really use? |
| 14 | audit | is it on file? |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from addons.allowlist import Allowlist
from addons.approval import Approval
from addons.audit import Audit
from addons.budget import Budget
from addons.credentials import Credentials
from addons.gate import Gate
from addons.identity import Identity
from addons.kill import Kill
from addons.mcp import Mcp
from addons.policy import Policy
from addons.price import Price
from addons.route import Route
from addons.tool_calls import ToolCalls
from addons.usage import Usage
from proxy.anew import Anew
from proxy.approvals.approvals import Approvals
from proxy.budgets import Accounts
from proxy.config import Settings
from proxy.counting import RateCounts
from proxy.engine.corridor import Addon
from proxy.engine.dial import Dialler, Pinned
from proxy.kill.switch import KillSwitch
from proxy.kill.triggers import Triggers
from proxy.leaks import LeakScanner
from proxy.ledger.store import Ledger
from proxy.pinning import PinBook
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.policy.terms import TaskLimits
from proxy.pricing.prices import Prices
from proxy.pricing.tokens import TokenCounter
from proxy.seal import Seal
from proxy.slip import Slip

QUESTIONS = tuple(re.findall(r"^\| \d+ \| (\w+) \| ([^|]+\?) \|$", __doc__, re.MULTILINE))
"""Each addon's name and question, in order: the table above, for whoever draws a slip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the addons ask things of: one per process."""

    policies: PolicyBook
    prices: Prices
    counter: TokenCounter
    accounts: Accounts
    ledger: Ledger
    dialler: Dialler
    inside: Pinned
    """Where the server behind exeat.internal listens."""
    seal: Seal
    live: Mapping[str, Slip]
    """Calls in flight by their ids, as the corridor keeps them."""
    allowances: TaskLimits
    released: Released
    kill: KillSwitch
    approvals: Approvals
    pins: PinBook


def chain(settings: Settings, ports: Ports) -> list[Addon]:
    """The addons, in the order in which a call meets them."""
    keys = {name: key.get_secret_value() for name, key in settings.credentials.items()}
    lease_ms = settings.counters.lease_s * 1000
    rates = RateCounts(ports.accounts, lease_ms)
    triggers = Triggers(ports.kill)
    anew = Anew(ports.kill, ports.policies)
    decides: list[Addon] = [
        Route(settings.routes),
        Identity(ports.policies, ports.seal, ports.live),
        Kill(ports.kill),
        Allowlist(settings.limits.body_bytes_max),
        Price(ports.prices, ports.counter),
        Policy(_scanner(settings, keys), settings.limits.body_bytes_max, rates, triggers),
        Mcp(
            settings.limits.body_bytes_max,
            settings.limits.mcp_result_bytes_max,
            rates,
            triggers,
            ports.pins,
        ),
        Approval(ports.approvals, anew, settings.approvals.wait_s),
        Budget(
            ports.accounts,
            ports.allowances,
            lease_ms,
            triggers,
            ports.approvals,
            anew,
            settings.approvals.wait_s,
        ),
        ToolCalls(ports.ledger, ports.released, rates, triggers, ports.approvals),
        Credentials(keys, ports.seal),
    ]
    before = [addon.name for addon in decides]
    gate = Gate(before, ports.dialler, ports.ledger, ports.inside)
    return [*decides, gate, Usage(ports.prices), Audit(ports.ledger)]


def _scanner(settings: Settings, keys: Mapping[str, str]) -> LeakScanner:
    """Knows the operator's own keys and canaries, whatever they look like."""
    return LeakScanner(
        canaries=[each.get_secret_value() for each in settings.canaries],
        own_keys={provider: [key] for provider, key in keys.items()},
    )
