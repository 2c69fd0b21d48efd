"""Access: whoever asks, tokens, and who is logged in."""

from collections.abc import Callable
from typing import Literal

from proxy.console.access import Access, AccessError, Viewer
from proxy.console.access.access import Taken, Unknown
from proxy.console.access.tokens import State, Token, TokenRole
from proxy.endpoint import Asked, Endpoint, Model, Nothing, Problem, Role
from proxy.ledger.store import Ledger
from proxy.serving import BAD_QUERY


class WhoAmI(Model):
    """Whoever asks."""

    name: str
    role: Role


class TokenModel(Model):
    """A token, without its secret."""

    id: str
    name: str
    role: TokenRole
    state: State
    made_ms: int
    expires_ms: int | None


class Tokens(Model):
    """Every token that was ever made, the newest last."""

    tokens: list[TokenModel]


class TokenAsked(Model):
    """A token to make."""

    name: str
    """1 to 64 of `A-Z a-z 0-9 . _ @ -`; of no other token that still opens."""
    role: TokenRole
    expires: str = "30d"
    """A span, a date, or `never`."""


class TokenMade(Model):
    """A new token, and its secret, which is shown this once."""

    token: TokenModel
    secret: str


class VisitModel(Model):
    """Somebody who is logged in."""

    name: str
    role: TokenRole
    by: Literal["token", "issuer"]
    began_ms: int
    seen_ms: int


class Visits(Model):
    """Who is logged in."""

    visits: list[VisitModel]


class SentAway(Model):
    """How many visits were ended."""

    ended: int


def endpoints(access: Access, ledger: Ledger, now_ms: Callable[[], int]) -> list[Endpoint[Viewer]]:
    """What can be asked of access, and done. What was done is on file when it is answered."""

    async def whoami(asked: Asked[Viewer, Nothing, Nothing]) -> WhoAmI:
        """Who you are, and your role."""
        return WhoAmI(name=asked.who.name, role=asked.who.role)

    async def tokens(asked: Asked[Viewer, Nothing, Nothing]) -> Tokens:
        """Every token that was ever made, without its secret."""
        now = now_ms()
        return Tokens(tokens=[told(each, now) for each in await access.tokens()])

    async def make(asked: Asked[Viewer, Nothing, TokenAsked]) -> TokenMade:
        """Make a token; its secret is shown this once."""
        it, now = asked.body, now_ms()
        try:
            token, secret = await access.make(
                it.name, it.role, it.expires, by=asked.who.name, now_ms=now
            )
        except AccessError as error:
            raise _problem(error) from None
        await access.file_acts(ledger)
        return TokenMade(token=told(token, now), secret=secret)

    async def revoke(asked: Asked[Viewer, Nothing, Nothing]) -> TokenModel:
        """Take back the token of that name or id; what was begun with it ends."""
        now = now_ms()
        try:
            token = await access.revoke(asked.path["which"], by=asked.who.name, now_ms=now)
        except AccessError as error:
            raise _problem(error) from None
        await access.file_acts(ledger)
        return told(token, now)

    async def visits(asked: Asked[Viewer, Nothing, Nothing]) -> Visits:
        """Who is logged in."""
        return Visits(
            visits=[
                VisitModel(
                    name=each.name,
                    role=each.role,
                    by="issuer" if each.token is None else "token",
                    began_ms=each.began_ms,
                    seen_ms=each.seen_ms,
                )
                for each in await access.visits(now_ms())
            ]
        )

    async def send_away(asked: Asked[Viewer, Nothing, Nothing]) -> SentAway:
        """End every login of that name."""
        try:
            ended = await access.send_away(asked.path["name"], by=asked.who.name, now_ms=now_ms())
        except AccessError as error:
            raise _problem(error) from None
        await access.file_acts(ledger)
        return SentAway(ended=ended)

    tag = "access"
    one = "/api/tokens/{which}"
    return [
        Endpoint("GET", "/api/whoami", "viewer", whoami, WhoAmI, tag=tag),
        Endpoint("GET", "/api/tokens", "admin", tokens, Tokens, tag=tag),
        Endpoint(
            "POST", "/api/tokens", "admin", make, TokenMade, body=TokenAsked, status=201,
            problems=(409,), tag=tag,
        ),
        Endpoint("DELETE", one, "admin", revoke, TokenModel, problems=(404,), tag=tag),
        Endpoint("GET", "/api/visits", "admin", visits, Visits, tag=tag),
        Endpoint(
            "DELETE", "/api/visits/{name}", "admin", send_away, SentAway, problems=(404,), tag=tag
        ),
    ]  # fmt: skip


def told(token: Token, now_ms: int) -> TokenModel:
    """A token as it is told of."""
    return TokenModel(
        id=token.id,
        name=token.name,
        role=token.role,
        state=token.state(now_ms),
        made_ms=token.made_ms,
        expires_ms=token.expires_ms,
    )


def _problem(error: AccessError) -> Problem:
    match error:
        case Taken():
            return Problem(409, "taken", str(error))
        case Unknown():
            return Problem(404, "not_found", str(error))
        case _:
            return Problem(400, BAD_QUERY, str(error))
