"""The header by which doctors and nurses see what is closed to them, in an emergency."""

from typing import Any
from urllib.parse import unquote

from hms_rt.departments.patients.schemas import BreakGlass
from hms_rt.kernel.schema import parse
from hms_rt.web.endpoints import Call

BREAK_GLASS_HEADER = "Break-Glass-Reason"


def glass(call: Call[Any, Any]) -> BreakGlass | None:
    """The reason for breaking the glass; percent-encoded where it is not ASCII. Never in the address."""
    written = call.request.headers.get(BREAK_GLASS_HEADER)
    return parse(BreakGlass, {"reason": unquote(written)}) if written is not None else None
