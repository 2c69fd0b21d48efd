"""What can be asked inside, as machines read it."""

from proxy.budgets import Accounts, MemoryCounters
from proxy.inside import endpoints
from proxy.policy import PolicyBook
from tests.addons.slips import MemoryLedger
from tests.budgets.diary import Diary
from tests.inside.callers import asks, caller


async def test_every_path_that_is_served_is_described():
    accounts = Accounts(MemoryCounters(), Diary())
    served = endpoints(accounts, MemoryLedger(), PolicyBook())  # type: ignore[arg-type]
    (told,) = [each for each in served if each.path == "/v1/openapi.json"]
    document = (await told.handle(asks(caller()))).model_dump()

    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {each.path for each in served}
    assert all(
        operation["summary"] for path in document["paths"].values() for operation in path.values()
    )
