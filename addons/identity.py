"""Who asks? Org, agent and session, proved or at least claimed without contradiction."""

from collections.abc import Mapping

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
from proxy.seal import HEADER, Seal
from proxy.slip import Slip, Stamp


class Identity:
    """Weighs the connection's credentials and the call's headers; none of them goes upstream."""

    name = "identity"

    def __init__(self, policies: PolicyBook, seal: Seal, live: Mapping[str, Slip]) -> None:
        self._policies = policies
        self._seal = seal
        self._live = live

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Stamp | Refusal:
        """Yes with who it is; and from here on, the terms that hold for them."""
        if slip.socket is not None and slip.identity is not None:
            who = slip.identity
            slip.terms = self._policies.terms(who.org, who.agent)
            return Stamp(f"{who.org}/{who.agent} {who.session}, as its socket")
        headers = flow.request.headers
        served = self._served(headers)
        if served is not None:
            return self._adopt(slip, served, headers)
        fields = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in headers.fields
        ]
        claims = self._claims(slip, flow, fields)
        if isinstance(claims, Refusal):
            return claims
        _strip(headers)
        found = identify(claims)
        if isinstance(found, Refusal):
            return found
        slip.identity = found
        slip.terms = self._policies.terms(found.org, found.agent)
        return Stamp(f"{found.org}/{found.agent} {found.session}")

    def _served(self, headers: http.Headers) -> Slip | None:
        """The call that this one is an attempt of: only what is answered inside can show its seal."""
        slip_id = self._seal.read(headers.get(HEADER, ""))
        served = self._live.get(slip_id) if slip_id is not None else None
        is_inside = served is not None and served.door == "internal" and served.cleared
        return served if is_inside else None

    def _adopt(self, slip: Slip, served: Slip, headers: http.Headers) -> Stamp | Refusal:
        """The identity of who delegated, as it was settled then, with its strength."""
        _strip(headers)
        who = served.identity
        assert who is not None
        slip.identity, slip.serves = who, served.id
        slip.terms = self._policies.terms(who.org, who.agent)
        slip.wire = served.wire  # Whoever delegated reads the answer.
        slip.notes["x-exeat-record"] = slip.id
        if slip.door == "internal":
            return Refusal(Code.POLICY_DENIED, "What was delegated cannot be delegated again.")
        return Stamp(f"{who.org}/{who.agent} {who.session}, for {served.id}")

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


def _strip(headers: http.Headers) -> None:
    """What is for Exeat alone goes no further."""
    headers.fields = tuple(
        (name, value)
        for name, value in headers.fields
        if not is_identity_header(name.decode("latin-1").lower())
    )
