"""What importers look up about places."""

from hms_rt.departments.beds.schemas import WardOut
from hms_rt.departments.beds.service import BedsService
from hms_rt.kernel.paging import MAX_LIMIT, PageQuery
from hms_rt.kernel.principal import SYSTEM


async def every_ward(beds: BedsService) -> list[WardOut]:
    """All wards, page by page."""
    found: list[WardOut] = []
    cursor: str | None = None
    while True:
        page = await beds.wards(SYSTEM, PageQuery(limit=MAX_LIMIT, cursor=cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
