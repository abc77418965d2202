"""Laboratory rows: one order for a case and moment, then every test on its own way to release."""

from typing import Any

from hms_rt.kernel.principal import Role
from hms_rt.replay.case import Scene, SkippedError
from hms_rt.replay.client import RefusedError
from hms_rt.replay.log import Row
from hms_rt.replay.mapping import Lab, Stage, fill
from hms_rt.replay.visits import ensure_visit


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
        await _acknowledge(scene, test_id, step)


async def _acknowledge(scene: Scene, test_id: str, step: str) -> None:
    """The doctor answers the alert of a critical value, if one waits."""
    alerts: list[dict[str, Any]] = await scene.world.staff.of(Role.DOCTOR, scene.case.id).all("/lab/alerts")
    for alert in alerts:
        if alert["test_id"] == test_id:
            path = f"/lab/alerts/{alert['id']}/acknowledge"
            await scene.do(Role.DOCTOR, path, {"note": "seen, treatment adapted"}, step=f"{step}acknowledge")
