"""Namespace ``/ipd`` over real sockets: the ward's medication, live, and giving it."""

import uuid
from typing import Any

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from tests.beds.test_channel import Heard
from tests.conftest import ClientFactory, SocketFactory
from tests.ipd.medication import Ward
from tests.pharmacy.conftest import line

IPD = "/ipd"


async def test_a_dose_given_leaves_every_screen_of_the_ward(
    icu: Ward, hospital: Hospital, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    often = {"kind": "as_needed", "max_per_24h": 1}
    await icu.prescribe(line(frequency={"kind": "once"}))
    needed = await icu.prescribe(line("PARA-SYR", "240", frequency=often))
    (due,) = await icu.doses()
    doctor = await socket_of(await client_as(Role.DOCTOR, ward="ICU"), IPD)
    nurse = await socket_of(await client_as(Role.NURSE, ward="ICU"), IPD)
    heard = Heard(doctor, IPD)
    joined = await doctor.call("subscribe", {"room": "ward:ICU"}, namespace=IPD)
    assert (joined["ok"], joined["audience"]) == (True, "clinical")
    assert set(joined["state"]) == {f"dose:{due.id}", f"as_needed:{needed.lines[0].id}", "sum"}
    body = {"id": "k1", "dose_id": str(due.id), "outcome": "given"}
    given = await nurse.call("administer", body, namespace=IPD)
    assert (given["ok"], given["result"]["amount"]) == (True, "500")
    assert await nurse.call("administer", body, namespace=IPD) == given, "a retry does it once"
    ops = (await heard.next("change"))["ops"]
    assert [(op["op"], op["cause"]) for op in ops] == [("remove", "administered"), ("put", "count")]
    assert ops[1]["value"] == {"due": 0, "overdue": 0}
    denied = await doctor.call("administer", {**body, "id": "k2"}, namespace=IPD)
    assert denied["error"]["code"] == "forbidden"
    more: dict[str, Any] = {"line_id": str(needed.lines[0].id)}
    for _ in range(2):
        last = await nurse.call("administer_as_needed", {"id": str(uuid.uuid4()), **more}, namespace=IPD)
    assert last["error"]["code"] == "conflict"


async def test_the_room_is_for_those_who_treat_there(
    icu: Ward, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    async def joins(role: Role, at: str) -> str:
        socket = await socket_of(await client_as(role, ward=at), IPD)
        answer = await socket.call("subscribe", {"room": "ward:ICU"}, namespace=IPD)
        return str(answer.get("audience") or answer["error"]["code"])

    assert await joins(Role.NURSE, "ICU") == "clinical"
    assert await joins(Role.PHARMACY, "MED") == "staff"  # restricted patients are masked for it
    assert await joins(Role.NURSE, "MED") == "forbidden"
    assert await joins(Role.RECEPTION, "ICU") == "forbidden"
    assert await joins(Role.ADMIN, "ICU") == "forbidden"
