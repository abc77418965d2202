"""The formulary, and where medicines are kept."""

from dataclasses import asdict, replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.model.store import Store
from hms_rt.departments.pharmacy.repository import formulary
from hms_rt.departments.pharmacy.schemas.formulary import (
    MedicineChange,
    MedicineIn,
    MedicineOut,
    MedicineQuery,
    StoreChange,
    StoreIn,
    StoreOut,
)
from hms_rt.departments.pharmacy.service.expiry import EXPIRY
from hms_rt.departments.pharmacy.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import CodeCursor, Page, PageQuery, cut, decode_cursor, page_by_code
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.timers import set_timer
from hms_rt.storage.unit_of_work import UnitOfWork

_NEVER_NULL = ("generic", "controlled", "over_the_counter", "status")


class Formulary(Foundation):
    """What can be prescribed, and where it is kept. Every version of a definition is kept."""

    async def define_medicine(self, principal: Principal, command: Command, new: MedicineIn) -> MedicineOut:
        """Define a medicine. Raises ``conflict`` for a taken code, ``invalid`` for contradicting doses."""

        async def work(uow: UnitOfWork) -> MedicineOut:
            require(principal, Permission.FORMULARY_DEFINE)
            medicine = Medicine(**new.model_dump())
            medicine.check()
            try:
                await formulary.add(uow.connection, medicine)
            except IntegrityError as error:
                if violated(error) == "pharmacy_medicine_pkey":
                    raise conflict(f"medicine {new.code} exists already") from None
                raise
            uow.audit("formulary.define", entity="medicine", entity_id=medicine.code)
            return _out(medicine)

        return await self._units.execute(principal, command, MedicineOut, work)

    async def change_medicine(
        self, principal: Principal, command: Command, code: str, change: MedicineChange
    ) -> MedicineOut:
        """Change a definition; prescriptions that exist keep what they say.

        Raises ``not_found``, ``stale_version``, ``invalid`` for contradicting doses.
        """

        async def work(uow: UnitOfWork) -> MedicineOut:
            require(principal, Permission.FORMULARY_DEFINE)
            before = found(await formulary.lock(uow.connection, code), f"medicine {code}")
            command.check_version(before.version)
            asked = change.model_dump(exclude_unset=True)
            wanted = {
                name: value for name, value in asked.items() if value is not None or name not in _NEVER_NULL
            }
            after = replace(before, **wanted, version=before.version + 1)
            after.check()
            await formulary.save(uow.connection, after)
            uow.audit(
                "formulary.change",
                entity="medicine",
                entity_id=code,
                detail={"version": after.version, "fields": sorted(wanted)},
            )
            return _out(after)

        return await self._units.execute(principal, command, MedicineOut, work)

    async def formulary(self, principal: Principal, query: MedicineQuery) -> Page[MedicineOut]:
        """The formulary, by code."""
        require(principal, Permission.FORMULARY_READ)
        after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else None
        async with self._units.reading() as connection:
            medicines = await formulary.page(
                connection, status=query.status, after=after, limit=query.limit + 1
            )
        shown, cursor = cut(medicines, query.limit, lambda medicine: CodeCursor(code=medicine.code))
        return Page[MedicineOut](items=[_out(medicine) for medicine in shown], next_cursor=cursor)

    async def medicine(self, principal: Principal, code: str) -> MedicineOut:
        """One medicine; raises ``not_found``."""
        require(principal, Permission.FORMULARY_READ)
        async with self._units.reading() as connection:
            known = await formulary.by_codes(connection, [code])
        return _out(found(known.get(code), f"medicine {code}"))

    async def define_store(self, principal: Principal, command: Command, new: StoreIn) -> StoreOut:
        """Define a dispensary or the cupboard of a ward; ``conflict`` for a taken code."""

        async def work(uow: UnitOfWork) -> StoreOut:
            require(principal, Permission.STORE_DEFINE)
            store = Store(**new.model_dump())
            try:
                await formulary.add_store(uow.connection, store)
            except IntegrityError as error:
                match violated(error):
                    case "pharmacy_store_pkey":
                        raise conflict(f"store {new.code} exists already") from None
                    case "pharmacy_store_ward_fkey":
                        raise not_found(f"ward {new.ward}") from None
                raise
            await set_timer(uow, EXPIRY, store.code, uow.now)
            uow.audit("store.define", entity="store", entity_id=store.code)
            return StoreOut(**asdict(store))

        return await self._units.execute(principal, command, StoreOut, work)

    async def store(self, principal: Principal, code: str) -> StoreOut:
        """One store; raises ``not_found``."""
        require(principal, Permission.STORE_READ)
        async with self._units.reading() as connection:
            store = found(await formulary.store(connection, code), f"store {code}")
        return StoreOut(**asdict(store))

    async def change_store(
        self, principal: Principal, command: Command, code: str, change: StoreChange
    ) -> StoreOut:
        """Change its name, or how far ahead its people are told of expiry, which they are at once.

        Raises ``not_found``, ``stale_version``.
        """

        async def work(uow: UnitOfWork) -> StoreOut:
            require(principal, Permission.STORE_DEFINE)
            before = found(await formulary.lock_store(uow.connection, code), f"store {code}")
            command.check_version(before.version)
            wanted = change.model_dump(exclude_unset=True)
            after = replace(before, **wanted, version=before.version + 1)
            await formulary.save_store(uow.connection, after)
            await set_timer(uow, EXPIRY, code, uow.now)
            uow.audit("store.change", entity="store", entity_id=code, detail={"fields": sorted(wanted)})
            return StoreOut(**asdict(after))

        return await self._units.execute(principal, command, StoreOut, work)

    async def stores(self, principal: Principal, query: PageQuery) -> Page[StoreOut]:
        """Every store, by code."""
        require(principal, Permission.STORE_READ)
        async with self._units.reading() as connection:
            shown, cursor = page_by_code(await formulary.stores(connection), query)
        return Page[StoreOut](items=[StoreOut(**asdict(store)) for store in shown], next_cursor=cursor)


def _out(medicine: Medicine) -> MedicineOut:
    return MedicineOut(**asdict(medicine), name=medicine.name)
