"""Token counts and integer money for model calls: estimates for people, bounds for holds, costs for
the ledger."""
