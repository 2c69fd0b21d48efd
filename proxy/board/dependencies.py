"""What waits for what (pure)."""

from collections.abc import Callable, Sequence


def circle(
    task: str, depends_on: Sequence[str], edges_of: Callable[[str], Sequence[str]]
) -> tuple[str, ...]:
    """The tasks that would wait for each other in a ring if `task` waited for `depends_on`, from
    `task` back to `task`; empty when there is no ring. `edges_of` says what a task waits for now."""
    came_from: dict[str, str] = dict.fromkeys(depends_on, task)
    ahead = list(depends_on)
    while ahead:
        one = ahead.pop()
        if one == task:
            return _way(came_from, task)
        for following in edges_of(one):
            if following not in came_from:
                came_from[following] = one
                ahead.append(following)
    return ()


def _way(came_from: dict[str, str], task: str) -> tuple[str, ...]:
    way = [task]
    while len(way) == 1 or way[-1] != task:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
