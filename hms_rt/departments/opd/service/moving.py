"""Every other move of a token."""

import uuid

from hms_rt.departments.opd.model.token import Move, Token
from hms_rt.departments.opd.repository import queues, tokens
from hms_rt.departments.opd.repository.moves import Moved
from hms_rt.departments.opd.schemas.queue import CancelIn, Late, TokenOut, TransferIn
from hms_rt.departments.opd.service.clinics import check_clinic
from hms_rt.departments.opd.service.foundation import Foundation, token_out
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

PERMISSIONS: dict[Move, Permission] = {
    Move.RECALL: Permission.TOKEN_CALL,
    Move.SERVE: Permission.TOKEN_SERVE,
    Move.HOLD: Permission.TOKEN_HOLD,
    Move.RESUME: Permission.TOKEN_HOLD,
    Move.NO_SHOW: Permission.TOKEN_NO_SHOW,
    Move.REQUEUE: Permission.TOKEN_CALL,
    Move.TRANSFER: Permission.TOKEN_TRANSFER,
    Move.DONE: Permission.TOKEN_FINISH,
    Move.CANCEL: Permission.TOKEN_CANCEL,
}
"""Who may make a move; calling and the end of the day are services of their own."""


class Moving(Foundation):
    """Moves that start from the token itself. All raise ``not_found``, ``forbidden``, ``stale_version``,
    and ``illegal_move`` with the moves that are legal. A token that left its counter is let go there."""

    async def recall(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late
    ) -> TokenOut:
        """Take a call back: the token waits again, at its old place in line."""
        return await self._move(principal, command, token_id, Move.RECALL, body)

    async def serve(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late
    ) -> TokenOut:
        """The called patient is at the counter."""
        return await self._move(principal, command, token_id, Move.SERVE, body)

    async def hold(self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late) -> TokenOut:
        """The patient cannot come now: nobody calls the token until it is resumed."""
        return await self._move(principal, command, token_id, Move.HOLD, body)

    async def resume(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late
    ) -> TokenOut:
        """A token on hold waits again, at its old place in line."""
        return await self._move(principal, command, token_id, Move.RESUME, body)

    async def no_show(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late
    ) -> TokenOut:
        """The called patient did not come."""
        return await self._move(principal, command, token_id, Move.NO_SHOW, body)

    async def requeue(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late
    ) -> TokenOut:
        """A missed patient turned up, or one is sent to the laboratory and comes back: waits again."""
        return await self._move(principal, command, token_id, Move.REQUEUE, body)

    async def done(self, principal: Principal, command: Command, token_id: uuid.UUID, body: Late) -> TokenOut:
        """The service is over; its time moves the clinic's estimates."""
        return await self._move(principal, command, token_id, Move.DONE, body)

    async def cancel(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: CancelIn
    ) -> TokenOut:
        """The token is not needed any more."""
        return await self._move(principal, command, token_id, Move.CANCEL, body, body.reason)

    async def transfer(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: TransferIn
    ) -> TokenOut:
        """The patient goes on to another clinic's queue and keeps number, label and priority there.

        The token ends as ``transferred``; the answer is the one that continues it, in line from now on, or
        at its old place where it comes back.
        Numbers of neither queue are touched. Raises ``conflict`` if it is in that clinic's queue already.
        """

        async def work(uow: UnitOfWork) -> TokenOut:
            require(principal, Permission.TOKEN_TRANSFER)
            await check_clinic(uow.connection, body.clinic)
            token = await self._locked_after_patient(uow, token_id)
            await self._check(uow, command, token, Move.TRANSFER)
            if token.clinic == body.clinic:
                raise conflict(f"the token is in the queue of clinic {body.clinic}")
            after = token.moved(Move.TRANSFER, occurred(body.occurred_at, uow.now, after=token.since))
            before = await tokens.first_stay(uow.connection, token, body.clinic)
            onward = after.continued(uow.ids.new(), body.clinic, uow.now, before)
            await queues.ensure_queue(uow.connection, body.clinic, onward.day)
            await self._save(uow, Move.TRANSFER, [Moved(token, after)], [onward])
            _audit(uow, Move.TRANSFER, token, {"to": body.clinic, "onward": str(onward.id)})
            return token_out(principal, onward)

        return await self._units.execute(principal, command, TokenOut, work)

    async def _move(
        self,
        principal: Principal,
        command: Command,
        token_id: uuid.UUID,
        move: Move,
        body: Late,
        reason: str | None = None,
    ) -> TokenOut:
        async def work(uow: UnitOfWork) -> TokenOut:
            require(principal, PERMISSIONS[move])
            token = await self._locked(uow.connection, token_id)
            await self._check(uow, command, token, move)
            at = occurred(body.occurred_at, uow.now, after=token.since)
            after = token.moved(move, at, reason=reason)
            await self._save(uow, move, [Moved(token, after)])
            _audit(uow, move, token, {"from": token.state, "to": after.state, "reason": reason})
            return token_out(principal, after)

        return await self._units.execute(principal, command, TokenOut, work)

    async def _check(self, uow: UnitOfWork, command: Command, token: Token, move: Move) -> None:
        await self._require_at(uow.connection, uow.principal, PERMISSIONS[move], token)
        command.check_version(token.version)

    async def _locked_after_patient(self, uow: UnitOfWork, token_id: uuid.UUID) -> Token:
        """The patient is locked first: a new name reaches the token before or after, never in between."""
        seen = await tokens.find(uow.connection, token_id)
        if seen is None:
            raise not_found("that token")
        if seen.patient_id is not None:
            await self._patients.lock(uow, seen.patient_id)
        return await self._locked(uow.connection, token_id)


def _audit(uow: UnitOfWork, move: Move, token: Token, detail: dict[str, str | None]) -> None:
    uow.audit(f"token.{move}", entity="token", entity_id=token.id, patient_id=token.patient_id, detail=detail)
