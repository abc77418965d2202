"""PostgreSQL that has no disk left, or gives up on a statement: callers are asked to come again, for it is
no mistake of ours."""

import pytest
from sqlalchemy import text

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork
from tests.conftest import command


@pytest.mark.parametrize("sqlstate", ["53100", "53200", "53300", "57014", "25P03"])
async def test_a_command_that_postgres_gives_up_on_is_refused_as_unavailable(
    units: UnitsOfWork, sqlstate: str
) -> None:
    async def work(uow: UnitOfWork) -> None:
        await uow.connection.execute(
            text(f"DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{sqlstate}'; END $$")
        )

    with pytest.raises(HmsError) as raised:
        await units.execute(SYSTEM, command(), type(None), work)
    assert raised.value.code is Code.UNAVAILABLE
    assert raised.value.retry_after_ms
