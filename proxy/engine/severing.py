"""What a stop, or a policy that has changed, does to the calls that are under way."""

from collections.abc import Callable, Iterable

from proxy.engine.facts import facts_of
from proxy.engine.handler import Handler
from proxy.kill.stops import Stop
from proxy.kill.words import goes_on, refusal_of_stop
from proxy.policy import PolicyBook
from proxy.policy.words import refused_now
from proxy.slip import Slip


def sever(handlers: Iterable[Handler], ends: Callable[[Slip], bool]) -> int:
    """End the calls that may not go on, each of which `ends` marks; how many there are.

    A call that is being decided is only marked: the corridor refuses it, in words. All others are cut,
    with their connection unless it carries calls of somebody else (HTTP/2). Every connection falls
    silent before the first is hung up: settling what a call cost takes longer than ending it.
    """
    count = 0
    silent: list[Handler] = []
    for handler in handlers:
        slips = tuple(facts_of(handler.client).open_slips.values())
        ended = [slip for slip in slips if ends(slip)]
        cut = {slip.id for slip in ended if not slip.deciding}
        if cut and handler.client.alpn == b"h2" and len(cut) < len(slips):
            handler.sever(cut)
        elif cut:
            handler.fall_silent()
            silent.append(handler)
        count += len(ended)
    for handler in silent:
        handler.hang_up()
    return count


def ends_with(slip: Slip, stop: Stop) -> bool:
    """Mark a call that is in the stop's scope; whether it ends with it."""
    if slip.identity is None or not stop.scope.covers(slip.identity):
        return False
    if stop.level == "quarantine" and goes_on(slip):
        slip.quarantined = True
        return False
    slip.stopped = refusal_of_stop(stop)
    slip.ring()
    return True


def ends_under(slip: Slip, policies: PolicyBook) -> bool:
    """Mark a call that the policies now in force refuse; whether it ends."""
    slip.stopped = slip.stopped or refused_now(slip, policies)
    if slip.stopped is not None:
        slip.ring()
    return slip.stopped is not None
