"""Reading an event log: a CSV file whose every row says which case, what happened and when."""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hms_rt.replay.mapping import LogMapping

MAX_ROWS = 5_000_000


class LogError(Exception):
    """The file cannot be replayed; the message says why and where."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event. ``number`` counts the rows of the file from 1, without the header; ``at`` is UTC."""

    number: int
    case: str
    activity: str
    at: datetime
    values: Mapping[str, str]

    def column(self, name: str) -> str:
        """The trimmed text of a column, empty where the row has none."""
        return self.values.get(name, "").strip()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row without a case, an activity or a readable time."""

    number: int
    case: str
    activity: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventLog:
    """A whole log, in the order of time; ``digest`` is the SHA-256 of the file."""

    digest: str
    rows: tuple[Row, ...]
    unreadable: tuple[Unreadable, ...]


def header(path: Path, delimiters: Iterable[str] = (";", ",", "\t")) -> tuple[str, ...]:
    """The columns of a file under the delimiter that splits its first line best."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    return max((tuple(next(csv.reader([first], delimiter=d), ())) for d in delimiters), key=len)


def read_log(path: Path, mapping: LogMapping, *, limit: int | None = None) -> EventLog:
    """Every row of ``path``, sorted by time and then by place in the file; at most ``limit`` rows.

    Raises :class:`LogError` when the file or a column that the mapping needs is missing.
    """
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LogError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    reader = csv.DictReader(lines, delimiter=mapping.delimiter, restval="", restkey="(beyond the header)")
    missing = mapping.columns() - set(reader.fieldnames or ())
    if missing:
        raise LogError(f"{path}: no column {', '.join(sorted(missing))}")
    rows: list[Row] = []
    unreadable: list[Unreadable] = []
    for number, values in enumerate(reader, start=1):
        if number > min(limit or MAX_ROWS, MAX_ROWS):
            break
        found = _row(number, {k: v for k, v in values.items() if isinstance(v, str)}, mapping)
        (rows if isinstance(found, Row) else unreadable).append(found)  # type: ignore[arg-type]
    rows.sort(key=lambda row: (row.at, row.number))
    return EventLog(hashlib.sha256(content).hexdigest(), tuple(rows), tuple(unreadable))


def _row(number: int, values: Mapping[str, str], mapping: LogMapping) -> Row | Unreadable:
    case = values[mapping.case].strip()
    activity = values[mapping.activity].strip()
    written = values[mapping.time.column].strip()
    if not case or not activity:
        return Unreadable(number, case, activity, "the row names no case or no activity")
    try:
        at = datetime.strptime(written, mapping.time.format)  # noqa: DTZ007 - the zone follows
    except ValueError:
        return Unreadable(number, case, activity, f"not a time of the form {mapping.time.format}")
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(mapping.time.zone))
    return Row(number, case, activity, at.astimezone(UTC), values)
