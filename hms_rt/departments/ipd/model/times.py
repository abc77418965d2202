"""What happens to a patient happens in order. Pure."""

from datetime import datetime

from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.errors import Code, HmsError


def check_order(at: datetime, earlier: datetime, what: str) -> None:
    """Raises ``invalid`` if ``at`` lies before ``earlier``, when ``what`` happened."""
    if at < earlier:
        raise HmsError(Code.INVALID, f"occurred_at lies before {what} ({rfc3339(earlier)})")
