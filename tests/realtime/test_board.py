"""The client rule over a real socket."""

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.conftest import BoardFactory, RawFactory, fresh


async def test_a_board_follows_and_resumes_over_another_connection(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    ward: WardFactory,
) -> None:
    beds = await ward("ICU", beds=2)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, "ward:ICU")
    before = board.version
    await nurse.patch(f"/api/v1/beds/{beds[0].id}", json={"status": "cleaning"}, headers={"If-Match": '"1"'})
    await board.reach(before + 1)
    assert board.state == await fresh(hospital, "/beds", "ward:ICU", "clinical")

    await board.raw.close()
    await nurse.patch(f"/api/v1/beds/{beds[1].id}", json={"status": "cleaning"}, headers={"If-Match": '"1"'})
    await board.move(await dial(nurse, "/beds"))
    assert board.modes == ["snapshot", "resume"]
    assert board.state == await fresh(hospital, "/beds", "ward:ICU", "clinical")
    assert not board.broken
