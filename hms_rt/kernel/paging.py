"""Pages of a list: ``?limit=&cursor=`` in, ``{items, next_cursor}`` out.

A cursor is opaque to clients: base64url JSON of the sort key of the last item shown. It is data from
outside like any other, so it is validated by a schema; it grants nothing, so it is not signed.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import Field, ValidationError

from hms_rt.kernel import strict_json
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.schema import S, Schema

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR = 1024

Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=MAX_CURSOR)]
"""An opaque cursor, as a previous page gave it."""


class PageQuery(Schema):
    """Base of the query parameters of every list."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    """How many items to return at most."""
    cursor: Cursor | None = None
    """Where the previous page ended: its ``next_cursor``."""


class Page(Schema, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = None
    """Cursor of the next page; null on the last."""


def encode_cursor(key: Schema) -> str:
    """``key``, the sort key of the last item shown, as an opaque cursor."""
    return base64.urlsafe_b64encode(key.model_dump_json().encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, schema: type[S]) -> S:
    """The sort key that :func:`encode_cursor` hid; raises ``invalid`` for anything else."""
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError("too long")
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return schema.model_validate(strict_json.loads(raw))
    except (binascii.Error, ValueError, ValidationError, HmsError):
        raise HmsError(Code.INVALID, "cursor: not one that this list gave out") from None


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


C = TypeVar("C", bound=_Coded)


class CodeCursor(Schema):
    """Sort key of a list that is ordered by code."""

    code: str


def page_by_code(items: Sequence[C], query: PageQuery) -> tuple[list[C], str | None]:
    """One page of a short list that is in memory already, ordered by code."""
    after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else ""
    rest = [item for item in items if item.code > after]
    shown, next_cursor = cut(rest, query.limit, lambda item: CodeCursor(code=item.code))
    return list(shown), next_cursor


def cut(rows: Sequence[T], limit: int, key: Callable[[T], Schema]) -> tuple[Sequence[T], str | None]:
    """The first ``limit`` of ``rows`` and the next cursor.

    Ask the store for ``limit + 1`` rows: the surplus one tells that there is a next page. ``key`` makes
    the sort key of a row.
    """
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode_cursor(key(shown[-1]))
