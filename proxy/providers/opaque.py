"""Calls whose body does not say what they will cost, and whose answer does not either: video, images
of Google's, batches that name a file (pure).

They are read for their model. Every one has a reason why it has no bound, so none leaves under a
budget of dollars or tokens.
"""

from dataclasses import replace
from hashlib import sha256

from proxy.providers.answer import Answer
from proxy.providers.body import model_of, read_body, refuse_lookalikes
from proxy.providers.call import FormatName, ModelCall
from proxy.providers.form import read_fields
from proxy.providers.gemini import model_in_path
from proxy.providers.plain import PlainFormat, SilentAnswer
from proxy.providers.prompt import PromptGatherer

UNSTATED = "unstated"
"""Stands for a model that only the provider knows: that of a stored video, or those in a file."""

_VIDEO_MODEL = "sora-2"
"""What OpenAI takes where the body names none."""

_VERBS = {
    "predict": "images",
    "predictLongRunning": "video",
    "asyncBatchEmbedContent": "batch_file",
}


class OpaqueFormat(PlainFormat):
    """What these share: a model, a digest of the body, and a reason."""

    def answer(self, call: ModelCall) -> Answer:
        return SilentAnswer()

    def opaque(self, data: bytes, model: str, reason: str) -> ModelCall:
        gatherer = PromptGatherer()
        gatherer.add_media(sha256(data).hexdigest(), is_image=False)
        return replace(self.call(model, gatherer, unbounded=(reason,)), output_tokens_max=None)


class OpenAIVideo(OpaqueFormat):
    """Videos, made or remade: JSON, or a form with a picture to begin with."""

    name: FormatName = "openai.video"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        files = frozenset({"input_reference", "video"})
        members = read_fields(data, content_type, files=files)[0].members
        refuse_lookalikes(members, frozenset({"model"}))
        is_new = path.partition("?")[0].endswith("/videos")
        unnamed = _VIDEO_MODEL if is_new and self.provider == "openai" else UNSTATED
        model = unnamed if members.get("model") is None else model_of(members)
        return self.opaque(data, model, "video")


class OpenAIBatch(OpaqueFormat):
    """OpenAI's batches, and Mistral's jobs: the requests are in a file that was sent before."""

    name: FormatName = "openai.batch"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        members = read_body(data).members
        refuse_lookalikes(members, frozenset({"model"}))
        model = UNSTATED if members.get("model") is None else model_of(members)
        return self.opaque(data, model, "batch_file")


class GeminiPredict(OpaqueFormat):
    """Imagen and Veo, on Gemini's API and on Vertex, and embedding by file."""

    name: FormatName = "gemini.predict"

    def read_request(self, data: bytes, path: str = "", content_type: str = "") -> ModelCall:
        read_body(data)
        model, verb = model_in_path(path)
        return self.opaque(data, model, _VERBS.get(verb, "images"))
