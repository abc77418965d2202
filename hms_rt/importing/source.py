"""Reads CSV files as hospitals have them: streamed, strict, and clear about what is wrong and where."""

import codecs
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BAD_QUOTES = "is a quote missing, or the delimiter another one (--delimiter)?"


class SourceError(Exception):
    """The file as a whole cannot be read; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the header may hold. Values of ``verbatim`` columns keep their outer blanks."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    verbatim: frozenset[str] = frozenset()

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that is understood."""
        return self.required + self.optional


@dataclass(frozen=True, slots=True)
class Row:
    """One record: where it starts, its fields by column (empty where the column is absent).

    ``problem`` says why the record cannot be used; its fields are empty then.
    """

    line: int
    fields: Mapping[str, str]
    problem: str = ""


class Source:
    """A CSV file with a header. Read twice: once to survey it, once to import it."""

    def __init__(
        self, path: Path, columns: Columns, *, delimiter: str = ",", encoding: str = "utf-8"
    ) -> None:
        self._path = path
        self._columns = columns
        self._delimiter = _delimiter(delimiter)
        self._encoding = _encoding(encoding)

    def survey(self) -> int:
        """How many records there are. Raises :class:`SourceError` for what makes the file unreadable."""
        if not self._path.is_file():
            raise SourceError(f"{self._path}: no such file")
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[Row]:
        """Every record that is not empty, in order."""
        records = self._records()
        header: list[str] | None = None
        for line, record in records:
            if not any(field.strip() for field in record):
                continue
            if header is None:
                header = self._header(line, record)
            else:
                yield self._row(line, header, record)
        if header is None:
            raise SourceError(f"the file is empty: it needs a header with {_listed(self._columns.required)}")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with the line on which it starts: a quoted field may hold line breaks."""
        start = 1
        try:
            with self._path.open(encoding=self._encoding, newline="") as file:
                reader = csv.reader(file, delimiter=self._delimiter, strict=True)
                for record in reader:
                    yield start, record
                    start = reader.line_num + 1
        except csv.Error as error:
            raise SourceError(f"line {start}: {error}: {_BAD_QUOTES}") from None
        except UnicodeError:
            raise SourceError(_undecodable(self._path, self._encoding)) from None
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from None

    def _header(self, line: int, record: Sequence[str]) -> list[str]:
        names = [name.strip().lower() for name in record]
        problems = []
        if missing := [name for name in self._columns.required if name not in names]:
            problems.append(f"missing: {_listed(missing)}")
        if unknown := [name or "(empty)" for name in names if name not in self._columns.all]:
            problems.append(f"unknown: {_listed([name[:40] for name in unknown])}")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            problems.append(f"twice: {_listed([name[:40] for name in twice])}")
        if problems:
            raise SourceError(f"line {line}: the header has {'; '.join(problems)}. {self._hint(names)}")
        return names

    def _hint(self, names: Sequence[str]) -> str:
        if len(names) == 1:
            for other, told in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
                if other in names[0]:
                    return f"It looks delimited otherwise: pass --delimiter {told}"
        optional = f", optional {_listed(self._columns.optional)}" if self._columns.optional else ""
        return f"Columns are {_listed(self._columns.required)}{optional}"

    def _row(self, line: int, header: Sequence[str], record: Sequence[str]) -> Row:
        if len(record) != len(header):
            return Row(line, {}, f"has {len(record)} fields where the header has {len(header)}")
        if any("\0" in field for field in record):
            return Row(line, {}, "holds a NUL character")
        verbatim = self._columns.verbatim
        fields = dict.fromkeys(self._columns.all, "")
        for name, field in zip(header, record, strict=True):
            fields[name] = field if name in verbatim else field.strip()
        return Row(line, fields)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _delimiter(wanted: str) -> str:
    delimiter = "\t" if wanted.lower() in {"tab", "\\t"} else wanted
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise SourceError("--delimiter takes one character, or `tab`")
    return delimiter


def _encoding(wanted: str) -> str:
    """The codec's name; UTF-8 with or without a byte order mark is the same."""
    try:
        name = codecs.lookup(wanted).name
        "".encode(name)
    except (LookupError, ValueError):
        raise SourceError(f"--encoding {wanted[:40]}: unknown; try utf-8, cp1252 or latin-1") from None
    return "utf-8-sig" if name == "utf-8" else name


def _undecodable(path: Path, encoding: str) -> str:
    """Says where: the text layer decodes in chunks and does not know the line."""
    shown = encoding.removesuffix("-sig")
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            return "the file is UTF-16: pass --encoding utf-16"
        file.seek(0)
        for line, raw in enumerate(file, start=1):
            try:
                decoder.decode(raw)
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
                return (
                    f"line {line}: byte 0x{byte:02X} is not {shown}: save the file as UTF-8, or say what it "
                    "is, such as --encoding cp1252"
                )
    return f"the file ends in the middle of a character of {shown}"
