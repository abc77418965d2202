"""Migrations: one line of them, and what they make is what the tables declare."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import hms_rt.app  # noqa: F401 - registers every table
from hms_rt.migrations import NEWEST, runner
from hms_rt.storage.embedded import EmbeddedUris
from hms_rt.storage.metadata import metadata


def test_migrations_are_one_line_that_ends_at_newest() -> None:
    script = ScriptDirectory(str(runner.__file__).rsplit("/", 1)[0])
    assert script.get_heads() == [NEWEST]
    assert runner.newest() == NEWEST
    assert [revision.revision for revision in script.walk_revisions()] == [
        f"{number:04}" for number in range(int(NEWEST), 0, -1)
    ]


def _differences(connection: Connection) -> list[str]:
    """Tables, columns, types and nullability; indexes and checks are the migrations' own."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": False}
    )
    relevant = {"add_table", "remove_table", "add_column", "remove_column", "modify_type", "modify_nullable"}
    found = []
    for difference in compare_metadata(context, metadata):
        changes = difference if isinstance(difference, list) else [difference]
        found += [
            str(change[:4]) for change in changes if change[0] in relevant and not _of_partitions(change)
        ]
    return found


def _of_partitions(change: tuple[object, ...]) -> bool:
    name = str(getattr(change[1], "name", ""))
    return name.startswith("change_log_") or name == "alembic_version"


async def test_the_migrated_schema_is_what_the_tables_declare(stack: EmbeddedUris) -> None:
    engine = create_async_engine(stack.postgres_uri)
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
    finally:
        await engine.dispose()
