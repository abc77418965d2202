"""``patients.csv``: the patients of a hospital that is moving in."""

import hashlib
import re
import uuid
from collections.abc import Sequence

from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.patients.service import Comparison, PatientsService, identity_of
from hms_rt.importing.outcome import (
    Importer,
    Planned,
    Result,
    Wanted,
    envelope,
    exists,
    reason,
    refused,
)
from hms_rt.importing.source import Columns, Row
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.kernel.schema import parse

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEXES = {"f": "female", "m": "male", "o": "other", "u": "unknown", "": "unknown"}
"""One-letter codes of HL7 v2 table 0001, which older systems export."""


class PatientsImporter(Importer[PatientNew]):
    """One patient a line, known by MRN; without one by name and birth date.

    A line without an MRN never makes a second patient of the same name and birth date: two such people
    need their numbers to be told apart.
    """

    columns = Columns(required=("family_name",), optional=("mrn", "given_name", "birth_date", "sex", "phone"))
    batch = 500

    def __init__(self, patients: PatientsService, run: uuid.UUID) -> None:
        self._patients = patients
        self._run = run
        self._lines: dict[bytes, int] = {}

    async def load(self) -> None:
        """Nothing: patients are too many, each batch asks for its own."""

    async def plan(self, rows: Sequence[Row]) -> list[Planned[PatientNew]]:
        read = [self._read(row) for row in rows]
        wanted = [each for each in read if isinstance(each, Wanted)]
        compared = iter(await self._patients.compare(SYSTEM, [each.new for each in wanted]))
        return [
            _decided(row, each, next(compared)) if isinstance(each, Wanted) else each
            for row, each in zip(rows, read, strict=True)
        ]

    def _read(self, row: Row) -> Planned[PatientNew]:
        """The line alone, and the lines before it."""
        if row.problem:
            return refused(row, row.problem)
        try:
            new = _patient(row)
        except HmsError as error:
            return refused(row, reason(error))
        by_name = _digest(*identity_of(new))
        by_mrn = _digest("mrn", new.mrn) if new.mrn else None
        before = self._lines.get(by_mrn or by_name)
        if before is not None:
            what = "MRN" if by_mrn else "name and birth date"
            return refused(row, f"the same {what} is on line {before}", new.mrn or "")
        self._lines.setdefault(by_name, row.line)
        if by_mrn:
            self._lines[by_mrn] = row.line
        return Wanted(row.line, new.mrn or "", new)

    async def carry_out(self, wanted: Sequence[Wanted[PatientNew]]) -> list[Result]:
        """All in one transaction; if somebody else took a number meanwhile, each in its own."""
        try:
            mrns = await self._register(wanted)
        except HmsError as error:
            if len(wanted) == 1:
                return [wanted[0].refused(error)]
            if error.code is not Code.CONFLICT:
                raise
            return [result for each in wanted for result in await self.carry_out([each])]
        return [Wanted(each.line, mrn, each.new).done() for each, mrn in zip(wanted, mrns, strict=True)]

    async def _register(self, wanted: Sequence[Wanted[PatientNew]]) -> list[str]:
        if not wanted:
            return []
        content = "\n".join(each.new.model_dump_json() for each in wanted)
        key = f"import:{hashlib.sha256(content.encode()).hexdigest()}"
        command = envelope("patients.register_all", self._run, wanted[0].line, key)
        made = await self._patients.register_all(SYSTEM, command, [each.new for each in wanted])
        return made.mrns


def _patient(row: Row) -> PatientNew:
    fields = {name: value for name, value in row.fields.items() if value}
    if "birth_date" in fields and not _DATE.fullmatch(fields["birth_date"]):
        raise HmsError(Code.INVALID, "birth_date: write it as YYYY-MM-DD")
    sex = row.fields["sex"].lower()
    return parse(PatientNew, {**fields, "sex": _SEXES.get(sex, sex)})


def _decided(row: Row, wanted: Wanted[PatientNew], compared: Comparison) -> Planned[PatientNew]:
    if compared.problem:
        return refused(row, compared.problem, wanted.subject)
    if compared.mrn is None:
        return wanted
    if compared.differs and not wanted.new.mrn:
        return refused(
            row,
            f"a patient of this name and birth date is registered with other {', '.join(compared.differs)}: "
            "give the MRN",
            compared.mrn,
        )
    return exists(row, compared.mrn, compared.differs)


def _digest(*parts: object) -> bytes:
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=12).digest()
