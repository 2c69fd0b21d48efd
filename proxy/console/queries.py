"""What the API says to a question that it cannot read."""


class BadQuery(ValueError):  # noqa: N818 -- the word that the caller reads
    """A parameter that cannot be used; the message names it."""
