"""The catalogue of tests: administrators define what can be ordered."""

from dataclasses import fields, replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.lab.model.catalogue import CatalogueEntry
from hms_rt.departments.lab.repository import catalogue
from hms_rt.departments.lab.schemas.catalogue import (
    CatalogueChange,
    CatalogueCursor,
    CatalogueIn,
    CatalogueOut,
    decimal,
    written,
)
from hms_rt.departments.lab.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_BOUNDS = (
    "reference_low",
    "reference_high",
    "critical_low",
    "critical_high",
    "plausible_low",
    "plausible_high",
    "delta_absolute",
    "delta_percent",
)
_NEVER_NULL = ("name", "specimen_kind", "active")


class Catalogue(Foundation):
    """What the laboratory can measure. Every version of a definition is kept."""

    async def define_test(self, principal: Principal, command: Command, new: CatalogueIn) -> CatalogueOut:
        """Define a test. Raises ``conflict`` if the code is taken, ``invalid`` for contradicting bounds."""

        async def work(uow: UnitOfWork) -> CatalogueOut:
            require(principal, Permission.LAB_CATALOGUE_DEFINE)
            entry = CatalogueEntry(**_numbers(new.model_dump()), version=1)
            entry.check()
            try:
                await catalogue.add(uow.connection, entry)
            except IntegrityError as error:
                if violated(error) == "lab_catalogue_pkey":
                    raise conflict(f"test {new.code} exists already") from None
                raise
            uow.audit("lab.catalogue_define", entity="lab_catalogue", entity_id=entry.code)
            return _out(entry)

        return await self._units.execute(principal, command, CatalogueOut, work)

    async def change_test(
        self, principal: Principal, command: Command, code: str, change: CatalogueChange
    ) -> CatalogueOut:
        """Change a definition; results that exist keep the bounds of their time.

        Raises ``not_found``, ``stale_version``, ``invalid`` for contradicting bounds.
        """

        async def work(uow: UnitOfWork) -> CatalogueOut:
            require(principal, Permission.LAB_CATALOGUE_DEFINE)
            before = found(await catalogue.lock(uow.connection, code), f"test {code}")
            command.check_version(before.version)
            asked = change.model_dump(exclude_unset=True)
            wanted = {
                name: asked[name] for name in asked if asked[name] is not None or name not in _NEVER_NULL
            }
            after = replace(before, **_numbers(wanted), version=before.version + 1)
            after.check()
            await _save(uow, after)
            uow.audit(
                "lab.catalogue_change",
                entity="lab_catalogue",
                entity_id=code,
                detail={"version": after.version, "fields": sorted(wanted)},
            )
            return _out(after)

        return await self._units.execute(principal, command, CatalogueOut, work)

    async def catalogue(self, principal: Principal, query: PageQuery) -> Page[CatalogueOut]:
        """The catalogue, by code."""
        require(principal, Permission.LAB_CATALOGUE_READ)
        after = decode_cursor(query.cursor, CatalogueCursor).code if query.cursor else None
        async with self._units.reading() as connection:
            entries = await catalogue.page(connection, after, query.limit + 1)
        shown, cursor = cut(entries, query.limit, lambda entry: CatalogueCursor(code=entry.code))
        return Page[CatalogueOut](items=[_out(entry) for entry in shown], next_cursor=cursor)

    async def catalogue_entry(self, principal: Principal, code: str) -> CatalogueOut:
        """One test; raises ``not_found``."""
        require(principal, Permission.LAB_CATALOGUE_READ)
        async with self._units.reading() as connection:
            return _out(found((await catalogue.by_codes(connection, [code])).get(code), f"test {code}"))


async def _save(uow: UnitOfWork, entry: CatalogueEntry) -> None:
    try:
        await catalogue.save(uow.connection, entry)
    except IntegrityError as error:
        if violated(error) == "lab_range_set_unit_fkey":
            raise conflict(
                f"reference ranges of {entry.code} are in another unit: define a new test for a new unit"
            ) from None
        raise


def _numbers(given: dict[str, Any]) -> dict[str, Any]:
    return {name: decimal(value) if name in _BOUNDS else value for name, value in given.items()}


def _out(entry: CatalogueEntry) -> CatalogueOut:
    shown = {field.name: getattr(entry, field.name) for field in fields(CatalogueEntry)}
    return CatalogueOut(**{**shown, **{name: written(shown[name]) for name in _BOUNDS}})
