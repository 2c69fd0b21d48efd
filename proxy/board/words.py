"""The kinds of text that agents may send to the board, with their bounds (pure)."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field

from proxy.endpoint import Model

KIB = 1024

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@/-]{1,128}$")]
"""An agent, as identities name it."""
Glob = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:@/*?-]{1,128}$")]
"""One or many agents: `coder`, `review/*`."""
Role = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Key = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
"""Whatever the agent likes, once for each thing that it wants done once."""
Id = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
MediaType = Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,64}/[A-Za-z0-9.+-]{1,64}$")]


def _no_larger(size_bytes: int) -> AfterValidator:
    def check(text: str) -> str:
        found = len(text.encode("utf-8", "surrogatepass"))
        if found > size_bytes:
            raise ValueError(f"{found} bytes of UTF-8; at most {size_bytes} are kept")
        return text

    return AfterValidator(check)


Line = Annotated[str, Field(min_length=1), _no_larger(400)]
Text = Annotated[str, _no_larger(16 * KIB)]
Letter = Annotated[str, Field(min_length=1), _no_larger(64 * KIB)]
Bulk = Annotated[str, _no_larger(256 * KIB)]


def sha256_of(text: str) -> str:
    """The only thing about a text that the ledger hears."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of(asked: Model) -> str:
    """Two requests with the same digest ask for the same; the key they are asked under is no part."""
    return sha256_of(asked.model_dump_json(exclude={"key"}))
