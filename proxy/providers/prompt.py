"""Gathers what a body's messages hold: texts to estimate from, bytes that bound, media that neither
do (pure)."""

import hashlib
from typing import Any

from proxy.providers.body import DEPTH_MAX, Body, Json
from proxy.providers.call import BadRequest, CacheLifetime, Prompt
from proxy.providers.image_size import image_size

_SILENT = frozenset(
    [
        "type",
        "role",
        "id",
        "thinking",
        "signature",
        "thoughtSignature",
        "thought_signature",
        "toolUseId",
        "cache_control",
        "encrypted_content",
        "tool_use_id",
        "tool_call_id",
        "call_id",
        "status",
        "detail",
    ]
)
"""Members of a content block that the model does not read as text. They still count in the
bound."""

_IMAGES = frozenset({"image", "image_url", "input_image", "computer_screenshot"})
_OPAQUE = frozenset(
    {"input_audio", "file", "input_file", "container_upload", "item_reference", "input_video"}
)
"""Blocks whose tokens cannot be told from their bytes: only the context window bounds the prompt
then."""

_SEALED = frozenset({"signature", "thoughtSignature", "thought_signature", "encrypted_content"})
"""Members that hold what a model thought before, for nobody but itself."""

_CALLS = frozenset({"tool_calls", "function_call", "functionCall", "toolUse"})
_RESULTS = frozenset({"functionResponse", "function_response", "toolResult"})
"""Members that hold a tool's call or its result. Their ids are not read, and media in them is
text."""
_CALL_KINDS = frozenset({"tool_use", "function_call", "custom_tool_call", "tool_call"})
"""Blocks that are a tool's call themselves."""

_FRAMING = frozenset(
    {"id", "type", "index", "call_id", "function", "name", "arguments", "input", "args", "response"}
)
"""Members that wrap a tool call; the same holds for them."""

_MEMBER_BYTES = (
    6  # `"": ,` and a space: what JSON puts around a member if it is rendered as it stands.
)


def _is_result(message: Any) -> bool:
    """Whether a message or an item is what a tool answered."""
    if not isinstance(message, dict):
        return False
    if "tool_call_id" in message or message.get("role") in ("tool", "function"):
        return True
    if str(message.get("type")).endswith("_output"):
        return True
    blocks = message.get("content") or message.get("parts")
    return isinstance(blocks, list) and any(
        isinstance(each, dict) and (each.get("type") == "tool_result" or _RESULTS & each.keys())
        for each in blocks
    )


