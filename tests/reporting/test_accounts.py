"""Service accounts: secrets that follow each other, an end, addresses, and being shut out at once."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from aiohttp.test_utils import TestServer
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital, Stores
from hms_rt.departments.reporting.model.scopes import narrowed, reach
from hms_rt.departments.reporting.schemas.accounts import AccountNew, AccountUpdate
from hms_rt.departments.reporting.service import accounts as service
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import ClientFactory, command
from tests.reporting.conftest import Query, ReaderFactory, connected


async def test_two_secrets_work_while_one_follows_the_other(
    services: Services, reader: ReaderFactory, query: Query
) -> None:
    server = await reader("beds")
    account_id, first = server.made.account.id, server.token
    second = await services.reporting.issue_secret(SYSTEM, command(), account_id)
    with pytest.raises(HmsError, match="two secrets"):
        await services.reporting.issue_secret(SYSTEM, command(), account_id)
    for token in (first, second.token):
        server.token = token
        assert (await server.get()).status == 200
    await services.reporting.revoke_secret(SYSTEM, command(), account_id, server.made.secret_id)
    assert (await server.get()).status == 200
    server.token = first
    assert (await server.get()).problem["code"] == "unauthenticated"
    kept = await query(
        "SELECT digest, a::text AS row FROM reporting_secret s JOIN reporting_account a ON true"
    )
    assert all(first not in str(row) and len(row.digest) == 32 for row in kept)
    shown = await services.reporting.get_account(SYSTEM, account_id)
    assert [secret.id for secret in shown.secrets] == [second.secret_id]
    assert shown.last_used_from == "127.0.0.1"


async def test_whoever_is_shut_out_gets_nothing_more_even_while_waiting(
    services: Services, reader: ReaderFactory, stores: Stores, query: Query
) -> None:
    server = await reader("beds")
    _, after = await server.follow()
    waiting = asyncio.create_task(server.get(after=after, wait=30))
    await asyncio.sleep(0.1)
    revoked = await services.reporting.revoke_account(SYSTEM, command(), server.made.account.id)
    assert revoked.secrets == []
    async with connected(stores) as writer:
        await writer.write("beds/ward:S1")
    assert (await waiting).problem["code"] == "unauthenticated"
    assert (await server.get()).problem["code"] == "unauthenticated"
    with pytest.raises(HmsError) as refused:
        await services.reporting.issue_secret(SYSTEM, command(), server.made.account.id)
    assert refused.value.code is Code.CONFLICT
    for sql in (
        "UPDATE reporting_account SET revoked_at = NULL",
        "UPDATE reporting_secret SET revoked_at = NULL",
    ):
        with pytest.raises(IntegrityError, match="stays revoked"):
            await query(sql)


async def test_an_account_ends_and_comes_from_where_it_may(
    services: Services,
    reader: ReaderFactory,
    clock: ManualClock,
    query: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await reader("beds", networks=["127.0.0.0/8"])
    account = server.made.account
    assert (await server.get()).status == 200
    elsewhere = AccountUpdate(networks=["10.1.0.0/16"])
    await services.reporting.change_account(SYSTEM, command(expected_version=1), account.id, elsewhere)
    refused = await server.get()
    assert (refused.status, refused.problem["code"]) == (403, "forbidden")
    denied = await query("SELECT address, principal_kind FROM audit_log WHERE outcome = 'denied'")
    assert [tuple(row) for row in denied] == [("127.0.0.1", "service")]
    anywhere = AccountUpdate(networks=[], streams=["opd"])
    changed = await services.reporting.change_account(
        SYSTEM, command(expected_version=2), account.id, anywhere
    )
    assert (changed.streams, changed.version) == (["opd"], 3)
    assert (await server.get(streams="beds")).problem["code"] == "forbidden"

    monkeypatch.setattr(service, "_LIMIT", type(service._LIMIT)(3))
    statuses = [(await server.get()).status for _ in range(9)]
    assert set(statuses) == {200, 429}
    monkeypatch.undo()
    clock.advance(timedelta(days=364))
    assert (await server.get()).status == 200
    clock.advance(timedelta(days=2))
    assert (await server.get()).status == 401
    with pytest.raises(HmsError, match="expires_at"):
        await reader("beds", expires_at=clock.now() + timedelta(days=800))


async def test_a_secret_opens_no_socket_and_no_other_door_and_no_cookie_helps_a_wrong_one(
    server: TestServer, reader: ReaderFactory, client_as: ClientFactory
) -> None:
    external, admin = await reader("beds"), await client_as(Role.ADMIN)
    headers = {"Authorization": f"Bearer {external.token}"}
    async with ClientSession() as session:
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(
                server.make_url("/socket.io/?EIO=4&transport=websocket"), headers=headers
            )
    assert refused.value.status == 401
    me = await admin.get("/api/v1/auth/me", headers=headers)
    assert (await me.json())["permissions"] == {"changes.read": "own"}
    wrong = {"Authorization": f"Bearer {external.token}x"}
    assert (await admin.get("/api/v1/users", headers=wrong)).status == 401
    assert (await admin.get("/api/v1/users", headers={"Authorization": "Basic eDp5"})).status == 200
    changed = await admin.post(
        "/api/v1/auth/password", json={"password": "staple battery horse correct"}, headers=headers
    )
    assert changed.status in {403, 404}


async def test_what_is_said_of_an_account_is_checked(
    services: Services, hospital: Hospital, query: Query
) -> None:
    for wrong in ({"streams": ["bedss"]}, {"streams": ["beds/ward:X", "identity/rights"]}):
        new = AccountNew.model_validate({"name": "R", "purpose": "figures", **wrong})
        with pytest.raises(HmsError, match="is none"):
            await services.reporting.create_account(SYSTEM, command(), new)
    cases: list[dict[str, list[str]]] = [
        {"networks": ["10.0.0.1/8"]},
        {"streams": []},
        {"streams": ["beds", "beds"]},
    ]
    for unfit in cases:
        with pytest.raises(ValueError, match=r"at least 1 item|twice|host bits"):
            AccountNew.model_validate({"name": "R", "purpose": "figures", "streams": ["beds"], **unfit})
    good = AccountNew(name="Reports", purpose="figures", streams=["beds"])
    made = await services.reporting.create_account(SYSTEM, command(), good)
    with pytest.raises(HmsError, match="name is in use"):
        await services.reporting.create_account(SYSTEM, command(), good)
    with pytest.raises(IntegrityError, match="reporting_secret_slot_key"):
        await query(
            "INSERT INTO reporting_secret"
            " SELECT gen_random_uuid(), account_id, slot, sha256('x'), now(), NULL"
            " FROM reporting_secret WHERE account_id = :id",
            id=made.account.id,
        )


def test_a_scope_reaches_what_lies_within_it() -> None:
    kinds = ["beds/ward", "beds/hospital", "opd/clinic"]
    everything = reach(["beds"], kinds)
    assert everything.holds("beds/ward:ICU")
    assert everything.holds("beds/hospital")
    assert not everything.holds("opd/clinic:GEN")
    one = reach(["beds/ward:ICU"], kinds)
    assert one.holds("beds/ward:ICU")
    assert not one.holds("beds/ward:ICU2")
    assert narrowed(["beds"], ["beds/ward:ICU"]) == ("beds/ward:ICU",)
    for beyond in ("beds", "beds/ward2", "opd"):
        with pytest.raises(HmsError):
            narrowed(["beds/ward"], [beyond])
