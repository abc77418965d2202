"""JSON as we accept it: RFC 8259 without the holes.

Refused: duplicate keys, NaN and Infinity, nesting deeper than 32, NUL characters and lone surrogates in
strings (PostgreSQL cannot store either), numbers too long to be meant.
"""

import json
from typing import Any, NoReturn

from hms_rt.kernel.errors import Code, HmsError

MAX_DEPTH = 32


def _malformed(detail: str) -> NoReturn:
    raise HmsError(Code.MALFORMED, detail)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        _malformed("a key appears twice in one object")
    return made


def _constant(name: str) -> NoReturn:
    _malformed(f"{name} is not JSON")


def check_text(text: str) -> None:
    """Refuse what PostgreSQL cannot store as text."""
    if "\x00" in text:
        _malformed("text must not contain NUL")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        _malformed("text must not contain lone surrogates")


def check(value: Any, depth: int = 0) -> None:
    """Refuse decoded JSON that is too deep or holds text that cannot be stored."""
    if depth > MAX_DEPTH:
        _malformed(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check(item, depth + 1)


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)


def loads(text: str | bytes) -> Any:
    """Decode ``text``; raises :class:`HmsError` ``malformed`` with the reason."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = _decoder.decode(text)
    except UnicodeDecodeError:
        _malformed("the body is not UTF-8")
    except RecursionError:
        _malformed(f"nested deeper than {MAX_DEPTH}")
    except json.JSONDecodeError as error:
        _malformed(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except ValueError:
        _malformed("a number is too long")
    check(value)
    return value
