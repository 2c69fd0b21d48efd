"""Which sieve reads which dialogue. A new one is a file and a line here (pure)."""

from collections.abc import Callable

from proxy.providers.dialogue import DialogueName
from proxy.providers.tool_gate_live import LiveSieve
from proxy.providers.tool_gate_realtime import RealtimeSieve
from proxy.providers.tool_gate_responses_socket import ResponsesSocketSieve
from proxy.providers.tool_gate_sieve import Judge
from proxy.providers.tool_gate_socket import SocketSieve

SOCKET_SIEVES: dict[DialogueName, Callable[[Judge], SocketSieve]] = {
    "openai.responses": ResponsesSocketSieve,
    "openai.realtime": RealtimeSieve,
    "gemini.live": LiveSieve,
}
