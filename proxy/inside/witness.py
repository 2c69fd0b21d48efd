"""Witnesses: one agent's word on a record of another's."""

import re
from collections.abc import Callable, Sequence

from proxy.board import Witnesses
from proxy.board.views import WitnessList, WitnessView, witness_view
from proxy.board.witness import Attestation
from proxy.endpoint import Asked, Endpoint, Nothing, Problem
from proxy.inside.caller import caller
from proxy.slip import Slip

_is_id = re.compile(r"[0-9a-f-]{36}").fullmatch


class Witnessing:
    """For agents: each attests as whom it was proved to be."""

    def __init__(self, witnesses: Witnesses, now_ms: Callable[[], int]) -> None:
        self._witnesses = witnesses
        self._now_ms = now_ms

    async def attest(self, asked: Asked[Slip, Nothing, Attestation]) -> WitnessView:
        """Confirm or dispute a record of another agent of your org, once."""
        found = await self._witnesses.attest(asked.body, caller(asked), self._now_ms())
        return witness_view(found)

    async def of(self, asked: Asked[Slip, Nothing, Nothing]) -> WitnessList:
        """What was attested of a record."""
        record = asked.path["record"]
        if not _is_id(record):
            raise Problem(404, "record_not_found", "That is no record's id: 36 characters, whole.")
        found = await self._witnesses.of(record, caller(asked))
        return WitnessList(witnesses=[witness_view(each) for each in found])

    def endpoints(self) -> Sequence[Endpoint[Slip]]:
        return [
            Endpoint(
                "POST",
                "/v1/witness",
                "agent",
                self.attest,
                WitnessView,
                body=Attestation,
                status=201,
                problems=(404, 409),
                tag="witness",
            ),
            Endpoint(
                "GET",
                "/v1/records/{record}/witnesses",
                "agent",
                self.of,
                WitnessList,
                problems=(404,),
                tag="witness",
            ),
        ]
