"""Secrets that would leave: found in URLs, headers and bodies, told by kind and place, never by what
they say (pure)."""

from proxy.leaks.canary import make_canary, whose_canary
from proxy.leaks.leak import Leak
from proxy.leaks.rules import KINDS
from proxy.leaks.scanner import LeakScanner

__all__ = ["KINDS", "Leak", "LeakScanner", "make_canary", "whose_canary"]
