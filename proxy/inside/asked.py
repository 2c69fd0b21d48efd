"""Everything that can be asked inside, in the order of its documentation."""

from collections.abc import Sequence

from proxy.desk import Desk
from proxy.endpoint import Endpoint
from proxy.inside import whoami
from proxy.inside.budget import Purse
from proxy.inside.delegating import Delegating
from proxy.inside.description import description
from proxy.inside.explain import Explainer
from proxy.inside.ports import Ports
from proxy.inside.refusals import Refusals
from proxy.slip import Slip


def endpoints(ports: Ports) -> Sequence[Endpoint[Slip]]:
    """One list: what is served is what is described."""
    purse = Purse(ports.accounts)
    found: list[Endpoint[Slip]] = [
        whoami.endpoint(),
        *purse.endpoints(),
        *Explainer(ports.policies).endpoints(),
        *Refusals(ports.ledger, purse).endpoints(),
        *Desk(ports.ledger, ports.triggers, ports.approvals).endpoints(),
        *Delegating(ports.delegation).endpoints(),
    ]
    found.append(description(found))
    return found
