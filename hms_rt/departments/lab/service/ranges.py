"""Reference ranges by age and sex: administrators say from which day on which bounds hold."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.lab.model.catalogue import Bounds, invalid
from hms_rt.departments.lab.model.ranges import Range, check_complete
from hms_rt.departments.lab.repository import catalogue, ranges
from hms_rt.departments.lab.repository.ranges import RangeSet
from hms_rt.departments.lab.schemas.catalogue import (
    RangeIn,
    RangeSetCursor,
    RangeSetIn,
    RangeSetOut,
    decimal,
    written,
)
from hms_rt.departments.lab.schemas.ordering import Cancellation
from hms_rt.departments.lab.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_BOUNDS = ("reference_low", "reference_high", "critical_low", "critical_high")


class Ranges(Foundation):
    """Sets of reference ranges. A set holds until the next one begins; results keep their bounds."""

    async def define_ranges(
        self, principal: Principal, command: Command, code: str, new: RangeSetIn
    ) -> RangeSetOut:
        """Define the ranges of a test from a day on.

        Raises ``not_found``, ``invalid`` for another unit than the test's and for ranges with a gap, an
        overlap or contradicting bounds, ``conflict`` if a set begins on that day already.
        """

        async def work(uow: UnitOfWork) -> RangeSetOut:
            require(principal, Permission.LAB_CATALOGUE_DEFINE)
            entry = found(await catalogue.lock(uow.connection, code), f"test {code}")
            if entry.unit is None:
                raise invalid("unit", f"a result of {code} is text, without reference ranges")
            entry.check_unit(new.unit)
            wanted = tuple(_range(one) for one in new.ranges)
            check_complete(wanted)
            made = RangeSet(
                id=uow.ids.new(),
                code=code,
                unit=new.unit,
                valid_from=new.valid_from,
                source=new.source,
                defined_by=principal.id,
                defined_at=uow.now,
                ranges=wanted,
            )
            await _add(uow, made)
            uow.audit(
                "lab.ranges_define",
                entity="lab_catalogue",
                entity_id=code,
                detail={"set": str(made.id), "valid_from": new.valid_from.isoformat()},
            )
            return _out(made)

        return await self._units.execute(principal, command, RangeSetOut, work)

    async def withdraw_ranges(
        self, principal: Principal, command: Command, set_id: uuid.UUID, why: Cancellation
    ) -> RangeSetOut:
        """A set was a mistake: the one before it holds on. Results that exist keep what they were judged by.

        Raises ``not_found``, ``conflict`` if it was withdrawn before.
        """

        async def work(uow: UnitOfWork) -> RangeSetOut:
            require(principal, Permission.LAB_CATALOGUE_DEFINE)
            known = found(await ranges.lock(uow.connection, set_id), "that set of reference ranges")
            if known.withdrawn_at is not None:
                raise conflict("the set was withdrawn before")
            command.check_version(known.version)
            await ranges.withdraw(uow.connection, set_id, principal.id, uow.now, why.reason)
            uow.audit(
                "lab.ranges_withdraw",
                entity="lab_catalogue",
                entity_id=known.code,
                detail={"set": str(set_id), "reason": why.reason},
            )
            return _out(known, version=known.version + 1)

        return await self._units.execute(principal, command, RangeSetOut, work)

    async def ranges(self, principal: Principal, code: str, query: PageQuery) -> Page[RangeSetOut]:
        """The sets of a test, the latest first; raises ``not_found``."""
        require(principal, Permission.LAB_CATALOGUE_READ)
        before = _before(query)
        async with self._units.reading() as connection:
            found((await catalogue.by_codes(connection, [code])).get(code), f"test {code}")
            listed = await ranges.of_code(connection, code, before=before, limit=query.limit + 1)
        shown, cursor = cut(listed, query.limit, lambda one: RangeSetCursor(valid_from=one.valid_from))
        return Page[RangeSetOut](items=[_out(one) for one in shown], next_cursor=cursor)


async def _add(uow: UnitOfWork, made: RangeSet) -> None:
    try:
        await ranges.add(uow.connection, made)
    except IntegrityError as error:
        if violated(error) == "lab_range_set_valid_from_key":
            raise conflict(f"a set of {made.code} begins on {made.valid_from} already: withdraw it") from None
        raise


def _before(query: PageQuery) -> date | None:
    return decode_cursor(query.cursor, RangeSetCursor).valid_from if query.cursor else None


def _range(one: RangeIn) -> Range:
    bounds = Bounds(*(decimal(getattr(one, name)) for name in _BOUNDS))
    return Range(one.sex, one.age_from_days, one.age_to_days, bounds)


def _out(known: RangeSet, *, version: int | None = None) -> RangeSetOut:
    return RangeSetOut(
        id=known.id,
        code=known.code,
        unit=known.unit,
        valid_from=known.valid_from,
        source=known.source,
        defined_by=known.defined_by,
        defined_at=known.defined_at,
        ranges=[_range_out(one) for one in known.ranges],
        version=version or known.version,
    )


def _range_out(one: Range) -> RangeIn:
    bounds: Mapping[str, Any] = {name: written(getattr(one.bounds, name)) for name in _BOUNDS}
    return RangeIn(sex=one.sex, age_from_days=one.age_from_days, age_to_days=one.age_to_days, **bounds)
