"""The stream epoch: a new one whenever this database may have gone back in time.

A restore into another cluster changes PostgreSQL's system identifier; a restore to a point in time and a
promotion change the timeline. Both are compared at every start. What neither shows (a copied-back data
folder) is noticed by a process or a client that remembers a newer version, and reported here.
"""

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger(__name__)

_IDENTITY = text(
    """
    SELECT (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
           (SELECT timeline_id FROM pg_control_checkpoint())::bigint AS timeline
    """
)
_CHECK = text(
    """
    UPDATE stream_epoch SET
        epoch = CASE WHEN system_identifier IS NULL THEN epoch ELSE gen_random_uuid() END,
        reason = CASE WHEN system_identifier IS NULL THEN reason ELSE 'restored or promoted' END,
        era = CASE WHEN system_identifier IS NULL THEN era ELSE era + 1 END,
        system_identifier = :system_identifier, timeline = :timeline, changed_at = clock_timestamp()
    WHERE (system_identifier, timeline) IS DISTINCT FROM
          (CAST(:system_identifier AS bigint), CAST(:timeline AS bigint))
    """
)
# Commits that number changes hold ROW SHARE: none of the era before ends after this one began.
_ALONE = text("LOCK TABLE stream_epoch IN EXCLUSIVE MODE")
_BUMP = text(
    """
    UPDATE stream_epoch SET epoch = gen_random_uuid(), era = era + 1, reason = :reason,
        changed_at = clock_timestamp()
    WHERE changed_at < clock_timestamp() - interval '1 minute'
    """
)


async def check(engine: AsyncEngine) -> None:
    """Give a new epoch if this is not the cluster and timeline that the last one was given for."""
    try:
        async with engine.connect() as connection:
            identity = (await connection.execute(_IDENTITY)).one()
    except DBAPIError as error:
        log.warning(
            "epoch.identity_unreadable",
            fix="grant pg_monitor to the application's role",
            error=str(error.orig),
        )
        return
    async with engine.begin() as connection:
        await connection.execute(_ALONE)
        result = await connection.execute(
            _CHECK, {"system_identifier": identity.system_identifier, "timeline": identity.timeline}
        )
    if result.rowcount:
        log.info("epoch.checked", timeline=identity.timeline)


async def went_back(engine: AsyncEngine, reason: str) -> None:
    """Somebody remembers a version that the database does not have: new epoch, at most once a minute."""
    async with engine.begin() as connection:
        await connection.execute(_ALONE)
        result = await connection.execute(_BUMP, {"reason": reason})
    if result.rowcount:
        log.warning("epoch.changed", reason=reason)
