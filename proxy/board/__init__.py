"""The board: tasks, messages and attestations, by which the agents of an org work together."""

from proxy.board.allowances import Allowances, limit_of
from proxy.board.board import Board
from proxy.board.commons import Commons
from proxy.board.messages import Messages
from proxy.board.outbox import Outbox
from proxy.board.roles import Roles
from proxy.board.sql import SqlStore
from proxy.board.witnesses import Witnesses

__all__ = [
    "Allowances",
    "Board",
    "Commons",
    "Messages",
    "Outbox",
    "Roles",
    "SqlStore",
    "Witnesses",
    "limit_of",
]
