"""The AsyncAPI document: complete, and true of what the server really sends."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestServer
from jsonschema import Draft202012Validator

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory, SocketFactory, WardFactory


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


async def test_what_the_server_sends_is_what_the_document_says(
    server: TestServer, client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    document = await read(server, client_as)
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    socket = await socket_of(nurse, "/beds")
    heard: dict[str, asyncio.Queue[Any]] = {event: asyncio.Queue() for event in ("change", "heartbeat")}
    for event, queue in heard.items():
        socket.on(event, queue.put_nowait, namespace="/beds")

    joined = await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    validator(document, "Joined").validate(joined)
    body = {"id": "1", "bed_id": str(bed.id), "status": "cleaning"}
    validator(document, "CommandEnvelope").validate(body)
    validator(document, "BedCommand").validate(body)
    validator(document, "Done").validate(await socket.call("change_bed", body, namespace="/beds"))
    refused = await socket.call("change_bed", {**body, "id": "2"}, namespace="/beds")
    validator(document, "Refused").validate(refused)
    validator(document, "Change").validate(await asyncio.wait_for(heard["change"].get(), 5))
    since = {"epoch": joined["epoch"], "version": joined["version"]}
    resumed = await socket.call("subscribe", {"room": "ward:ICU", "since": since}, namespace="/beds")
    assert resumed["mode"] == "resume"
    validator(document, "Joined").validate(resumed)
    validator(document, "Heartbeat").validate(await asyncio.wait_for(heard["heartbeat"].get(), 7))