class PromptGatherer:
    """Walks messages one by one; `prompt` gives the sum. One instance per body."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._pieces: list[str] = []
        self._bytes = 0
        self._images = 0
        self._image_bytes = 0
        self._image_sizes: list[tuple[int, int]] = []
        self._calls = 0
        self._results = 0
        self._sealed_bytes = 0
        self.is_bounded = True
        self.cache_lifetime: CacheLifetime | None = None
        """The longest `cache_control` lifetime met so far."""

    def note_cache(self, control: Any) -> None:
        """A `cache_control` as written: absent asks for nothing; a lifetime we do not know is the
        long one."""
        if control is None:
            return
        ttl = control.get("ttl") if isinstance(control, dict) else None
        if ttl not in (None, "5m"):
            self.cache_lifetime = "1h"
        elif self.cache_lifetime is None:
            self.cache_lifetime = "5m"

    def add(self, message: Any) -> None:
        """One message, input item or system block: anything in JSON."""
        texts: list[str] = []
        if isinstance(message, str):
            self._text(message, texts)
        else:
            self._walk(message, texts)
        self._texts.append("\n".join(texts))
        self._results = self._results + 1 if _is_result(message) else 0

    def add_media(self, data: str, *, is_image: bool) -> None:
        """Base64 given inline. Only images have a formula; anything else leaves the prompt
        unbounded."""
        self._pieces.append(data)
        if is_image:
            self._images += 1
            self._inline_image(data)
        else:
            self.is_bounded = False

    def add_members(self, body: Body, read: frozenset[str]) -> None:
        """Every member that is not a message still reaches the provider: its bytes count."""
        for name, (start, end) in body.spans.items():
            if name not in read:
                self._bytes += end - start

    def prompt(
        self,
        *,
        tools_text: str = "",
        has_tools: bool = False,
        must_use_tools: bool = False,
        builtin_tools: int = 0,
    ) -> Prompt:
        return Prompt(
            texts=tuple(self._texts),
            tools_text=tools_text,
            text_bytes=self._bytes + _size(tools_text),
            message_count=len(self._texts),
            has_tools=has_tools,
            must_use_tools=must_use_tools,
            builtin_tools=builtin_tools,
            images=self._images,
            image_bytes=self._image_bytes,
            image_sizes=tuple(self._image_sizes),
            tool_calls=self._calls,
            results_last=self._results,
            sealed_bytes=self._sealed_bytes,
            is_bounded=self.is_bounded,
        )

    def digest(self, model: str) -> str:
        whole = "\0".join([model, *self._pieces])
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()

    def _text(self, text: str, texts: list[str]) -> None:
        self._pieces.append(text)
        texts.append(text)
        self._bytes += _size(text)

    def _inline_image(self, data: str) -> None:
        self._image_bytes += len(data)
        size = image_size(data)
        if size is not None:
            self._image_sizes.append(size)

    def _walk(self, root: Any, texts: list[str]) -> None:
        """Depth first, without recursion. Each entry: value, whether it is a content block, the
        member that holds it when that is a tool's call or result, whether the model reads it as
        text, depth."""
        stack: list[tuple[Any, bool, str, bool, int]] = [(root, True, "", True, 0)]
        while stack:
            value, is_block, held_by, is_read, depth = stack.pop()
            if isinstance(value, str):
                self._pieces.append(value)
                self._bytes += _size(value)
                if is_read:
                    texts.append(value)
            elif isinstance(value, dict):
                if depth > DEPTH_MAX:
                    raise BadRequest("the messages are nested too deeply")
                taken = self._media(value) if is_block else None
                if held_by in _CALLS or (is_block and _is_call(value)):
                    self._calls += 1
                is_read = is_read and not (is_block and _is_opaque(value))
                if is_block and "cache_control" in value:
                    self.note_cache(value["cache_control"])
                self._bytes += _MEMBER_BYTES * len(value)
                for name in reversed(value):
                    self._bytes += _size(name)
                    child = value[name]
                    if child is taken and taken is not None:
                        continue
                    holds_blocks = is_block and name in ("content", "output")
                    holds_call = name if is_block and name in _CALLS | _RESULTS else ""
                    reads = is_read and not ((is_block or held_by) and name in _SILENT)
                    if name in _SEALED and isinstance(child, str):
                        self._sealed_bytes += len(child)
                    stack.append((child, holds_blocks, holds_call, reads, depth + 1))
                    if reads and not is_block and name not in _FRAMING:
                        texts.append(name)
            elif isinstance(value, list):
                if depth > DEPTH_MAX:
                    raise BadRequest("the messages are nested too deeply")
                self._bytes += 2 * len(value) + 2
                stack.extend(
                    (item, is_block, held_by, is_read, depth + 1) for item in reversed(value)
                )
            else:
                self._bytes += 5 if value is None or isinstance(value, bool) else len(repr(value))

    def _media(self, block: Json) -> Any:
        """Counts an image and returns the member that holds its bytes, so that they are not text
        too.

        Only a block in a message's content is media: the same JSON inside a tool's arguments is
        text.
        """
        kind = block.get("type")
        if not isinstance(kind, str):
            return None
        if _is_opaque(block):
            self.is_bounded = False
        elif kind == "document":
            source = block.get("source")
            if not isinstance(source, dict) or source.get("type") not in ("text", "content"):
                self.is_bounded = False
        elif kind in _IMAGES:
            self._images += 1
            for name in ("source", "image_url"):
                held = block.get(name)
                data = _image_data(held)
                if data is not None:
                    self._inline_image(data)
                    self._pieces.append(data)
                    return held
        return None


def _is_opaque(block: Json) -> bool:
    kind = block.get("type")
    return isinstance(kind, str) and kind in _OPAQUE


def _is_call(block: Json) -> bool:
    kind = block.get("type")
    return isinstance(kind, str) and kind in _CALL_KINDS


def _image_data(held: Any) -> str | None:
    """The base64 of an image given inline; None for a link, an id or anything unusual (walked as
    text)."""
    if isinstance(held, dict):
        if held.keys() == {"type", "media_type", "data"} and held["type"] == "base64":
            kind, data = held["media_type"], held["data"]
            is_image = isinstance(kind, str) and kind.startswith("image/")
            return data if is_image and isinstance(data, str) else None
        held = held.get("url") if held.keys() <= {"url", "detail"} else None
    if isinstance(held, str) and held.startswith("data:image/"):
        return held
    return None


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
