"""Packages: defined from services, applied for patients, taken back."""

import uuid
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing.events import AccountChanged
from hms_rt.departments.billing.model.days import day_of
from hms_rt.departments.billing.model.package import PackageState, PackageUse
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.projector.ledger import Deed
from hms_rt.departments.billing.projector.packages import include
from hms_rt.departments.billing.repository import packages, stays, tariffs
from hms_rt.departments.billing.schemas.packages import (
    LeftOut,
    PackageIn,
    PackageItem,
    PackageOut,
    Packages,
    PackageUseIn,
    PackageUseOut,
    PackageUses,
    Withdrawal,
)
from hms_rt.departments.billing.service.foundation import Foundation, found, invalid
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Packaging(Foundation):
    """A package costs its own price; what it includes is taken off the charges, what exceeds it stays."""

    async def define_package(self, principal: Principal, command: Command, new: PackageIn) -> PackageOut:
        """Say what a package includes; it stays so: for another content define another service.

        Raises ``not_found``, ``conflict`` for a second time, ``invalid`` for a service of another kind.
        """

        async def work(uow: UnitOfWork) -> PackageOut:
            require(principal, Permission.TARIFF_DEFINE)
            known = await tariffs.service(uow.connection, new.package)
            if found(known, f"service {new.package}").kind is not ServiceKind.PACKAGE:
                raise invalid("package", "is a service of another kind than package")
            try:
                included = {one.service: one.quantity for one in new.items}
                await packages.define(uow.connection, new.package, included)
            except IntegrityError as error:
                match violated(error):
                    case "billing_package_item_pkey":
                        raise conflict(f"what {new.package} includes is said already") from None
                    case "billing_package_item_service_fkey":
                        raise not_found("one of these services") from None
                raise
            uow.audit("package.define", entity="package", entity_id=new.package)
            return PackageOut(**dict(new))

        return await self._units.execute(principal, command, PackageOut, work)

    async def packages(self, principal: Principal) -> Packages:
        """Every package and what it includes, by code."""
        require(principal, Permission.TARIFF_READ)
        async with self._units.reading() as connection:
            listed = await packages.items(connection)
        codes = sorted({row.package for row in listed})
        return Packages(
            items=[
                PackageOut(
                    package=code,
                    items=[
                        PackageItem(service=row.service, quantity=row.quantity)
                        for row in listed
                        if row.package == code
                    ],
                )
                for code in codes
            ]
        )

    async def apply_package(
        self, principal: Principal, command: Command, wanted: PackageUseIn
    ) -> PackageUseOut:
        """Charge a package, and take off what it includes of what is charged and on no issued invoice.

        What is charged later is taken off as it comes. Raises ``not_found`` for an unknown package.
        """

        async def work(uow: UnitOfWork) -> PackageUseOut:
            require(principal, Permission.CHARGE_RAISE)
            await self._patients.lock(uow, wanted.patient_id)
            rows = await packages.items(uow.connection, wanted.package)
            if not rows:
                raise not_found(f"package {wanted.package}")
            await self._theirs(uow, wanted)
            included = {row.service: row.quantity for row in rows}
            since = wanted.since or day_of(uow.now, self._zone)
            use = PackageUse(
                id=uow.ids.new(),
                package=wanted.package,
                patient_id=wanted.patient_id,
                admission_id=wanted.admission_id,
                since=since,
                until=since + timedelta(days=wanted.days - 1),
                state=PackageState.APPLIED,
                applied_at=uow.now,
                applied_by=principal.id,
            )
            await packages.add(uow.connection, use, included)
            await self._charge(uow, use)
            for charge in await packages.lock_coverable(uow.connection, use.patient_id, sorted(included)):
                await include(uow, charge, self._zone)
            return await self._shown(uow, "package.apply", use)

        return await self._units.execute(principal, command, PackageUseOut, work)

    @staticmethod
    async def _theirs(uow: UnitOfWork, wanted: PackageUseIn) -> None:
        if wanted.admission_id is None:
            return
        if await stays.patient_of(uow.connection, wanted.admission_id) != wanted.patient_id:
            raise invalid("admission_id", "not an admission of this patient with a bed")

    async def _charge(self, uow: UnitOfWork, use: PackageUse) -> None:
        service = found(await tariffs.service(uow.connection, use.package), f"service {use.package}")
        if not service.chargeable:
            raise conflict(f"{use.package} is said to cost nothing: make it chargeable first")
        deed = Deed(
            ServiceKind.PACKAGE,
            use.package,
            str(use.id),
            use.patient_id,
            use.applied_at,
            service.name,
            admission_id=use.admission_id,
            on=use.since,
            service=service,
        )
        await self._ledger.charge(uow, deed)

    async def withdraw_package(
        self, principal: Principal, command: Command, use_id: uuid.UUID, why: Withdrawal
    ) -> PackageUseOut:
        """Take a package back: its own charge is reversed, what it included is charged again.

        Raises ``illegal_move`` for a second time, ``conflict`` once it is on an issued invoice.
        """

        async def work(uow: UnitOfWork) -> PackageUseOut:
            require(principal, Permission.CHARGE_RAISE)
            seen = found(await packages.find(uow.connection, use_id), "that package")
            await self._patients.lock(uow, seen.patient_id)
            before = found(await packages.find(uow.connection, use_id), "that package")
            command.check_version(before.version)
            after = before.withdrawn(principal.id, uow.now, why.reason)
            await packages.save(uow.connection, after)
            for charge in await packages.lock_included(uow.connection, use_id):
                await self._ledger.reverse(uow, charge, why.reason, withdrawing=True)
            return await self._shown(uow, "package.withdraw", after)

        return await self._units.execute(principal, command, PackageUseOut, work)

    async def package_uses(
        self, principal: Principal, command: Command, patient_id: uuid.UUID
    ) -> PackageUses:
        """What was applied for a patient, newest first, and how much of it is used; audited."""

        async def work(uow: UnitOfWork) -> PackageUses:
            require(principal, Permission.CHARGE_READ)
            found((await self._patients.brief(uow, [patient_id])).get(patient_id), "that patient")
            listed = await packages.of_patient(uow.connection, patient_id)
            uow.audit("package.list", entity="patient", entity_id=patient_id, patient_id=patient_id)
            return PackageUses(items=[await _out(uow, one) for one in listed])

        return await self._units.execute(principal, replace(command, key=None), PackageUses, work)

    @staticmethod
    async def _shown(uow: UnitOfWork, action: str, use: PackageUse) -> PackageUseOut:
        uow.record(AccountChanged(use.patient_id))
        detail = {"package": use.package, "reason": use.reason}
        uow.audit(action, entity="package", entity_id=use.id, patient_id=use.patient_id, detail=detail)
        return await _out(uow, use)


async def _out(uow: UnitOfWork, use: PackageUse) -> PackageUseOut:
    items = [
        LeftOut(service=row.service, quantity=row.quantity, used=format(row.used, "f"))
        for row in await packages.left(uow.connection, use.id)
    ]
    names = [name for name in PackageUseOut.model_fields if name != "items"]
    return PackageUseOut(**{name: getattr(use, name) for name in names}, items=items)
