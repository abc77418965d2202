"""What becomes of a line, and what every importer of one kind of file does."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from hms_rt.importing.source import Columns, Row
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError

T = TypeVar("T")


class Outcome(StrEnum):
    """What became of a line."""

    CREATED = "created"
    EXISTS = "exists"  # it is there already, as the line says: nothing was changed
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. ``subject`` is a code, username or MRN: never a patient's name."""

    line: int
    outcome: Outcome
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Wanted(Generic[T]):
    """A valid line whose subject does not exist yet."""

    line: int
    subject: str
    new: T
    detail: str = ""

    def done(self) -> Result:
        """It was created."""
        return Result(self.line, Outcome.CREATED, self.subject, self.detail)

    def refused(self, error: HmsError) -> Result:
        """It could not be created after all; an ``unavailable`` store ends the import instead."""
        if error.code is Code.UNAVAILABLE:
            raise error
        return Result(self.line, Outcome.REFUSED, self.subject, reason(error))


Planned = Result | Wanted[T]


class Importer(ABC, Generic[T]):
    """Knows one kind of file. One instance per run: it remembers what the file held so far.

    ``plan`` decides about each line, in order, and changes nothing; a dry run ends there. ``carry_out``
    creates what was wanted and may still refuse what somebody else created meanwhile.
    """

    columns: ClassVar[Columns]
    batch: ClassVar[int]
    """How many lines are planned, then carried out, at a time."""

    @abstractmethod
    async def load(self) -> None:
        """Read what is needed to plan; called once."""

    @abstractmethod
    async def plan(self, rows: Sequence[Row]) -> list[Planned[T]]:
        """Decide about each row; the answer is in the order of ``rows``."""

    @abstractmethod
    async def carry_out(self, wanted: Sequence[Wanted[T]]) -> list[Result]:
        """Create each; the answer is in the order of ``wanted``."""


def reason(error: HmsError) -> str:
    """Everything that is wrong with a line, in one line."""
    problems = error.fields.get("problems")
    if not isinstance(problems, list):
        return error.detail
    return "; ".join(
        f"{item['field']}: {item['problem']}" for item in problems if isinstance(item, dict)
    ).replace("Value error, ", "")


def refused(row: Row, detail: str, subject: str = "") -> Result:
    """The line cannot be imported as it stands."""
    return Result(row.line, Outcome.REFUSED, subject, detail)


def exists(row: Row, subject: str, other: Sequence[str]) -> Result:
    """The subject is there; ``other`` names what is not as the line says, which refuses the line."""
    if other:
        return refused(row, f"exists with other {', '.join(other)}", subject)
    return Result(row.line, Outcome.EXISTS, subject)


def envelope(name: str, run: uuid.UUID, line: int, key: str) -> Command:
    """The command for one line; ``key`` makes it safe to run again when a connection is lost."""
    return Command(name=name, request_id=f"import {run} line {line}", key=key)
