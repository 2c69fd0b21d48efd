"""Approvals: what a policy holds until a person said so; asked once, decided once, used once."""
