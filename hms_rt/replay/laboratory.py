"""Laboratory rows: one order for a case and moment, then every test on its own way to release."""

import asyncio
import time
import zlib

from hms_rt.kernel.principal import Role
from hms_rt.replay.case import Scene, SkippedError
from hms_rt.replay.client import RefusedError
from hms_rt.replay.log import Row
from hms_rt.replay.mapping import Lab, Stage, fill
from hms_rt.replay.visits import ensure_visit

LOOK_S = 0.3
"""Pause between two looks at an alert that nobody answers."""


async def play_tests(scene: Scene) -> None:
    """The stages of these rows. What the laboratory refuses of one row stays with that row."""
    await ensure_visit(scene)
    actions = [action for (action, *_) in scene.batch.actions if isinstance(action, Lab)]
    rows = list(zip(scene.batch.rows, actions, strict=True))
    stages = actions[0].stages
    if Stage.ORDER in stages:
        await _order(scene, [fill(action.test, row.values) for row, action in rows], actions[0])
    if Stage.COLLECT in stages:
        await _collect(scene)
    for row, action in rows:
        try:
            await _each(scene, row, action)
        except RefusedError as refused:
            scene.refusals[row.number] = refused


async def _order(scene: Scene, tests: list[str], action: Lab) -> None:
    case = scene.case
    place = {"ward": case.ward} if case.ward is not None else {"clinic": case.clinic}
    body = {
        "patient_id": case.patient_id,
        "tests": tests,
        "priority": scene.text(action.priority) or "routine",
        **place,
    }
    case.order = await scene.do(Role.DOCTOR, "/lab/orders", body, step="order")
    case.tests.update({test["test"]: test["id"] for test in case.order["tests"]})


async def _collect(scene: Scene) -> None:
    """One specimen of each kind that the order needs, taken by the nurse and received by the laboratory."""
    order = scene.case.order
    if order is None:
        raise SkippedError("no test was ordered for this case")
    for kind in sorted({test["specimen_kind"] for test in order["tests"]}):
        path = f"/lab/orders/{order['id']}/specimens"
        specimen = await scene.do(Role.NURSE, path, {"kind": kind}, step=f"collect:{kind}")
        receive = f"/lab/specimens/{specimen['id']}/receive"
        await scene.do(Role.LAB, receive, step=f"receive:{kind}")


async def _each(scene: Scene, row: Row, action: Lab) -> None:
    code = fill(action.test, row.values)
    test_id = scene.case.tests.get(code)
    if test_id is None:
        raise RefusedError(409, "not_ordered", f"{code} was not ordered for this case")
    path, step, flag = f"/lab/tests/{test_id}", f"{row.number}:", "critical"
    if Stage.ENTER in action.stages:
        body = {"value": fill(action.value, row.values)}
        await scene.do(Role.LAB, f"{path}/result", body, step=f"{step}result")
    if Stage.RELEASE in action.stages:
        await scene.do(Role.LAB, f"{path}/verify", step=f"{step}verify", other=1)
        released = await scene.do(Role.LAB, f"{path}/release", step=f"{step}release", other=1)
        flag = str(released.get("flag") or "")
    if Stage.ACKNOWLEDGE in action.stages and flag.startswith("critical"):
        await _acknowledge(scene, test_id, step, action)


async def _acknowledge(scene: Scene, test_id: str, step: str, action: Lab) -> None:
    """The doctor answers the alert of a critical value, if one waits: at once, or after it was escalated."""
    doctor = scene.world.staff.of(Role.DOCTOR, scene.case.id)
    for alert in await doctor.all("/lab/alerts", patient_id=scene.case.patient_id):
        if alert["test_id"] != test_id:
            continue
        scene.world.counts["critical values raised"] += 1
        chosen = zlib.crc32(f"{scene.case.id}:{step}".encode())
        late = action.unanswered > 0 and chosen % action.unanswered == 0
        if late:
            await _left_alone(scene, str(alert["id"]), step, action.until)
        else:
            scene.world.counts["critical values answered at once"] += 1
        path, said = f"/lab/alerts/{alert['id']}/acknowledge", {"note": "seen, treatment adapted"}
        await scene.do(Role.DOCTOR, path, said, step=f"{step}acknowledge", other=int(late))


async def _left_alone(scene: Scene, alert_id: str, step: str, until: str) -> None:
    """Nobody answers until the server has told people of step ``until``, or patience is over."""
    doctor, relayed = scene.world.staff.of(Role.DOCTOR, scene.case.id), False
    give_up = time.monotonic() + scene.world.escalation_patience
    alert = await doctor.get(f"/lab/alerts/{alert_id}")
    while alert["step"] != until and time.monotonic() < give_up:
        await asyncio.sleep(LOOK_S)
        alert = await doctor.get(f"/lab/alerts/{alert_id}")
        if alert["step"] != "doctor" and not relayed:
            await scene.do(Role.NURSE, f"/lab/alerts/{alert_id}/relay", step=f"{step}relay")
            scene.world.counts["critical values relayed by a nurse"] += 1
            relayed = True
    for event in alert["events"]:
        if event["move"] == "escalate":
            scene.world.counts[f"critical values escalated to {event['step']}"] += 1
    escalated = "after escalation" if alert["step"] == until else "before escalation reached its end"
    scene.world.counts[f"critical values answered {escalated}"] += 1
