"""``beds.csv``: the wards of the hospital, their rooms and beds."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from hms_rt.departments.beds.schemas import BedIn, BedOut, BedQuery, WardIn, WardOut
from hms_rt.departments.beds.service import BedsService
from hms_rt.importing.outcome import Importer, Planned, Result, Wanted, envelope, exists, reason, refused
from hms_rt.importing.places import every_ward
from hms_rt.importing.source import Columns, Row
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.paging import MAX_LIMIT
from hms_rt.kernel.principal import SYSTEM
from hms_rt.kernel.schema import parse


@dataclass(frozen=True, slots=True)
class NewBed:
    """A bed to define, and its ward where that is new too."""

    bed: BedIn
    ward: WardIn | None


class BedsImporter(Importer[NewBed]):
    """One bed a line; the first line of a new ward may name it and say where it is.

    A bed is known by ward and code. ``status`` is the state of a new bed; that of a bed in use is not
    the file's business, so it is not compared.
    """

    columns = Columns(
        required=("ward", "room", "bed"), optional=("ward_name", "facility", "building", "status")
    )
    batch = 50

    def __init__(self, beds: BedsService, run: uuid.UUID) -> None:
        self._beds = beds
        self._run = run
        self._wards: dict[str, WardIn | WardOut] = {}
        self._rooms: dict[tuple[str, str], str] = {}
        self._lines: dict[tuple[str, str], int] = {}

    async def load(self) -> None:
        for ward in await every_ward(self._beds):
            self._wards[ward.code] = ward
            for bed in await self._beds_of(ward.code):
                self._rooms[(bed.ward, bed.code)] = bed.room

    async def _beds_of(self, ward: str) -> list[BedOut]:
        found: list[BedOut] = []
        cursor: str | None = None
        command = Command(name="beds.list", request_id=f"import {self._run}")
        while True:
            query = BedQuery(ward=ward, limit=MAX_LIMIT, cursor=cursor)
            page = await self._beds.beds(SYSTEM, command, query)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def plan(self, rows: Sequence[Row]) -> list[Planned[NewBed]]:
        return [self._plan(row) for row in rows]

    def _plan(self, row: Row) -> Planned[NewBed]:
        if row.problem:
            return refused(row, row.problem)
        try:
            bed = parse(BedIn, _given(row, ward="ward", room="room", code="bed", status="status"))
            ward = self._ward(row, bed.ward)
        except HmsError as error:
            return refused(row, reason(error))
        place = (bed.ward, bed.code)
        subject = f"{bed.ward} {bed.code}"
        if place in self._lines:
            return refused(row, f"the same bed is on line {self._lines[place]}", subject)
        self._lines[place] = row.line
        known = self._wards.get(bed.ward)
        if known is not None and (other := _other(row, known)):
            return refused(row, f"the ward exists with other {', '.join(other)}", subject)
        if place in self._rooms:
            return exists(row, subject, ["room"] if self._rooms[place] != bed.room else [])
        if known is not None:
            return Wanted(row.line, subject, NewBed(bed, None))
        self._wards[bed.ward] = ward
        return Wanted(row.line, subject, NewBed(bed, ward), detail=f"ward {bed.ward} is new too")

    @staticmethod
    def _ward(row: Row, code: str) -> WardIn:
        """The ward as the line describes it; a line that does not name it leaves the code as the name."""
        given = _given(row, name="ward_name", facility="facility", building="building")
        return parse(WardIn, {"name": code, **given, "code": code})

    async def carry_out(self, wanted: Sequence[Wanted[NewBed]]) -> list[Result]:
        return [await self._create(each) for each in wanted]

    async def _create(self, wanted: Wanted[NewBed]) -> Result:
        key = f"import:{self._run}:{wanted.line}"
        try:
            if wanted.new.ward is not None:
                command = envelope("beds.define_ward", self._run, wanted.line, f"{key}:ward")
                await self._beds.define_ward(SYSTEM, command, wanted.new.ward)
            command = envelope("beds.define_bed", self._run, wanted.line, key)
            await self._beds.define_bed(SYSTEM, command, wanted.new.bed)
        except HmsError as error:
            return wanted.refused(error)
        return wanted.done()


def _given(row: Row, **columns: str) -> dict[str, str]:
    """Schema fields from those columns that are not empty."""
    return {name: row.fields[column] for name, column in columns.items() if row.fields[column]}


def _other(row: Row, known: WardIn | WardOut) -> list[str]:
    """Columns in which the line contradicts the ward; what it leaves empty contradicts nothing."""
    said = {"ward_name": known.name, "facility": known.facility, "building": known.building}
    return [column for column, value in said.items() if row.fields[column] not in ("", value)]
