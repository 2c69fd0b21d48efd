"""The commons: everything that the agents of an org share, over one store."""

from dataclasses import dataclass

from proxy.board.allowances import Allowances
from proxy.board.board import Board
from proxy.board.messages import Messages
from proxy.board.outbox import Outbox
from proxy.board.roles import Roles
from proxy.board.store import Store
from proxy.board.witnesses import Remembers, Witnesses
from proxy.budgets import Accounts


@dataclass(frozen=True, slots=True)
class Commons:
    """One per process."""

    board: Board
    allowances: Allowances
    messages: Messages
    witnesses: Witnesses

    @classmethod
    def over(cls, store: Store, ledger: Remembers, accounts: Accounts, roles: Roles) -> "Commons":
        """Put together."""
        outbox = Outbox(store, ledger)
        board = Board(outbox, roles)
        return cls(board, Allowances(board, accounts), Messages(outbox, roles), Witnesses(ledger))
