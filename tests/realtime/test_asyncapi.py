"""The AsyncAPI document: complete, and true of what the server really sends."""

import json
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer
from jsonschema import Draft7Validator, Draft202012Validator

from hms_rt.app import Hospital
from hms_rt.config import Settings
from hms_rt.departments.identity.schemas import AssignmentIn, UserUpdate
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from tests.conftest import ClientFactory, WardFactory, command
from tests.realtime.conftest import RawFactory
from tests.realtime.raw import Raw, until

OFFICIAL = Path(__file__).with_name("asyncapi-3.0.0.json")
"""The specification's own schema; see the NOTICE beside it."""


def validator(document: dict[str, Any], schema: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    )


async def read(server: TestServer, client_as: ClientFactory) -> dict[str, Any]:
    answer = await (await client_as()).get("/asyncapi.json")
    assert answer.status == 200
    document: dict[str, Any] = await answer.json()
    return document


async def test_every_namespace_and_command_is_described_and_every_reference_leads_somewhere(
    hospital: Hospital, server: TestServer, client_as: ClientFactory
) -> None:
    document = await read(server, client_as)
    assert document["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in document["channels"].values()} == {
        namespace for namespace, _ in hospital.rooms.kinds
    }
    assert "opd.call_next" in document["operations"]

    def check(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found: Any = document
                for part in value["$ref"].removeprefix("#/").split("/"):
                    assert part in found, value["$ref"]
                    found = found[part]
            for item in value.values():
                check(item)
        elif isinstance(value, list):
            for item in value:
                check(item)

    check(document)


async def test_the_document_keeps_to_the_official_schema(
    server: TestServer, client_as: ClientFactory
) -> None:
    document = await read(server, client_as)
    official = Draft7Validator(json.loads(OFFICIAL.read_text()))
    assert [error.message for error in official.iter_errors(document)] == []
    document["operations"]["beds.change"]["action"] = "shout"
    assert not official.is_valid(document), "the schema looks at operations"


async def test_rooms_limits_and_answers_are_told(server: TestServer, client_as: ClientFactory) -> None:
    document = await read(server, client_as)
    rooms = {room["room"]: room for room in document["channels"]["beds"]["x-rooms"]}
    assert rooms["ward:{code}"]["audiences"] == ["clinical", "display", "staff"]
    assert rooms["hospital"]["parameters"] == []
    assert document["x-limits"]["message_bytes"] == 64 * 1024
    reply = document["operations"]["beds.change_bed"]["reply"]["messages"]
    assert [message["$ref"].rsplit("/", 1)[-1] for message in reply] == ["change_bed_done", "refused"]


async def test_what_the_server_sends_is_what_the_document_says(
    hospital: Hospital, server: TestServer, client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    document = await read(server, client_as)
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, Role.RECEPTION, ward="ICU")
    raw = await dial(nurse, "/beds")

    async def call(event: str, body: dict[str, Any], message: str) -> dict[str, Any]:
        told: dict[str, Any] = await raw.call("/beds", event, body)
        payload = document["channels"]["beds"]["messages"][message]["payload"]
        Draft202012Validator({**payload, "components": document["components"]}).validate(told)
        return told

    async def hear(event: str, schema: str, times: int = 1) -> None:
        await until(lambda: len(raw.events(event)) >= times, seconds=8)
        for body in raw.events(event):
            validator(document, schema).validate(body)

    joined = await call("subscribe", {"room": "ward:ICU"}, "joined")
    body = {"id": "1", "bed_id": str(bed.id), "status": "cleaning"}
    validator(document, "CommandEnvelope").validate(body)
    validator(document, "BedCommand").validate(body)
    await call("change_bed", body, "change_bed_done")
    await call("change_bed", {**body, "id": "2"}, "refused")
    await call("nothing", {}, "refused")
    await hear("change", "Change")
    since = {"epoch": joined["epoch"], "version": joined["version"]}
    resumed = await call("subscribe", {"room": "ward:ICU", "since": since}, "joined")
    assert resumed["mode"] == "resume"
    await call("subscribe", {"room": "hospital"}, "joined")
    await call("unsubscribe", {"room": "hospital"}, "done")
    await hear("heartbeat", "Heartbeat")

    await _rights_shrink(hospital, nurse, raw)
    await hear("snapshot", "Snapshot")
    await hear("revoked", "Revoked")
    await hospital.realtime.drain()
    await hear("going_away", "GoingAway")


async def _rights_shrink(hospital: Hospital, nurse: Any, raw: Raw) -> None:
    """First the clinical view of the ward goes, which leaves reception's; then the whole room."""
    me = (await (await nurse.get("/api/v1/auth/me")).json())["id"]
    given = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
    await hospital.services.identity.unassign(SYSTEM, command(), me, given)
    await until(lambda: bool(raw.events("snapshot")))
    assert raw.events("snapshot")[-1]["audience"] == "staff"
    await hospital.services.identity.update_user(SYSTEM, command(), me, UserUpdate(roles=[]))
    await until(lambda: bool(raw.events("revoked")))


async def test_connections_are_closed_with_the_codes_that_are_told(
    settings: Settings, server: TestServer, client_as: ClientFactory, dial: RawFactory
) -> None:
    told = (await read(server, client_as))["x-close-codes"]
    nurse = await client_as(Role.NURSE)
    codes = []
    for sent in (b"binary", '42/beds,1["x",{"a":"' + "x" * 70_000 + '"}]', "42/beds,1{"):
        raw = await dial(nurse, "/beds")
        await (raw.ws.send_bytes(sent) if isinstance(sent, bytes) else raw.ws.send_str(sent))
        await raw.hung_up()
        codes.append(str(raw.ws.close_code))
    assert codes == (["1003", "1009", "1008"] if settings.fastpath else ["1006", "1009", "1006"])
    assert set(codes) < set(told)
