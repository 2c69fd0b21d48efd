"""Money as integers: one nano-dollar is 1e-9 USD. Floats never hold money (pure)."""

from decimal import Decimal, InvalidOperation

NANO = 10**9
NANOUSD_MAX = 2**53 - 1
"""The largest amount any counter may hold, about $9.007 million: Redis Lua numbers are doubles, and
RFC 8785 numbers are too, so an integer is exact in every store only up to here."""


def nanousd(dollars: str | int | Decimal) -> int:
    """Dollars as written by a person ("0.10", 5) to nano-dollars.

    Raises ValueError when it is not a number, negative, finer than a nano-dollar, or too large.
    """
    if isinstance(dollars, float):
        raise ValueError(f"{dollars!r} is a float; write dollars as a string or integer")
    try:
        exact = Decimal(dollars) * NANO
    except InvalidOperation:
        raise ValueError(f"{dollars!r} is not an amount of dollars") from None
    if not exact.is_finite() or exact < 0 or exact != exact.to_integral_value():
        raise ValueError(f"{dollars!r} is not a positive amount of whole nano-dollars")
    if exact > NANOUSD_MAX:
        raise ValueError(f"{dollars!r} is above the largest amount, {format_usd(NANOUSD_MAX)}")
    return int(exact)


def format_usd(amount: int) -> str:
    """Nano-dollars for a person: at least cents, and every digit that is there ("$0.10", "$0.000018")."""
    sign = "-" if amount < 0 else ""
    whole, nanos = divmod(abs(amount), NANO)
    digits = f"{nanos:09d}"
    return f"{sign}${whole:,}.{digits[:2]}{digits[2:].rstrip('0')}"
