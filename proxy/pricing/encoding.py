"""tiktoken from the rank tables we ship: no cache directory, no download, no trust in what lies on
disk (pure but for reading its own package data)."""

import gzip
import hashlib
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Literal

from tiktoken import Encoding

EncodingName = Literal["o200k_base", "cl100k_base"]

_SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""The hashes tiktoken itself expects of the unpacked tables (tiktoken_ext/openai_public.py)."""

_SPECIAL = {
    "o200k_base": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    "cl100k_base": {
        "<|endoftext|>": 100257,
        "<|fim_prefix|>": 100258,
        "<|fim_middle|>": 100259,
        "<|fim_suffix|>": 100260,
        "<|endofprompt|>": 100276,
    },
}

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_SPLITS = {
    "o200k_base": "|".join(
        (
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
            + _CONTRACTIONS,
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
            + _CONTRACTIONS,
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        )
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
}


@cache
def encoding(name: EncodingName) -> Encoding:
    """Takes a third of a second the first time. Raises ValueError when the shipped table was
    altered."""
    packed = (Path(__file__).parent / "data" / f"{name}.tiktoken.gz").read_bytes()
    table = gzip.decompress(packed)
    if hashlib.sha256(table).hexdigest() != _SHA256[name]:
        raise ValueError(f"{name}.tiktoken.gz is not the table tiktoken publishes")
    ranks: dict[bytes, int] = {}
    for line in table.splitlines():
        token, rank = line.split()
        ranks[b64decode(token)] = int(rank)
    return Encoding(
        name, pat_str=_SPLITS[name], mergeable_ranks=ranks, special_tokens=_SPECIAL[name]
    )
