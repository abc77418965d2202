"""Rights that end or change reach the sockets that are open already, within two seconds."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.authority import SessionAuthority
from hms_rt.departments.identity.schemas import AssignmentIn, DeviceNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Principal, Role
from hms_rt.realtime.rights import RIGHTS_STREAM
from tests.conftest import ClientFactory, WardFactory, command
from tests.realtime.conftest import BoardFactory, Client, OtherFactory, RawFactory, fresh, turn
from tests.realtime.raw import until

ROOM = "ward:ICU"
WITHIN_S = 2.0


async def take_away(hospital: Hospital, client: Client, place: str = "ICU") -> None:
    """Unassign the ward from whoever is signed in on ``client``."""
    me = await (await client.get("/api/v1/auth/me")).json()
    assignment = AssignmentIn(kind=AssignmentKind.WARD, place=place)
    await hospital.services.identity.unassign(SYSTEM, command(), me["id"], assignment)


async def test_logging_out_closes_the_sockets_of_that_session_alone(
    client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    nurse, colleague = await client_as(Role.NURSE, ward="ICU"), await client_as(Role.NURSE, ward="ICU")
    board, other = await board_of(nurse, ROOM), await board_of(colleague, ROOM)
    assert (await nurse.post("/api/v1/auth/logout")).status == 204
    await board.raw.hung_up(WITHIN_S)
    assert board.revoked == "unauthenticated"
    assert not other.raw.closed.is_set()
    assert other.revoked is None


async def test_a_ward_taken_away_is_revoked_and_not_given_again(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM)
    await take_away(hospital, nurse)
    await until(lambda: board.revoked is not None, WITHIN_S)
    assert board.revoked == "forbidden"
    changes = len(board.changes)
    await turn(hospital, bed, times=2)
    await board.subscribe()
    assert board.refused is not None
    assert board.refused["code"] == "forbidden"
    refused = await board.raw.call(
        "/beds", "change_bed", {"id": "1", "bed_id": str(bed.id), "status": "cleaning"}
    )
    assert refused["error"]["code"] == "forbidden"
    assert len(board.changes) == changes


async def test_a_revoked_screen_is_hung_up(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    link = await hospital.services.identity.create_device(
        SYSTEM, command(), DeviceNew(name="Corridor", rooms=["/beds ward:ICU"])
    )
    screen = await client_as()
    assert (await screen.get(link.path, allow_redirects=False)).status == 303
    board = await board_of(screen, ROOM)
    assert board.audience == "display"
    await hospital.services.identity.revoke_device(SYSTEM, command(), link.device.id)
    await board.raw.hung_up(WITHIN_S)
    assert board.revoked == "unauthenticated"


async def test_another_audience_gives_a_snapshot_of_another_epoch(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    """Somebody at reception who is a nurse too loses the ward, and goes on without the patients."""
    (bed,) = await ward("ICU", beds=1)
    both = await client_as(Role.NURSE, Role.RECEPTION, ward="ICU")
    board = await board_of(both, ROOM)
    assert board.audience == "clinical"
    old = board.epoch
    await take_away(hospital, both)
    await until(lambda: board.snapshots == 1, WITHIN_S)
    assert (board.audience, board.revoked) == ("staff", None)
    assert board.epoch != old
    assert all("occupant" not in value for value in board.state.values())
    await turn(hospital, bed)
    await board.settle(await fresh(hospital, "/beds", ROOM, "staff"))
    assert "occupant" not in str(board.changes[-1])


async def test_rights_reach_the_sockets_of_another_process_though_redis_is_dead_there(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    other, there = await another()
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM, to=there)
    await other._bus.stop()
    assert (await nurse.post("/api/v1/auth/logout")).status == 204
    await board.raw.hung_up(WITHIN_S)


async def test_a_session_that_ends_between_two_namespaces_enters_no_other(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    """The handshake is long past and no namespace is watched: the rights of then must not count."""
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    early, waiting = await dial(nurse), await dial(nurse)
    told = hospital.hub.followers[RIGHTS_STREAM]
    before = told.version or 0
    await take_away(hospital, nurse)
    await until(lambda: (told.version or 0) > before, WITHIN_S)
    await early.enter("/beds")
    answer = await early.call("/beds", "subscribe", {"room": ROOM})
    assert answer["error"]["code"] == "forbidden"
    assert (await nurse.post("/api/v1/auth/logout")).status == 204
    await early.hung_up(WITHIN_S)
    assert await waiting.enter("/beds") == {"refused": {"message": "unauthenticated"}}


async def test_a_session_that_runs_out_is_hung_up(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    clock: ManualClock,
) -> None:
    await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.RECEPTION), ROOM)
    clock.advance(timedelta(days=400))
    await hospital.services.identity.expire_sessions(command())
    await board.raw.hung_up(WITHIN_S)


async def test_what_cannot_be_asked_now_is_asked_again(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PostgreSQL stumbles just when a right is taken away: the right is gone all the same."""
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM)
    current, failures = SessionAuthority.current, [1, 2]

    async def stumble(authority: SessionAuthority, principal: Principal) -> Principal | None:
        if failures:
            failures.pop()
            raise HmsError(Code.UNAVAILABLE, "the database is away")
        return await current(authority, principal)

    monkeypatch.setattr("hms_rt.realtime.rights.ASK_AGAIN_S", 0.05)
    monkeypatch.setattr(SessionAuthority, "current", stumble)
    await take_away(hospital, nurse)
    await until(lambda: board.revoked is not None, WITHIN_S)
    assert not failures


