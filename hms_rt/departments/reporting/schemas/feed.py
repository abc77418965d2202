"""The feed of changes on the wire: what is asked, cursors, and the lines of an answer."""

import uuid
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, RootModel, StringConstraints

from hms_rt.kernel.changes import Cause, Op
from hms_rt.kernel.paging import Cursor
from hms_rt.kernel.schema import Moment, Schema

MAX_LIMIT = 1000
MAX_WAIT_S = 30

Streams = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_:/,-]{1,1000}$"),
    Field(examples=["beds,opd/clinic:GEN"]),
]
_BIG = 2**62


class FeedQuery(Schema):
    """Which part of the feed."""

    after: Cursor | None = None
    """Where the last page ended: its cursor. Without one, from the oldest change that is kept."""
    streams: Streams | None = None
    """A part of the account's scopes, separated by commas; all of them if nothing is said."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 500
    """How many versions of streams at most; a version is never cut in two."""
    wait: Annotated[int, Field(ge=0, le=MAX_WAIT_S)] = 0
    """Seconds to wait for a change if there is none yet."""


class SnapshotQuery(Schema):
    """Which part of the state."""

    page: Cursor | None = None
    """The ``next_page`` of the page before."""
    streams: Streams | None = None
    """A part of the account's scopes, separated by commas; all of them if nothing is said."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


StreamName = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]


class FeedCursor(Schema):
    """A place in the feed, the epoch in which it is one, and when what stands there was written."""

    e: uuid.UUID
    r: Annotated[int, Field(ge=-1, lt=2**31)]
    p: Annotated[int, Field(ge=0, lt=_BIG)]
    s: StreamName
    v: Annotated[int, Field(ge=0, lt=_BIG)]
    a: Moment


class SnapshotCursor(Schema):
    """Behind which stream a snapshot goes on, and from where its reader will follow the feed."""

    s: StreamName
    after: FeedCursor


class ChangeLine(Schema):
    """One change of one entity. Those of one version of a stream follow each other."""

    type: Literal["change"]
    stream: str
    version: int
    """Ascends within the stream; versions that show you nothing are left out."""
    epoch: uuid.UUID
    at: Moment
    op: Op
    key: str
    cause: Cause
    value: dict[str, Any] | None = None
    """The whole entity as this account sees it; only with ``put``."""


class StateLine(Schema):
    """One entity of a stream as it is at a version."""

    type: Literal["state"]
    stream: str
    version: int
    epoch: uuid.UUID
    key: str
    value: dict[str, Any]


class StreamLine(Schema):
    """The state of a stream begins: forget what you knew of it. So many entities follow."""

    type: Literal["stream"]
    stream: str
    version: int
    epoch: uuid.UUID
    entities: int


class EndLine(Schema):
    """The last line. A page without it is incomplete: ask for it again."""

    type: Literal["end"]
    cursor: str
    """Send it as ``after``."""
    more: bool
    """True if there is more already: ask at once."""
    next_page: str | None = None
    """Of a snapshot: send it as ``page``; null on the last page."""


class FeedLine(RootModel[Annotated[ChangeLine | EndLine, Field(discriminator="type")]]):
    """A line of the feed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "change",
                    "stream": "beds/ward:ICU",
                    "version": 41,
                    "epoch": "0190f0a0-7d2b-7c11-9a55-3f7b1d2c4e10",
                    "at": "2026-03-01T08:00:00.000Z",
                    "op": "put",
                    "key": "bed:0190f0a0-7d2b-7c11-9a55-3f7b1d2c4e11",
                    "cause": "occupied",
                    "value": {"code": "01", "status": "occupied"},
                },
                {"type": "end", "cursor": "eyJlIjoiMDE5MGYw", "more": False},
            ]
        }
    )


class SnapshotLine(RootModel[Annotated[StreamLine | StateLine | EndLine, Field(discriminator="type")]]):
    """A line of a snapshot."""
