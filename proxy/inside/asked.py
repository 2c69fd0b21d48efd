"""Everything that can be asked inside, in the order of its documentation."""

from collections.abc import Sequence

from proxy.desk import Desk
from proxy.endpoint import Endpoint
from proxy.inside import whoami
from proxy.inside.budget import Purse
from proxy.inside.delegating import Delegating
from proxy.inside.description import description
from proxy.inside.explain import Explainer
from proxy.inside.messages import Mail
from proxy.inside.ports import Ports
from proxy.inside.refusals import Refusals
from proxy.inside.tasks import Tasks
from proxy.inside.watching import Watching
from proxy.inside.witness import Witnessing
from proxy.slip import Slip


def endpoints(ports: Ports) -> Sequence[Endpoint[Slip]]:
    """One list: what is served is what is described."""
    commons, now_ms = ports.commons, ports.now_ms
    purse = Purse(ports.accounts, commons.allowances)
    found: list[Endpoint[Slip]] = [
        whoami.endpoint(),
        *purse.endpoints(),
        *Explainer(ports.policies).endpoints(),
        *Refusals(ports.ledger, purse).endpoints(),
        *Desk(ports.ledger, ports.released, ports.triggers, ports.approvals).endpoints(),
        *Delegating(ports.delegation).endpoints(),
        *Watching(commons.board).endpoints(),
        *Tasks(commons.board, commons.allowances, now_ms).endpoints(),
        *Mail(commons.messages, now_ms).endpoints(),
        *Witnessing(commons.witnesses, now_ms).endpoints(),
    ]
    found.append(description(found))
    return found
