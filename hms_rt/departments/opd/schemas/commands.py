"""Commands about queues over a socket: the body names the target."""

import uuid

from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CancelIn,
    Late,
    NextIn,
    TokenIn,
    TransferIn,
)
from hms_rt.kernel.schema import PlaceCode, Schema


class IssueCommand(TokenIn):
    """Issue a token; over a socket, the body names the target."""

    clinic: PlaceCode


class NextCommand(NextIn):
    """Call the next patient of a clinic."""

    clinic: PlaceCode


class TokenCommand(Late):
    """A move that needs nothing but the token."""

    token_id: uuid.UUID


class CallCommand(CallIn):
    """Call this token."""

    token_id: uuid.UUID


class TransferCommand(TransferIn):
    """Transfer this token."""

    token_id: uuid.UUID


class CancelCommand(CancelIn):
    """Cancel this token."""

    token_id: uuid.UUID


class CounterCommand(Schema):
    """Open or close a counter."""

    counter: PlaceCode
