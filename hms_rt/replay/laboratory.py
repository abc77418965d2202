"""Laboratory rows: one order for a case and moment, then every result on its own way to release."""

from typing import Any

from hms_rt.kernel.principal import Role
from hms_rt.replay.case import Scene
from hms_rt.replay.client import RefusedError
from hms_rt.replay.log import Row
from hms_rt.replay.mapping import Lab, fill
from hms_rt.replay.visits import ensure_visit


async def play_results(scene: Scene) -> None:
    """Order, specimen, results. What the laboratory refuses of one row stays with that row."""
    await ensure_visit(scene)
    actions = [action for (action, *_) in scene.batch.actions if isinstance(action, Lab)]
    rows = list(zip(scene.batch.rows, actions, strict=True))
    order = await _order(scene, [fill(action.test, row.values) for row, action in rows], actions[0])
    await _specimens(scene, order)
    tests = {test["test"]: test for test in order["tests"]}
    for row, action in rows:
        try:
            await _result(scene, tests[fill(action.test, row.values)]["id"], row, action)
        except RefusedError as refused:
            scene.refusals[row.number] = refused


async def _order(scene: Scene, tests: list[str], action: Lab) -> dict[str, Any]:
    case = scene.case
    place = {"ward": case.ward} if case.ward is not None else {"clinic": case.clinic}
    body = {
        "patient_id": case.patient_id,
        "tests": tests,
        "priority": scene.text(action.priority) or "routine",
        **place,
    }
    return await scene.do(Role.DOCTOR, "/lab/orders", body, step="order")


async def _specimens(scene: Scene, order: dict[str, Any]) -> None:
    """One of each kind that the tests need, taken by the nurse and received by the laboratory."""
    for kind in sorted({test["specimen_kind"] for test in order["tests"]}):
        path = f"/lab/orders/{order['id']}/specimens"
        specimen = await scene.do(Role.NURSE, path, {"kind": kind}, step=f"collect:{kind}")
        receive = f"/lab/specimens/{specimen['id']}/receive"
        await scene.do(Role.LAB, receive, step=f"receive:{kind}")


async def _result(scene: Scene, test_id: str, row: Row, action: Lab) -> None:
    path, step = f"/lab/tests/{test_id}", f"{row.number}:"
    value = fill(action.value, row.values)
    await scene.do(Role.LAB, f"{path}/result", {"value": value}, step=f"{step}result")
    await scene.do(Role.LAB, f"{path}/verify", step=f"{step}verify", other=1)
    released = await scene.do(Role.LAB, f"{path}/release", step=f"{step}release", other=1)
    if action.acknowledge and str(released.get("flag") or "").startswith("critical"):
        await _acknowledge(scene, test_id, step)


async def _acknowledge(scene: Scene, test_id: str, step: str) -> None:
    """The doctor answers the alert of a critical value."""
    alerts = await scene.world.staff.of(Role.DOCTOR, scene.case.id).all("/lab/alerts")
    for alert in alerts:
        if alert["test_id"] == test_id:
            body = {"note": "seen, treatment adapted"}
            await scene.do(
                Role.DOCTOR, f"/lab/alerts/{alert['id']}/acknowledge", body, step=f"{step}acknowledge"
            )
