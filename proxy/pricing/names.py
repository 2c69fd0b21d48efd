"""When two spellings name one model: the same name, or the same name with a date or version behind
it (pure).

genai-prices matches some models by prefix, so `claude-opus-4-5-evil` and `claude-opus-4-10` would
be priced as what they start with. Here a tail must be one that providers really append.
"""

import re

_TAIL = re.compile(
    r"(?:[-@:](?:20\d{2}(?:-?\d{2}){2})(?:-v\d+)?"  # A date: -20250929, @20250929, -2025-09-29.
    r"|-(?:0[1-9]|1[0-2])-20\d{2}"  # Google's month: -09-2025.
    r"|-v\d+(?::\d+)?|:\d{1,2}|[-@]00\d|[-@](?:latest|preview|default))$"
)
_PARTIAL = re.compile(r"[-@](?:20\d{2}-?|00?)?$")
"""What a price table's prefix may end with: a separator, or the first half of a date or version."""


def stem(name: str) -> str:
    """The name without dates and versions. A fine-tune (`ft:base:org:name:id`) is its base."""
    name = name.lower()
    if name.startswith("ft:"):
        name = ":".join(name.split(":", 2)[:2])
    while (shorter := _TAIL.sub("", name)) != name:
        name = shorter
    return name


def is_version_of(name: str, prefix: str) -> bool:
    """`name` is `prefix`, give or take dates and versions at the end of either."""
    return stem(name) == stem(_PARTIAL.sub("", prefix.lower()))


_PLACE = re.compile(r"(?:(?:global|us-gov|[a-z]{2,4})\.)?(?:[a-z0-9]+\.)?")
"""What Bedrock puts before a model's name: a region's inference profile, then the vendor."""


def is_placed(name: str, named: str) -> bool:
    """`name` is a version of `named`, maybe with a region and a vendor before it."""
    whole, core = stem(name), stem(_PARTIAL.sub("", named.lower()))
    return whole.endswith(core) and _PLACE.fullmatch(whole.removesuffix(core)) is not None


_REGION = re.compile(r"(?:global|us-gov|us|eu|apac|jp|au|ca|sa|me|af|il|in|mx|uk)\.")


def unplaced(name: str) -> str:
    """A Bedrock model without the region of its inference profile, date or version."""
    return stem(_REGION.sub("", name.lower(), count=1) if _REGION.match(name.lower()) else name)
