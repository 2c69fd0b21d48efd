"""Everything that can be asked inside, in the order of its documentation."""

from collections.abc import Sequence

from proxy.budgets import Accounts
from proxy.delegate.delegation import Delegation
from proxy.desk import Desk
from proxy.endpoint import Endpoint
from proxy.inside import whoami
from proxy.inside.budget import Purse
from proxy.inside.delegating import Delegating
from proxy.inside.description import description
from proxy.inside.explain import Explainer
from proxy.inside.refusals import Refusals
from proxy.ledger.store import Ledger
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from proxy.slip import Slip


def endpoints(
    accounts: Accounts,
    ledger: Ledger,
    policies: PolicyBook,
    delegation: Delegation,
    released: Released | None = None,
) -> Sequence[Endpoint[Slip]]:
    """One list: what is served is what is described."""
    purse = Purse(accounts)
    found: list[Endpoint[Slip]] = [
        whoami.endpoint(),
        *purse.endpoints(),
        *Explainer(policies).endpoints(),
        *Refusals(ledger, purse).endpoints(),
        *Desk(ledger, released or Released()).endpoints(),
        *Delegating(delegation).endpoints(),
    ]
    found.append(description(found))
    return found
