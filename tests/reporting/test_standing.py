"""How far external servers have read, as whoever watches the installation sees it."""

from datetime import timedelta

from rich.console import Console

from hms_rt.app import Hospital, Stores
from hms_rt.cli.top import screen
from hms_rt.departments.reporting.model.webhook import WebhookMove
from hms_rt.departments.reporting.schemas.webhooks import WebhookNew
from hms_rt.kernel.clock import ManualClock, SystemClock
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import ClientFactory, command
from tests.reporting.conftest import Query, ReaderFactory, connected


async def test_readers_are_shown_with_what_they_have_still_to_read(
    hospital: Hospital,
    reader: ReaderFactory,
    stores: Stores,
    clock: ManualClock,
    query: Query,
    client_as: ClientFactory,
) -> None:
    clock.advance(SystemClock().now() - clock.now())  # PostgreSQL's
    reporting = hospital.services.reporting
    server = await reader("beds", name="Figures")
    wanted = {
        "account_id": server.made.account.id,
        "url": "https://93.184.216.34/",
        "streams": ["beds/hospital"],
    }
    made = await reporting.create_webhook(SYSTEM, command(), WebhookNew.model_validate(wanted))
    await reporting.move_webhook(SYSTEM, command(), made.webhook.id, WebhookMove.PAUSE)
    feed, hook = await reporting.readers()
    assert (feed.last_read_at, feed.behind, feed.lag_s, feed.state) == (None, 0, 0, "active")
    async with connected(stores) as writer:
        await writer.write("beds/ward:A")
        assert len((await server.follow())[0]) > 0
        for _ in range(3):
            await writer.write("beds/ward:A", "opd/clinic:GEN")
        await writer.write("beds/hospital")
    feed, hook = await reporting.readers()
    assert (feed.name, feed.behind, hook.behind, hook.state) == ("Figures", 4, 1, "paused")
    assert feed.last_read_at is not None
    assert 0 <= feed.lag_s < 60
    await server.follow()
    dead = "UPDATE reporting_webhook SET state = 'dead', pending = jsonb_build_object('id', id, 'kind',"
    await query(dead + " 'changes', 'to', cursor, 'at', '2026-01-01T00:00:00Z', 'reason', NULL)")
    feed, hook = await reporting.readers()
    assert (feed.behind, feed.lag_s, hook.dead_letters, hook.state) == (0, 0, 1, "dead")
    await query("UPDATE stream_epoch SET epoch = gen_random_uuid(), era = era + 1")
    clock.advance(timedelta(days=400))
    assert [one.state for one in await reporting.readers()] == ["start_over", "start_over"]

    await hospital._look_at_readers()
    await hospital.vitals._look()
    answer = await (await client_as(Role.ADMIN)).get("/api/v1/status")
    told = await answer.json()
    assert [one["name"] for one in told["readers"]] == ["Figures", "Figures"]
    console = Console(record=True, width=140)
    console.print(screen(await hospital.vitals.installation(), 140))
    assert "External servers" in console.export_text()
    await reporting.revoke_account(SYSTEM, command(), server.made.account.id)
    assert await reporting.readers() == []
