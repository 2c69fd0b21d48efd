"""Who asks? Org, agent and session, proved or at least claimed without contradiction."""

from mitmproxy import http

from proxy.engine.facts import facts_of
from proxy.identity import (
    Claims,
    claims_from_credentials,
    claims_from_headers,
    identify,
    is_identity_header,
)
from proxy.policy import PolicyBook
from proxy.refusals import Code, Refusal
from proxy.slip import Slip, Stamp


class Identity:
    """Weighs the connection's credentials and the call's headers; none of them goes upstream."""

    name = "identity"

    def __init__(self, policies: PolicyBook) -> None:
        self._policies = policies

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes with who it is; and from here on, the terms that hold for them."""
        if slip.socket is not None and slip.identity is not None:
            who = slip.identity
            slip.terms = self._policies.terms(who.org, who.agent)
            return Stamp(f"{who.org}/{who.agent} {who.session}, as its socket")
        headers = flow.request.headers
        fields = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in headers.fields
        ]
        claims = self._claims(slip, flow, fields)
        if isinstance(claims, Refusal):
            return claims
        headers.fields = tuple(
            field
            for field, (name, _) in zip(headers.fields, fields, strict=True)
            if not is_identity_header(name)
        )
        found = identify(claims)
        if isinstance(found, Refusal):
            return found
        slip.identity = found
        slip.terms = self._policies.terms(found.org, found.agent)
        return Stamp(f"{found.org}/{found.agent} {found.session}")

    def _claims(
        self, slip: Slip, flow: http.HTTPFlow, fields: list[tuple[str, str]]
    ) -> list[Claims] | Refusal:
        facts = facts_of(flow.client_conn)
        credentials = [value for name, value in fields if name == "proxy-authorization"]
        if len(credentials) > 1 or len(facts.connect_credentials) > 1:
            return Refusal(
                Code.IDENTITY_INVALID, "Proxy-Authorization is sent more than once; send it once."
            )
        credentials += facts.connect_credentials
        if len(set(credentials)) > 1:
            return Refusal(
                Code.IDENTITY_MISMATCH,
                "CONNECT and the call inside it present different proxy credentials.",
            )
        found: list[Claims] = []
        if credentials:
            if facts.credentials_seen not in (None, credentials[0]):
                return Refusal(
                    Code.IDENTITY_MISMATCH,
                    "This connection has presented other proxy credentials before; "
                    "open a connection for each identity.",
                )
            claim = claims_from_credentials(credentials[0])
            if isinstance(claim, Refusal):
                return claim
            facts.credentials_seen = credentials[0]
            found.append(claim)
        claimed = claims_from_headers(fields)
        if isinstance(claimed, Refusal):
            return claimed
        found.extend(claimed)
        return found
