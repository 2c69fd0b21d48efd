"""exeat demo: placeholder until the stand-in is there."""


def demo() -> None:
    """Run the demo."""
