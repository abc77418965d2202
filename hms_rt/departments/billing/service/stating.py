"""Statements of account: what a patient owed, what moved it, and what is owed."""

import uuid
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal

from hms_rt.departments.billing.model.days import ONE_DAY, day_of, end_of
from hms_rt.departments.billing.model.statement import Statement
from hms_rt.departments.billing.repository import accounts, statements, tariffs
from hms_rt.departments.billing.schemas.statements import (
    FIRST_DAY,
    StatementEntry,
    StatementOut,
    StatementPaperQuery,
    StatementQuery,
)
from hms_rt.departments.billing.schemas.tariffs import CurrencyOut
from hms_rt.departments.billing.service.foundation import check_facility, found, invalid
from hms_rt.departments.billing.service.printing import Printing
from hms_rt.departments.billing.views import statement_paper
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.paper.document import Document
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

MOST_ENTRIES = 1000
"""On one statement; who has more asks for fewer days."""


class Stating(Printing):
    """A statement ends with what the account says: what is due less the deposit."""

    async def statement(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, query: StatementQuery
    ) -> StatementOut:
        """What moved a patient's balance between two days; audited.

        Raises ``not_found``, ``invalid`` for more than a statement holds.
        """

        async def work(uow: UnitOfWork) -> StatementOut:
            until, stated, unbilled = await self._stated(uow, patient_id, query)
            currency = await tariffs.currency(uow.connection)
            period = {"since": str(query.since), "until": str(until)}
            uow.audit(
                "statement.read", entity="account", entity_id=patient_id, patient_id=patient_id, detail=period
            )
            return StatementOut(
                patient_id=patient_id,
                currency=CurrencyOut(code=currency.code, scale=currency.scale),
                since=query.since,
                until=until,
                opening=currency.rounded(stated.opening),
                entries=[StatementEntry(**asdict(one)) for one in stated.entries],
                closing=currency.rounded(stated.closing),
                unbilled=currency.rounded(unbilled),
            )

        return await self._units.execute(principal, replace(command, key=None), StatementOut, work)

    async def statement_pdf(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, query: StatementPaperQuery
    ) -> bytes:
        """The statement to hand over or send; every one is made anew, so that none is a copy."""

        async def compose(uow: UnitOfWork) -> Document:
            until, stated, unbilled = await self._stated(uow, patient_id, query)
            await check_facility(uow, query.facility)
            period = {"since": str(query.since), "until": str(until)}
            uow.audit(
                "statement.print",
                entity="account",
                entity_id=patient_id,
                patient_id=patient_id,
                detail=period,
            )
            press = await self._press(uow, query.facility)
            to = await self._to(uow, patient_id, payers=set())
            since = query.since if query.since > FIRST_DAY else None
            return statement_paper.statement(press, stated, to, (since, until), uow.now, unbilled)

        return await self._printed(principal, command, compose)

    async def _stated(
        self, uow: UnitOfWork, patient_id: uuid.UUID, query: StatementQuery
    ) -> tuple[date, Statement, Decimal]:
        """The last day, the statement up to it, and what is on no invoice now."""
        require(uow.principal, Permission.PAYMENT_READ)
        found((await self._patients.brief(uow, [patient_id])).get(patient_id), "that patient")
        until = query.until or day_of(uow.now, self._zone)
        if until < query.since:
            raise invalid("since", "is after today")
        stated = await statements.of_patient(
            uow.connection,
            patient_id,
            end_of(query.since - ONE_DAY, self._zone),
            end_of(until, self._zone),
            MOST_ENTRIES + 1,
        )
        if len(stated.entries) > MOST_ENTRIES:
            raise invalid("until", f"more than {MOST_ENTRIES} entries: ask for fewer days")
        _, _, unbilled = await accounts.balance(uow.connection, patient_id)
        return until, stated, unbilled
