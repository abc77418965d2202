"""Signing in, refreshing, accounts and screens on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.departments.identity.schemas import (
    AssignmentIn,
    DeviceNew,
    PasswordChange,
    UserNew,
    UserQuery,
    UserUpdate,
)
from hms_rt.departments.identity.service import IdentityService
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Principal, PrincipalKind, Role
from hms_rt.security.tokens import AccessTokens
from tests.identity.conftest import PASSWORD, Staff, command, credentials

ChangesOf = Callable[[], Awaitable[list[str]]]
WARD = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")


async def refused(code: Code, doing: Awaitable[object]) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


async def audited(engine: AsyncEngine, action: str, outcome: str = "allowed") -> int:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM audit_log WHERE action = :action AND outcome = :outcome"),
            {"action": action, "outcome": outcome},
        )
        return int(found.scalar_one())


async def test_a_nurse_signs_in_and_the_session_knows_her_rights(
    identity: IdentityService, staff: Staff, tokens: AccessTokens, engine: AsyncEngine
) -> None:
    nurse = await staff.hire("Nina", Role.NURSE)
    await identity.assign(SYSTEM, command(), nurse.id, WARD)
    before = await audited(engine, "identity.login")
    signed_in = await identity.login(command(), credentials(" NINA "))
    assert await audited(engine, "identity.login") == before + 1
    claims = tokens.verify(signed_in.access_token)
    principal = await identity.principal_of(claims.session_id, claims.kind)
    assert principal.until is not None
    assert replace(principal, until=None) == signed_in.principal
    assert principal.roles == {Role.NURSE}
    assert principal.assigned(AssignmentKind.WARD, "ICU")
    assert claims.rights_version == principal.rights_version == 2


async def test_wrong_password_unknown_name_and_closed_account_answer_alike(
    identity: IdentityService, staff: Staff, engine: AsyncEngine
) -> None:
    await staff.hire("nina", Role.NURSE)
    gone = await staff.hire("gone", Role.NURSE)
    await identity.update_user(SYSTEM, command(), gone.id, UserUpdate(active=False))
    before = await audited(engine, "identity.login_failed")
    answers = {
        (await refused(Code.UNAUTHENTICATED, identity.login(command(), login))).detail
        for login in (credentials("nina", "wrong"), credentials("nobody"), credentials("gone"))
    }
    assert len(answers) == 1
    assert await audited(engine, "identity.login_failed") == before + 3


async def test_the_sixth_guess_in_a_minute_is_not_looked_at(identity: IdentityService, staff: Staff) -> None:
    await staff.hire("nina", Role.NURSE)
    for _ in range(5):
        await refused(Code.UNAUTHENTICATED, identity.login(command(), credentials("nina", "guess")))
    limited = await refused(Code.RATE_LIMITED, identity.login(command(), credentials("nina")))
    assert limited.retry_after_ms


async def test_signing_in_often_is_not_guessing(identity: IdentityService, staff: Staff) -> None:
    await staff.hire("nina", Role.NURSE)
    for _ in range(8):
        await identity.login(command(), credentials("nina"))


async def test_refreshing_replaces_the_token_and_keeps_the_session(
    identity: IdentityService, staff: Staff, clock: ManualClock
) -> None:
    await staff.hire("nina", Role.NURSE)
    first = await identity.login(command(), credentials("nina"))
    clock.advance(timedelta(minutes=9))
    second = await identity.refresh(command(), first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.principal == first.principal
    clock.advance(timedelta(minutes=9))
    await identity.refresh(command(), second.refresh_token)


async def test_two_tabs_refresh_at_once_and_both_go_on(identity: IdentityService, staff: Staff) -> None:
    await staff.hire("nina", Role.NURSE)
    first = await identity.login(command(), credentials("nina"))
    both = await asyncio.gather(*(identity.refresh(command(), first.refresh_token) for _ in range(4)))
    assert len({tab.refresh_token for tab in both}) == 1
    await identity.refresh(command(), both[0].refresh_token)


async def test_a_stolen_refresh_token_ends_the_session_for_both(
    identity: IdentityService, staff: Staff, clock: ManualClock, changes_of: ChangesOf
) -> None:
    await staff.hire("nina", Role.NURSE)
    first = await identity.login(command(), credentials("nina"))
    second = await identity.refresh(command(), first.refresh_token)
    clock.advance(timedelta(seconds=11))
    await refused(Code.UNAUTHENTICATED, identity.refresh(command(), first.refresh_token))
    await refused(Code.UNAUTHENTICATED, identity.refresh(command(), second.refresh_token))
    session_id = first.principal.session_id
    await refused(Code.UNAUTHENTICATED, identity.principal_of(session_id, PrincipalKind.USER))
    assert (await changes_of())[-1] == str(session_id)


async def test_twelve_hours_are_the_end(
    identity: IdentityService, staff: Staff, clock: ManualClock, changes_of: ChangesOf
) -> None:
    await staff.hire("nina", Role.NURSE)
    signed_in = await identity.login(command(), credentials("nina"))
    session_id = signed_in.principal.session_id
    clock.advance(timedelta(hours=12))
    await refused(Code.UNAUTHENTICATED, identity.principal_of(session_id, PrincipalKind.USER))
    await refused(Code.UNAUTHENTICATED, identity.refresh(command(), signed_in.refresh_token))
    await identity.expire_sessions(command())
    assert (await changes_of())[-1] == str(session_id)


@pytest.mark.parametrize("token", [None, "", "x", "00000000000000000000000000000000.x", "é.\x00"])
async def test_rubbish_does_not_refresh(identity: IdentityService, token: str | None) -> None:
    await refused(Code.UNAUTHENTICATED, identity.refresh(command(), token))
    await identity.logout_by_token(command(), token)


async def test_signing_out_ends_this_session_only(
    identity: IdentityService, staff: Staff, changes_of: ChangesOf
) -> None:
    await staff.hire("nina", Role.NURSE)
    here, there = [await identity.login(command(), credentials("nina")) for _ in range(2)]
    await identity.logout(here.principal, command())
    assert (await changes_of())[-1] == str(here.principal.session_id)
    await refused(Code.UNAUTHENTICATED, identity.principal_of(here.principal.session_id, PrincipalKind.USER))
    await identity.principal_of(there.principal.session_id, PrincipalKind.USER)
    await identity.logout_by_token(command(), there.refresh_token)
    await refused(Code.UNAUTHENTICATED, identity.principal_of(there.principal.session_id, PrincipalKind.USER))


async def test_only_administrators_manage_accounts_and_a_denial_is_audited(
    identity: IdentityService, staff: Staff, engine: AsyncEngine
) -> None:
    nurse = await staff.signed_in("nina", Role.NURSE)
    other = await staff.hire("otto", Role.NURSE)
    new = UserNew.model_validate({"username": "x", "display_name": "X", "password": PASSWORD})
    before = await audited(engine, "identity.test", "denied")
    for doing in (
        identity.create_user(nurse, command(), new),
        identity.update_user(nurse, command(), other.id, UserUpdate(roles=frozenset({Role.ADMIN}))),
        identity.assign(nurse, command(), other.id, WARD),
        identity.unassign(nurse, command(), other.id, WARD),
        identity.set_password(
            nurse, command(), other.id, PasswordChange.model_validate({"password": PASSWORD})
        ),
        identity.create_device(nurse, command(), DeviceNew(name="x", rooms=["/beds ward:ICU"])),
    ):
        await refused(Code.FORBIDDEN, doing)
    assert await audited(engine, "identity.test", "denied") == before + 6
    await refused(Code.FORBIDDEN, identity.list_users(nurse, UserQuery()))
    await refused(Code.FORBIDDEN, identity.get_user(nurse, other.id))
    await refused(Code.FORBIDDEN, identity.list_devices(nurse, PageQuery()))


async def test_an_administrator_gives_nothing_to_herself(identity: IdentityService, staff: Staff) -> None:
    admin = await staff.signed_in("ada", Role.ADMIN)
    await staff.hire("eve", Role.ADMIN)
    await refused(Code.FORBIDDEN, identity.assign(admin, command(), admin.id, WARD))
    both = frozenset({Role.ADMIN, Role.DOCTOR})
    await refused(Code.FORBIDDEN, identity.update_user(admin, command(), admin.id, UserUpdate(roles=both)))
    renamed = await identity.update_user(admin, command(), admin.id, UserUpdate(display_name="Ada L."))
    assert renamed.display_name == "Ada L."


async def test_a_username_is_taken_whatever_its_case(identity: IdentityService, staff: Staff) -> None:
    await staff.hire("nina", Role.NURSE)
    with pytest.raises(HmsError, match="taken"):
        await staff.hire("NINA", Role.NURSE)


async def test_a_weak_password_is_refused(identity: IdentityService) -> None:
    new = UserNew.model_validate({"username": "x", "display_name": "X", "password": "short"})
    await refused(Code.INVALID, identity.create_user(SYSTEM, command(), new))


async def test_changed_rights_count_at_once_and_are_told(
    identity: IdentityService, staff: Staff, changes_of: ChangesOf
) -> None:
    nurse = await staff.signed_in("nina", Role.NURSE)
    out = await identity.assign(SYSTEM, command(), nurse.id, WARD)
    again = await identity.assign(SYSTEM, command(), nurse.id, WARD)
    assert out.version == again.version == 2
    assert (await changes_of())[-1] == str(nurse.id)
    now = await identity.principal_of(nurse.session_id, PrincipalKind.USER)
    assert now.assigned(AssignmentKind.WARD, "ICU")
    assert now.rights_version > nurse.rights_version
    await identity.unassign(SYSTEM, command(), nurse.id, WARD)
    now = await identity.principal_of(nurse.session_id, PrincipalKind.USER)
    assert not now.assignments
    await refused(Code.NOT_FOUND, identity.unassign(SYSTEM, command(), nurse.id, WARD))


async def test_a_stale_edit_is_refused(identity: IdentityService, staff: Staff) -> None:
    nurse = await staff.hire("nina", Role.NURSE)
    renamed = UserUpdate(display_name="Nina N.")
    await identity.update_user(SYSTEM, command(expected_version=1), nurse.id, renamed)
    stale = command(expected_version=1)
    await refused(Code.STALE_VERSION, identity.update_user(SYSTEM, stale, nurse.id, UserUpdate(active=False)))


async def test_closing_an_account_ends_its_sessions(identity: IdentityService, staff: Staff) -> None:
    nurse = await staff.signed_in("nina", Role.NURSE)
    await identity.update_user(SYSTEM, command(), nurse.id, UserUpdate(active=False))
    await identity.update_user(SYSTEM, command(), nurse.id, UserUpdate(active=True))
    await refused(Code.UNAUTHENTICATED, identity.principal_of(nurse.session_id, PrincipalKind.USER))


async def test_two_administrators_cannot_remove_each_other(identity: IdentityService, staff: Staff) -> None:
    ada, eve = await staff.signed_in("ada", Role.ADMIN), await staff.signed_in("eve", Role.ADMIN)
    off = UserUpdate(active=False)
    outcomes = await asyncio.gather(
        identity.update_user(ada, command(), eve.id, off),
        identity.update_user(eve, command(), ada.id, off),
        return_exceptions=True,
    )
    codes = [o.code for o in outcomes if isinstance(o, HmsError)]
    assert codes == [Code.CONFLICT]


async def test_changing_ones_password_takes_the_current_one_and_ends_the_other_sessions(
    identity: IdentityService, staff: Staff
) -> None:
    here = await staff.signed_in("nina", Role.NURSE)
    there = (await identity.login(command(), credentials("nina"))).principal
    fresh = {"password": "another horse battery"}
    for body in (fresh, {**fresh, "current_password": "wrong"}):
        change = PasswordChange.model_validate(body)
        await refused(Code.INVALID, identity.set_password(here, command(), here.id, change))
    change = PasswordChange.model_validate({**fresh, "current_password": PASSWORD})
    await identity.set_password(here, command(), here.id, change)
    await identity.principal_of(here.session_id, PrincipalKind.USER)
    await refused(Code.UNAUTHENTICATED, identity.principal_of(there.session_id, PrincipalKind.USER))
    await refused(Code.UNAUTHENTICATED, identity.login(command(), credentials("nina")))
    await identity.login(command(), credentials("nina", "another horse battery"))


async def test_a_repeated_command_opens_one_account(identity: IdentityService, staff: Staff) -> None:
    admin = await staff.signed_in("ada", Role.ADMIN)
    new = UserNew.model_validate({"username": "nina", "display_name": "Nina", "password": PASSWORD})
    once = command(key="k1", fingerprint=b"f")
    first = await identity.create_user(admin, once, new)
    assert await identity.create_user(admin, once, new) == first


async def test_a_repeated_change_of_ones_password_proves_what_was_current_before(
    engine: AsyncEngine, identity: IdentityService, staff: Staff
) -> None:
    here = await staff.signed_in("nina", Role.NURSE)
    fresh = {"password": "another horse battery", "current_password": PASSWORD}
    change = PasswordChange.model_validate(fresh)
    once = command(key="k1", fingerprint=b"a plain digest of the password")
    for _ in range(2):
        await identity.set_password(here, once, here.id, change)
    await refused(Code.INVALID, identity.set_password(here, command(), here.id, change))
    async with engine.connect() as connection:
        stored = await connection.execute(text("SELECT fingerprint FROM idempotency WHERE key = 'k1'"))
        assert bytes(stored.scalar_one()) != once.fingerprint


async def test_accounts_are_listed_page_by_page(identity: IdentityService, staff: Staff) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await staff.hire(name, Role.NURSE if name != "e" else Role.ADMIN)
    seen: list[str] = []
    cursor = None
    while True:
        page = await identity.list_users(SYSTEM, UserQuery(limit=2, cursor=cursor, role=Role.NURSE))
        seen += [user.username for user in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["a", "b", "c", "d"]


async def test_departments_find_the_people_of_a_place(
    identity: IdentityService, staff: Staff, engine: AsyncEngine
) -> None:
    nina, otto, dora, _gone = [
        await staff.hire(name, role)
        for name, role in (
            ("nina", Role.NURSE),
            ("otto", Role.NURSE),
            ("dora", Role.DOCTOR),
            ("x", Role.NURSE),
        )
    ]
    for user, kind, place in (
        (nina, AssignmentKind.WARD, "ICU"),
        (otto, AssignmentKind.CHARGE_NURSE, "ICU"),
        (dora, AssignmentKind.WARD, "ICU"),
        (dora, AssignmentKind.ON_CALL, "GEN"),
        (_gone, AssignmentKind.WARD, "ICU"),
    ):
        await identity.assign(SYSTEM, command(), user.id, AssignmentIn(kind=kind, place=place))
    await identity.update_user(SYSTEM, command(), _gone.id, UserUpdate(active=False))
    async with engine.connect() as connection:

        async def found(**asked: object) -> set[str]:
            refs = await identity.users_with(connection, **asked)  # type: ignore[arg-type]
            return {ref.display_name for ref in refs}

        assert await found(ward="ICU", roles=[Role.NURSE]) == {"Nina", "Otto"}
        assert await found(ward="ICU") == {"Nina", "Otto", "Dora"}
        assert await found(ward="ICU", assignment_kind=AssignmentKind.CHARGE_NURSE) == {"Otto"}
        assert await found(clinic="GEN") == {"Dora"}
        assert await found(assignment_kind=AssignmentKind.ON_CALL) == {"Dora"}
        assert await found(ward="SURG") == set()
        assert await identity.names_of(connection, [nina.id, SYSTEM.id]) == {nina.id: "Nina"}


def token_of(path: str) -> str:
    return path.removeprefix("/enrol/")


async def test_a_link_makes_a_screen_once(identity: IdentityService, tokens: AccessTokens) -> None:
    made = await identity.create_device(SYSTEM, command(), DeviceNew(name="Board", rooms=["/beds ward:ICU"]))
    screen = await identity.enrol_device(command(), token_of(made.path))
    assert screen.screen == "/screens/ward/ICU"
    claims = tokens.verify(screen.access_token)
    principal = await identity.principal_of(claims.session_id, PrincipalKind.DEVICE)
    assert principal.kind is PrincipalKind.DEVICE
    assert principal.rooms == {"/beds ward:ICU"}
    await refused(Code.UNAUTHENTICATED, identity.enrol_device(command(), token_of(made.path)))
    await refused(Code.UNAUTHENTICATED, identity.enrol_device(command(), "rubbish"))
    await refused(Code.UNAUTHENTICATED, identity.principal_of(claims.session_id, PrincipalKind.USER))


async def test_a_link_expires(identity: IdentityService, clock: ManualClock) -> None:
    made = await identity.create_device(SYSTEM, command(), DeviceNew(name="Board", rooms=["/beds ward:ICU"]))
    clock.advance(timedelta(hours=24))
    await refused(Code.UNAUTHENTICATED, identity.enrol_device(command(), token_of(made.path)))


async def test_two_browsers_open_one_link_and_one_becomes_the_screen(identity: IdentityService) -> None:
    made = await identity.create_device(SYSTEM, command(), DeviceNew(name="Board", rooms=["/beds ward:ICU"]))
    token = token_of(made.path)
    outcomes = await asyncio.gather(
        *(identity.enrol_device(command(), token) for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_replaced_screen_shuts_out_the_old_one_when_it_enrols(
    identity: IdentityService, changes_of: ChangesOf
) -> None:
    made = await identity.create_device(SYSTEM, command(), DeviceNew(name="Board", rooms=["/beds ward:ICU"]))
    old = (await identity.enrol_device(command(), token_of(made.path))).principal
    link = await identity.relink_device(SYSTEM, command(), made.device.id)
    await identity.principal_of(old.session_id, PrincipalKind.DEVICE)
    new = (await identity.enrol_device(command(), token_of(link.path))).principal
    assert (await changes_of())[-1] == str(old.session_id)
    await refused(Code.UNAUTHENTICATED, identity.principal_of(old.session_id, PrincipalKind.DEVICE))
    await identity.principal_of(new.session_id, PrincipalKind.DEVICE)


async def test_a_revoked_screen_is_out_for_good_and_its_name_is_free(
    identity: IdentityService, changes_of: ChangesOf
) -> None:
    new = DeviceNew(name="Board", rooms=["/beds ward:ICU"])
    made = await identity.create_device(SYSTEM, command(), new)
    with pytest.raises(HmsError, match="in use"):
        await identity.create_device(SYSTEM, command(), new)
    screen = (await identity.enrol_device(command(), token_of(made.path))).principal
    await identity.revoke_device(SYSTEM, command(), made.device.id)
    assert (await changes_of())[-1] == str(screen.id)
    await refused(Code.UNAUTHENTICATED, identity.principal_of(screen.session_id, PrincipalKind.DEVICE))
    await refused(Code.CONFLICT, identity.relink_device(SYSTEM, command(), made.device.id))
    await identity.create_device(SYSTEM, command(), new)
    listed = await identity.list_devices(SYSTEM, PageQuery())
    assert [device.enrolled for device in listed.items] == [False, False]


async def test_a_repeated_command_answers_the_same_link_and_stores_none(
    identity: IdentityService, staff: Staff, engine: AsyncEngine
) -> None:
    admin = await staff.signed_in("ada", Role.ADMIN)
    once = command(key="k1", fingerprint=b"f")
    new = DeviceNew(name="Board", rooms=["/beds ward:ICU"])
    first = await identity.create_device(admin, once, new)
    assert (await identity.create_device(admin, once, new)).path == first.path
    async with engine.connect() as connection:
        stored = (await connection.execute(text("SELECT answer::text FROM idempotency"))).scalar_one()
    assert token_of(first.path) not in stored


def test_me_tells_what_is_allowed(identity: IdentityService) -> None:
    principal = Principal(PrincipalKind.USER, SYSTEM.id, SYSTEM.id, "Nina", roles=frozenset({Role.NURSE}))
    me = identity.me(principal)
    assert me.permissions["bed.status"] == "own"
    assert "users" not in me.permissions
