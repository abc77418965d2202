"""What services cost whom: currency, payers, classes, services, prices; and who pays for a patient."""

import uuid
from dataclasses import asdict, replace

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.tariff import Price, Service
from hms_rt.departments.billing.repository import tariffs
from hms_rt.departments.billing.schemas.tariffs import (
    CodeIn,
    CodeOut,
    CoverageIn,
    CoverageOut,
    Coverages,
    CurrencyIn,
    CurrencyOut,
    IdCursor,
    PriceIn,
    PriceOut,
    PriceQuery,
    ServiceChange,
    ServiceIn,
    ServiceOut,
    ServiceQuery,
)
from hms_rt.departments.billing.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import HmsError, conflict, not_found
from hms_rt.kernel.money import currency as currency_of
from hms_rt.kernel.paging import CodeCursor, Page, PageQuery, cut, decode_cursor, page_by_code
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Tariffs(Foundation):
    """Definitions are the administrator's; reception says who pays."""

    async def currency(self, principal: Principal) -> CurrencyOut:
        """What every amount is in."""
        require(principal, Permission.TARIFF_READ)
        async with self._units.reading() as connection:
            known = await tariffs.currency(connection)
        return CurrencyOut(code=known.code, scale=known.scale)

    async def set_currency(self, principal: Principal, command: Command, wanted: CurrencyIn) -> CurrencyOut:
        """Say what amounts are in, before the first price; ``conflict`` afterwards."""

        async def work(uow: UnitOfWork) -> CurrencyOut:
            require(principal, Permission.TARIFF_DEFINE)
            known = currency_of(wanted.code)
            try:
                await tariffs.set_currency(uow.connection, known)
            except IntegrityError as error:
                raise _refusal(error, wanted.code) from error
            uow.audit("currency.set", entity="currency", entity_id=known.code)
            return CurrencyOut(code=known.code, scale=known.scale)

        return await self._units.execute(principal, command, CurrencyOut, work)

    async def define_payer(self, principal: Principal, command: Command, new: CodeIn) -> CodeOut:
        """An insurer, an employer, the state: whoever pays instead of the patient."""
        return await self._define(principal, command, tables.payer, "payer", new)

    async def define_class(self, principal: Principal, command: Command, new: CodeIn) -> CodeOut:
        """A class of patients: standard, private."""
        return await self._define(principal, command, tables.patient_class, "class", new)

    async def payers(self, principal: Principal, query: PageQuery) -> Page[CodeOut]:
        """Every payer, by code."""
        return await self._codes(principal, tables.payer, query)

    async def classes(self, principal: Principal, query: PageQuery) -> Page[CodeOut]:
        """Every class, by code."""
        return await self._codes(principal, tables.patient_class, query)

    async def _define(
        self, principal: Principal, command: Command, table: sa.Table, what: str, new: CodeIn
    ) -> CodeOut:
        async def work(uow: UnitOfWork) -> CodeOut:
            require(principal, Permission.TARIFF_DEFINE)
            try:
                await tariffs.add_code(uow.connection, table, new.code, new.name)
            except IntegrityError as error:
                raise _refusal(error, new.code) from error
            uow.audit(f"{what}.define", entity=what, entity_id=new.code)
            return CodeOut(code=new.code, name=new.name)

        return await self._units.execute(principal, command, CodeOut, work)

    async def _codes(self, principal: Principal, table: sa.Table, query: PageQuery) -> Page[CodeOut]:
        require(principal, Permission.TARIFF_READ)
        async with self._units.reading() as connection:
            shown, cursor = page_by_code(await tariffs.codes(connection, table), query)
        items = [CodeOut(code=row.code, name=row.name) for row in shown]
        return Page[CodeOut](items=items, next_cursor=cursor)

    async def define_service(self, principal: Principal, command: Command, new: ServiceIn) -> ServiceOut:
        """Something to charge for; ``conflict`` for a taken code or source."""

        async def work(uow: UnitOfWork) -> ServiceOut:
            require(principal, Permission.TARIFF_DEFINE)
            service = Service(**new.model_dump())
            try:
                await tariffs.add_service(uow.connection, service)
            except IntegrityError as error:
                raise _refusal(error, new.code) from error
            uow.audit("service.define", entity="service", entity_id=service.code)
            return ServiceOut(**asdict(service))

        return await self._units.execute(principal, command, ServiceOut, work)

    async def change_service(
        self, principal: Principal, command: Command, code: str, change: ServiceChange
    ) -> ServiceOut:
        """Rename a service, or say whether it costs anything; charges that exist stay as they are."""

        async def work(uow: UnitOfWork) -> ServiceOut:
            require(principal, Permission.TARIFF_DEFINE)
            before = found(await tariffs.lock_service(uow.connection, code), f"service {code}")
            command.check_version(before.version)
            wanted = change.model_dump(exclude_none=True)
            after = replace(before, **wanted, version=before.version + 1)
            await tariffs.save_service(uow.connection, after)
            uow.audit("service.change", entity="service", entity_id=code, detail={"fields": sorted(wanted)})
            return ServiceOut(**asdict(after))

        return await self._units.execute(principal, command, ServiceOut, work)

    async def services(self, principal: Principal, query: ServiceQuery) -> Page[ServiceOut]:
        """What is charged for, by code."""
        require(principal, Permission.TARIFF_READ)
        after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else None
        async with self._units.reading() as connection:
            listed = await tariffs.services(connection, kind=query.kind, after=after, limit=query.limit + 1)
        shown, cursor = cut(listed, query.limit, lambda one: CodeCursor(code=one.code))
        items = [ServiceOut(**asdict(one)) for one in shown]
        return Page[ServiceOut](items=items, next_cursor=cursor)

    async def set_price(self, principal: Principal, command: Command, wanted: PriceIn) -> PriceOut:
        """Set a price; the open one before it ends where this one begins.

        Raises ``not_found`` for an unknown service, payer or class, ``conflict`` where one holds already.
        """

        async def work(uow: UnitOfWork) -> PriceOut:
            require(principal, Permission.TARIFF_DEFINE)
            price = Price(id=uow.ids.new(), **wanted.model_dump())
            try:
                await tariffs.add_price(uow.connection, price, uow.now, principal.id)
            except IntegrityError as error:
                raise _refusal(error, wanted.service) from error
            uow.audit("price.set", entity="price", entity_id=price.id, detail={"service": price.service})
            return PriceOut(**asdict(price))

        return await self._units.execute(principal, command, PriceOut, work)

    async def prices(self, principal: Principal, query: PriceQuery) -> Page[PriceOut]:
        """Prices, newest first."""
        require(principal, Permission.TARIFF_READ)
        after = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            listed = await tariffs.prices(
                connection, service=query.service, on=query.on, after=after, limit=query.limit + 1
            )
        shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
        return Page[PriceOut](items=[PriceOut(**asdict(one)) for one in shown], next_cursor=cursor)

    async def cover(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, wanted: CoverageIn
    ) -> CoverageOut:
        """Say who pays for a patient from a day on; what is charged already keeps its payer."""

        async def work(uow: UnitOfWork) -> CoverageOut:
            require(principal, Permission.COVERAGE_SET)
            await self._patients.lock(uow, patient_id)
            made = CoverageOut(id=uow.ids.new(), recorded_at=uow.now, **wanted.model_dump())
            try:
                await tariffs.add_coverage(
                    uow.connection, **dict(made), patient_id=patient_id, recorded_by=principal.id
                )
            except IntegrityError as error:
                raise _refusal(error, wanted.payer) from error
            uow.audit("coverage.set", entity="coverage", entity_id=made.id, patient_id=patient_id)
            return made

        return await self._units.execute(principal, command, CoverageOut, work)

    async def coverages(self, principal: Principal, command: Command, patient_id: uuid.UUID) -> Coverages:
        """Who pays and paid for a patient, newest first; audited."""

        async def work(uow: UnitOfWork) -> Coverages:
            require(principal, Permission.CHARGE_READ)
            found((await self._patients.brief(uow, [patient_id])).get(patient_id), "that patient")
            rows = await tariffs.coverages(uow.connection, patient_id)
            uow.audit("coverage.read", entity="patient", entity_id=patient_id, patient_id=patient_id)
            names = CoverageOut.model_fields
            return Coverages(
                items=[CoverageOut(**{name: getattr(row, name) for name in names}) for row in rows]
            )

        return await self._units.execute(principal, replace(command, key=None), Coverages, work)


def _refusal(error: IntegrityError, code: str) -> HmsError | IntegrityError:
    """``error`` as an answer, if it is a rule that a caller can run into."""
    match violated(error):
        case "billing_currency_kept_check":
            return conflict("there are prices or charges in the present currency: it stays")
        case "billing_payer_pkey" | "billing_class_pkey" | "billing_service_pkey":
            return conflict(f"{code} exists already")
        case "billing_service_source_key":
            return conflict("another service has this source already")
        case "billing_price_valid_excl":
            return conflict("another price holds on some of these days: begin after it, or end before it")
        case "billing_tariff_service_fkey":
            return not_found(f"service {code}")
        case "billing_tariff_payer_fkey" | "billing_coverage_payer_fkey":
            return not_found("that payer")
        case "billing_tariff_patient_class_fkey" | "billing_coverage_patient_class_fkey":
            return not_found("that class")
    return error
