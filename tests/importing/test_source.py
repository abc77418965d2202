"""Reading CSV: what spreadsheets and old systems write, and what is told of files that cannot be read."""

import codecs
from pathlib import Path

import pytest

from hms_rt.importing.source import Columns, Row, Source, SourceError

COLUMNS = Columns(required=("a", "b"), optional=("c", "secret"), verbatim=frozenset({"secret"}))


@pytest.fixture
def read(tmp_path: Path) -> "Reader":
    return Reader(tmp_path / "file.csv")


class Reader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, content: str | bytes, **how: str) -> list[Row]:
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = Source(self.path, COLUMNS, **how)
        rows = list(source.rows())
        assert source.survey() == len(rows)
        return rows

    def refusal(self, content: str | bytes, **how: str) -> str:
        with pytest.raises(SourceError) as refused:
            self(content, **how)
        return str(refused.value)


def test_lines_are_counted_as_an_editor_counts_them(read: Reader) -> None:
    rows = read('\n a , B \n1,2\n\n"x\ny",3\n , \n4,5\n')
    assert [(row.line, row.fields["a"], row.fields["b"]) for row in rows] == [
        (3, "1", "2"),
        (5, "x\ny", "3"),
        (8, "4", "5"),
    ]
    assert rows[0].fields["c"] == ""


def test_fields_lose_their_outer_blanks_but_for_passwords(read: Reader) -> None:
    (row,) = read("a,b,secret\n x , y , z \n")
    assert dict(row.fields) == {"a": "x", "b": "y", "c": "", "secret": " z "}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_ending_and_a_byte_order_mark(read: Reader, end: str) -> None:
    (row,) = read(codecs.BOM_UTF8 + f"a,b{end}1,2{end}".encode())
    assert (row.line, row.fields["a"]) == (2, "1")


def test_quotes_delimiters_and_tabs(read: Reader) -> None:
    assert read('a;b\n"x;""y""";2\n', delimiter=";")[0].fields["a"] == 'x;"y"'
    assert read("a\tb\n1\t2\n", delimiter="tab")[0].fields["b"] == "2"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16", "cp1252", "latin-1"])
def test_encodings(read: Reader, encoding: str) -> None:
    (row,) = read("a,b\nMüller,é\n".encode(encoding), encoding=encoding)
    assert (row.fields["a"], row.fields["b"]) == ("Müller", "é")


def test_a_line_that_cannot_be_used_is_told_and_the_next_one_is_read(read: Reader) -> None:
    rows = read("a,b\n1\n1,2,3\nx\0,2\n3,4\n")
    assert [row.problem for row in rows] == [
        "has 1 fields where the header has 2",
        "has 3 fields where the header has 2",
        "holds a NUL character",
        "",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n\xfc,3\n", "line 3: byte 0xFC is not utf-8"),
        (b"a,b\n1,\xc3", "middle of a character"),
        ("a,b\n1,2\n".encode("utf-16"), "--encoding utf-16"),
        ('a,b\n1,2\n"x,3\n4,5\n', "line 3"),
        ('a,b\n"x"y,3\n', "line 2"),
        ("a,b\n" + "x" * 200_000 + ",1\n", "line 2: field larger than field limit"),
        ("a;b\n1;2\n", "--delimiter ';'"),
        ("a\tb\n1\t2\n", "--delimiter tab"),
        ("a,colour,a\n", "missing: b; unknown: colour; twice: a"),
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(
    read: Reader, content: str | bytes, said: str
) -> None:
    assert said in read.refusal(content)


def test_options_that_make_no_sense_are_refused(read: Reader, tmp_path: Path) -> None:
    for wrong in ("", ";;", '"', "\n"):
        assert "--delimiter" in read.refusal("a,b\n", delimiter=wrong)
    for wrong in ("klingon", "base64"):
        assert f"--encoding {wrong}" in read.refusal("a,b\n", encoding=wrong)
    with pytest.raises(SourceError, match="no such file"):
        Source(tmp_path / "none.csv", COLUMNS).survey()