async def test_rights_are_looked_at_again_when_their_stream_jumped(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gap that only a reload closes hides which rights changed in it."""
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM)
    rights = hospital.hub.followers["identity/rights"]
    with monkeypatch.context() as deaf:
        deaf.setattr(rights, "offer", lambda entry: None)
        await take_away(hospital, nurse)
        await hospital.hub.reload(rights)
        await until(lambda: board.revoked is not None, WITHIN_S)


async def test_seeing_more_than_before_is_accounted_for(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    """Somebody at reception who is a nurse too gets the ward, and with it the patients."""
    await ward("ICU", beds=1)
    both = await client_as(Role.NURSE, Role.RECEPTION)
    board = await board_of(both, ROOM)
    assert board.audience == "staff"
    me = await (await both.get("/api/v1/auth/me")).json()
    given = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
    await hospital.services.identity.assign(SYSTEM, command(), me["id"], given)
    await until(lambda: board.audience == "clinical", WITHIN_S)
    async with hospital.engine.connect() as connection:
        joins = await connection.execute(
            text("SELECT detail->>'audience' FROM audit_log WHERE action = 'room.join' ORDER BY id")
        )
        assert list(joins.scalars()) == ["staff", "clinical"]


async def test_a_view_that_cannot_be_shown_now_is_revoked_as_passing(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old view is not this person's any more, the new one not to be had: asking again helps."""
    await ward("ICU", beds=1)
    both = await client_as(Role.NURSE, Role.RECEPTION, ward="ICU")
    board = await board_of(both, ROOM)

    async def away(*_: object) -> None:
        raise HmsError(Code.UNAVAILABLE, "the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(hospital.realtime.subscriptions, "_account", away)
        await take_away(hospital, both)
        await until(lambda: board.revoked is not None, WITHIN_S)
    assert board.revoked == "unavailable"
    await board.subscribe()
    assert (board.audience, board.refused) == ("staff", None)


@pytest.mark.parametrize("where", ["asking", "acting"])
async def test_a_fault_of_ours_while_rights_change_costs_the_connection_and_shows_nothing(
    where: str,
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM)

    async def fault(*_: object) -> None:
        raise ZeroDivisionError

    if where == "asking":
        monkeypatch.setattr(hospital.realtime.rights._authority, "current", fault)
    else:
        monkeypatch.setattr(hospital.realtime.subscriptions, "reconsider", fault)
    await take_away(hospital, nurse)
    await board.raw.hung_up(WITHIN_S)
    assert all(not view.subscribers for view in hospital.views.all())


async def test_many_changes_at_once_are_looked_at_few_times(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    (subscriber,) = hospital.realtime.pulse.everyone()
    current, asked = SessionAuthority.current, []

    async def counted(authority: SessionAuthority, principal: Principal) -> Principal | None:
        asked.append(principal)
        return await current(authority, principal)

    monkeypatch.setattr(SessionAuthority, "current", counted)
    for _ in range(100):
        hospital.rights.check(subscriber)
    await until(lambda: not hospital.rights._tasks)
    assert len(asked) == 1
    assert board.revoked is None
