"""Everything that can be asked inside, in the order of its documentation."""

import time
from collections.abc import Sequence

from proxy.board import Commons
from proxy.budgets import Accounts
from proxy.delegate.delegation import Delegation
from proxy.desk import Desk
from proxy.endpoint import Endpoint
from proxy.inside import whoami
from proxy.inside.budget import Purse
from proxy.inside.delegating import Delegating
from proxy.inside.description import description
from proxy.inside.explain import Explainer
from proxy.inside.messages import Mail
from proxy.inside.refusals import Refusals
from proxy.inside.tasks import Tasks
from proxy.inside.watching import Watching
from proxy.inside.witness import Witnessing
from proxy.kill.triggers import Triggers
from proxy.ledger.store import Ledger
from proxy.policy import PolicyBook
from proxy.slip import Slip


def wall_ms() -> int:
    """The time, in milliseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000_000


def endpoints(
    accounts: Accounts,
    ledger: Ledger,
    policies: PolicyBook,
    delegation: Delegation,
    triggers: Triggers,
    commons: Commons,
) -> Sequence[Endpoint[Slip]]:
    """One list: what is served is what is described."""
    purse = Purse(accounts, commons.allowances)
    found: list[Endpoint[Slip]] = [
        whoami.endpoint(),
        *purse.endpoints(),
        *Explainer(policies).endpoints(),
        *Refusals(ledger, purse).endpoints(),
        *Desk(ledger, triggers).endpoints(),
        *Delegating(delegation).endpoints(),
        *Watching(commons.board).endpoints(),
        *Tasks(commons.board, commons.allowances, wall_ms).endpoints(),
        *Mail(commons.messages, wall_ms).endpoints(),
        *Witnessing(commons.witnesses, wall_ms).endpoints(),
    ]
    found.append(description(found))
    return found
