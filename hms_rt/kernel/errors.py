"""The closed vocabulary of error codes and the one exception that carries them.

Services raise :class:`HmsError`; the two doors (REST and sockets) turn it into a problem document or an
acknowledgement. Details never hold SQL, stacks or patient data: they may be shown to whoever asked.
"""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Every error code a client can receive, on either door."""

    MALFORMED = "malformed"  # the body is not JSON that we accept
    INVALID = "invalid"  # the body parses but breaks the schema
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    BAD_ORIGIN = "bad_origin"
    CONFLICT = "conflict"  # a uniqueness rule or a concurrent command forbids it
    POSSIBLE_DUPLICATE = "possible_duplicate"  # the patient may be registered already
    GONE = "gone"  # a place in the feed of changes that is no longer: start over
    ILLEGAL_MOVE = "illegal_move"  # the state machine has no such move from here
    STALE_VERSION = "stale_version"
    VERSION_REQUIRED = "version_required"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IDEMPOTENCY_RUNNING = "idempotency_running"
    RATE_LIMITED = "rate_limited"
    UNKNOWN_ROOM = "unknown_room"
    UNKNOWN_COMMAND = "unknown_command"
    TOO_MANY_ROOMS = "too_many_rooms"
    UNAVAILABLE = "unavailable"  # a store is away; try again
    INTEGRITY = "integrity"  # a stored document does not match its digest
    INTERNAL = "internal"


Detail = str | int | bool | None | list[str] | list[dict[str, str]]


class HmsError(Exception):
    """An outcome the caller must be told about.

    ``detail`` is one sentence for people. ``fields`` are machine-readable extras of the answer, and
    ``retry_after_ms`` (milliseconds) is set where waiting helps.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        retry_after_ms: int | None = None,
        fields: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after_ms = retry_after_ms
        self.fields: dict[str, Detail] = dict(fields or {})


def not_found(what: str) -> HmsError:
    """The named thing does not exist, or the caller may not know that it does."""
    return HmsError(Code.NOT_FOUND, f"{what} does not exist")


def forbidden(detail: str = "your role or assignment does not allow this") -> HmsError:
    """The caller is known but may not do this."""
    return HmsError(Code.FORBIDDEN, detail)


def conflict(detail: str) -> HmsError:
    """A rule of the hospital, held by the database, forbids the command."""
    return HmsError(Code.CONFLICT, detail)


def illegal_move(what: str, state: str, move: str, legal: list[str]) -> HmsError:
    """``what`` is in ``state``, from which ``move`` is not one of the ``legal`` moves."""
    return HmsError(
        Code.ILLEGAL_MOVE,
        f"{what} is {state}: cannot {move}; legal here: {', '.join(sorted(legal)) or 'nothing'}",
        fields={"state": state, "move": move, "legal": sorted(legal)},
    )


def stale_version(current: int) -> HmsError:
    """Somebody changed the row since the caller read it; ``current`` is its version now."""
    return HmsError(
        Code.STALE_VERSION,
        "it was changed since you read it: read it again, then decide",
        fields={"current_version": current},
    )
