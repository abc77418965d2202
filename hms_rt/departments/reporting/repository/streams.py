"""Which streams there are."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.storage.change_feed import Wanted

_NEXT = text(
    """
    SELECT stream FROM stream_head
    WHERE stream > :after
      AND (stream = ANY(CAST(:exact AS text[])) OR stream ^@ ANY(CAST(:prefixes AS text[])))
    ORDER BY stream LIMIT :most
    """
)


async def following(connection: AsyncConnection, wanted: Wanted, after: str, most: int) -> list[str]:
    """The next streams of ``wanted`` by name, ``most`` at most."""
    values = {
        "after": after,
        "exact": list(wanted.exact),
        "prefixes": list(wanted.prefixes),
        "most": most,
    }
    return list((await connection.execute(_NEXT, values)).scalars())
