"""The generated hospital of ten years fits the schema of today: a new column must be filled, too."""

from sqlalchemy import make_url

from bench.decade.fill import fill, statements
from hms_rt.app import Stores
from tests.databases import connect


async def test_a_small_hospital_of_ten_years_can_be_made(stores: Stores) -> None:
    """Checks, unique and exclusion constraints hold meanwhile; foreign keys and triggers do not."""
    connection = await connect(stores.postgres_uri, str(make_url(stores.postgres_uri).database))
    told: list[str] = []
    try:
        rows = await fill(connection, 100, told.append)
        found = await connection.fetchval("SELECT count(*) FROM ipd_dose")
    finally:
        await connection.close()
    assert len(told) == len(statements(100))
    assert rows > 9_000
    assert found == 600
