"""What can be asked inside, as machines read it."""

from proxy.inside import Ports, endpoints
from proxy.policy import PolicyBook
from proxy.policy.released import Released
from tests.addons.slips import approvals, triggers
from tests.delegate.shop import Shop
from tests.inside.callers import asks, caller, commons


async def test_every_path_that_is_served_is_described():
    shop = Shop()
    ports = Ports(
        accounts=shop.accounts,
        ledger=shop.ledger,  # type: ignore[arg-type]
        policies=PolicyBook(),
        delegation=shop.delegation,
        triggers=triggers(),
        approvals=approvals(),
        commons=commons(),
        released=Released(),
    )
    served = endpoints(ports)
    (told,) = [each for each in served if each.path == "/v1/openapi.json"]
    document = (await told.handle(asks(caller()))).model_dump()

    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {each.path for each in served}
    assert all(
        operation["summary"] for path in document["paths"].values() for operation in path.values()
    )
