"""Who asks: the claims that a call carries, weighed by strength into one identity (pure).

Sources, strongest first: (1) a signed token, (2) the listener's own configuration, (3) proxy
credentials, (4) headers. A weaker one may narrow a stronger, never contradict it. Sources 1 and 2
arrive with `exeat token` and the sidecar; 3 and 4 stand here.
"""

from proxy.identity.claims import (
    Claims,
    claims_from_credentials,
    claims_from_headers,
    is_identity_header,
)
from proxy.identity.settle import identify

__all__ = [
    "Claims",
    "claims_from_credentials",
    "claims_from_headers",
    "identify",
    "is_identity_header",
]
