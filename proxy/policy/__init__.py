"""What agents may do: policy files read, validated, and asked one question at a time."""

from proxy.policy.book import PolicyBook, load_all, located
from proxy.policy.loader import LoadedPolicy, PolicyError, load
from proxy.policy.terms import Answer, BudgetedLimit, Terms

__all__ = [
    "Answer",
    "BudgetedLimit",
    "LoadedPolicy",
    "PolicyBook",
    "PolicyError",
    "Terms",
    "load",
    "load_all",
    "located",
]
