"""REST of the audit trail."""

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory


async def test_an_administrator_reads_the_trail_and_checks_its_seals(
    client_as: ClientFactory, hospital: Hospital
) -> None:
    admin = await client_as(Role.ADMIN)
    await hospital.services.audit.seal()
    answer = await admin.get(
        "/api/v1/audit", params={"action": "identity.", "from": "2020-01-01T00:00:00Z", "limit": "1"}
    )
    page = await answer.json()
    assert (answer.status, len(page["items"])) == (200, 1)
    assert page["items"][0]["action"].startswith("identity.")
    report = await (await admin.get("/api/v1/audit/seal")).json()
    assert (report["broken"], report["last_seal"], len(report["last_digest"])) == (None, 1, 64)


async def test_odd_queries_are_refused_and_others_may_not_look(client_as: ClientFactory) -> None:
    admin, nurse = await client_as(Role.ADMIN), await client_as(Role.NURSE)
    for query in ("from=yesterday", "since=2020-01-01T00:00:00Z", "cursor=AAAA", "action=%25"):
        assert (await admin.get(f"/api/v1/audit?{query}")).status == 422, query
    assert (await nurse.get("/api/v1/audit")).status == 403
