"""The table of grants, cell by cell, and how far each reaches."""

import uuid

import pytest

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Assignment, AssignmentKind, Principal, PrincipalKind, Role
from hms_rt.security import permissions
from hms_rt.security.grants import DEVICE_GRANTS, GRANTS
from hms_rt.security.permissions import Permission, Scope, may, require

K = AssignmentKind
COLUMNS = (Role.ADMIN, Role.DOCTOR, Role.NURSE, Role.RECEPTION, Role.PHARMACY, Role.LAB)

# Y any place, O own places, - denied; columns as above. Written a second time on purpose.
TABLE = {
    "users": "Y-----",
    "devices": "Y-----",
    "audit.read": "Y-----",
    "status.read": "Y-----",
    "places.read": "YYYYYY",
    "notifications.own": "OOOOOO",
    "screen.own": "------",
    "patient.register": "Y--Y--",
    "patient.search": "YYOYYY",
    "patient.read": "YYOY--",
    "patient.read_minimum": "YYOYYY",
    "patient.update": "Y-OY--",
    "patient.merge": "Y-----",
    "patient.death": "YO----",
    "patient.restrict": "Y-----",
    "allergy.write": "-OO---",
    "allergy.verify": "-O----",
    "record.read": "-OO---",
    "record.break_glass": "-YY---",
    "record.read_medication": "-OO-Y-",
    "record_type.define": "Y-----",
    "record_type.read": "YYY---",
    "record.write_note": "-OO---",
    "record.write_diagnosis": "-O----",
    "record.write_vitals": "-OO---",
    "bed.define": "Y-----",
    "bed.read": "YOOY--",
    "bed.status": "--O---",
    "beds.free": "YYYY--",
    "admission.read": "YOOY--",
    "admission.request": "-O----",
    "admission.accept": "Y-O---",
    "admission.cancel": "YOO---",
    "bed.assign": "Y-OY--",
    "stay.transfer": "Y-O---",
    "stay.correct": "Y-O---",
    "discharge.order": "-O----",
    "stay.depart": "--O---",
    "clinic.define": "Y-----",
    "queue.read": "YOOYOO",
    "token.issue": "Y-OYOO",
    "token.cancel": "Y-OYOO",
    "token.call": "-OOOOO",
    "token.serve": "-OOOOO",
    "token.hold": "-OOOOO",
    "token.no_show": "-OOOOO",
    "token.finish": "-OOOOO",
    "token.transfer": "-OOOOO",
    "token.day_end": "Y--Y--",
    "lab.catalogue_define": "Y-----",
    "lab.catalogue_read": "YYY--Y",
    "lab.order": "-O----",
    "lab.cancel": "-O----",
    "lab.order_read": "-OO--Y",
    "lab.context_read": "-OO--Y",
    "lab.worklist_read": "-----Y",
    "specimen.collect": "--O--Y",
    "specimen.receive": "-----Y",
    "specimen.reject": "-----Y",
    "result.enter": "-----Y",
    "result.verify": "-----Y",
    "result.release": "-----Y",
    "result.correct": "-----Y",
    "result.read": "-OO--Y",
    "critical.acknowledge": "-O----",
    "critical.relay": "--O---",
    "critical.read_back": "-----Y",
    "on_call.read": "YYYYYY",
    "on_call.define": "Y-----",
    "on_call.cover": "YOOOOO",
    "timers": "Y-----",
    "census.read": "-OO---",
    "cleaning.read": "Y-O---",
    "cleaning.request": "--O---",
    "cleaning.do": "--O---",
    "bed.hold": "Y-OY--",
    "admission.needs": "-OO---",
    "room.isolate": "-OO---",
    "birth.record": "-OO---",
    "schedule.define": "Y--Y--",
    "appointment.read": "YOOY--",
    "appointment.manage": "YO-Y--",
    "appointment.overbook": "YO----",
    "formulary.define": "Y---Y-",
    "formulary.read": "YYY-Y-",
    "store.define": "Y-----",
    "store.read": "YYY-Y-",
    "prescription.write": "-O----",
    "prescription.stop": "-O----",
    "prescription.hold": "-O--Y-",
    "prescription.read": "-OO-Y-",
    "medication.read": "-OO-Y-",
    "medication.administer": "--O---",
    "dispensary.read": "----Y-",
    "visit.read": "-OO---",
    "visit.open": "-OO---",
    "visit.consult": "-O----",
    "dispense": "----Y-",
    "shelf.read": "Y-O-Y-",
    "stock.read": "Y---Y-",
    "stock.move": "----Y-",
    "stock.use": "--O-Y-",
    "stock.level": "Y---Y-",
    "write_off.approve": "Y-----",
    "tariff.define": "Y-----",
    "tariff.read": "Y--YY-",
    "coverage.set": "Y--Y--",
    "charge.read": "Y--Y--",
    "charge.raise": "Y--Y--",
    "procedure.record": "-OO---",
    "charge.reverse": "Y-----",
    "invoice.read": "Y--Y--",
    "invoice.write": "Y--Y--",
    "discount.give": "Y--Y--",
    "discount.approve": "Y-----",
    "void.approve": "Y-----",
    "payment.read": "Y--Y--",
    "payment.take": "Y--Y--",
    "shift.work": "Y--YO-",
    "sale": "----O-",
    "refund.request": "---Y--",
    "day.close": "Y--Y--",
    "refund.approve": "Y-----",
    "service_accounts": "Y-----",
    "changes.read": "------",
}
SCOPES = {"Y": Scope.ANY, "O": Scope.OWN, "-": None}


def user(*roles: Role, given: tuple[Assignment, ...] = ()) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        name="somebody",
        roles=frozenset(roles),
        assignments=frozenset(given),
    )


def screen(*rooms: str) -> Principal:
    return Principal(
        kind=PrincipalKind.DEVICE,
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        name="screen",
        rooms=frozenset(rooms),
    )


def test_every_permission_has_a_line_in_both_tables() -> None:
    assert set(GRANTS) == set(Permission)
    assert set(TABLE) == {permission.value for permission in Permission}


@pytest.mark.parametrize("permission", list(Permission))
def test_each_role_may_exactly_what_the_table_says(permission: Permission) -> None:
    for role, letter in zip(COLUMNS, TABLE[permission.value], strict=True):
        assert may(user(role), permission) is SCOPES[letter], role


@pytest.mark.parametrize("permission", list(Permission))
def test_without_a_role_nothing_is_allowed(permission: Permission) -> None:
    assert may(user(), permission) is None
    with pytest.raises(HmsError) as refused:
        require(user(), permission)
    assert refused.value.code is Code.FORBIDDEN


@pytest.mark.parametrize("permission", list(Permission))
def test_the_server_itself_may_everything_and_a_screen_only_read(permission: Permission) -> None:
    assert require(SYSTEM, permission) is Scope.ANY
    assert may(screen("/beds ward:ICU"), permission) is DEVICE_GRANTS.get(permission)


def test_the_widest_scope_of_several_roles_counts() -> None:
    assert may(user(Role.NURSE, Role.RECEPTION), Permission.TOKEN_ISSUE) is Scope.ANY


def test_a_nurse_sets_beds_of_the_own_ward_only() -> None:
    nurse = user(Role.NURSE, given=(Assignment(K.WARD, "ICU"),))
    permissions.require_ward(nurse, Permission.BED_STATUS, "ICU")
    with pytest.raises(HmsError):
        permissions.require_ward(nurse, Permission.BED_STATUS, "SURG")


def test_a_charge_nurse_belongs_to_the_ward() -> None:
    nurse = user(Role.NURSE, given=(Assignment(K.CHARGE_NURSE, "ICU"),))
    assert permissions.wards(nurse, Permission.BED_STATUS) == frozenset({"ICU"})


def test_an_assignment_without_the_role_gives_nothing() -> None:
    reception = user(Role.RECEPTION, given=(Assignment(K.WARD, "ICU"),))
    assert permissions.wards(reception, Permission.BED_STATUS) == frozenset()


def test_reception_reads_every_ward() -> None:
    assert permissions.wards(user(Role.RECEPTION), Permission.BED_READ) is None


def test_housekeeping_cleans_its_ward_and_widens_no_other_grant() -> None:
    nurse = user(Role.NURSE, given=(Assignment(K.WARD, "ICU"), Assignment(K.HOUSEKEEPING, "SURG")))
    assert permissions.wards(nurse, Permission.BED_STATUS) == frozenset({"ICU", "SURG"})
    assert permissions.wards(nurse, Permission.RECORD_READ) == frozenset({"ICU"})


def test_housekeeping_without_a_place_means_the_assigned_wards() -> None:
    cleaner = user(given=(Assignment(K.WARD, "ICU"), Assignment(K.HOUSEKEEPING)))
    assert permissions.wards(cleaner, Permission.BED_STATUS) == frozenset({"ICU"})
    assert permissions.wards(cleaner, Permission.STAY_DEPART) == frozenset()


def test_a_cashier_calls_at_the_own_counter() -> None:
    cashier = user(given=(Assignment(K.CASHIER, "C1"),))
    permissions.require_counter(cashier, Permission.TOKEN_CALL, "C1")
    with pytest.raises(HmsError):
        permissions.require_counter(cashier, Permission.TOKEN_CALL, "C2")
    with pytest.raises(HmsError):
        permissions.require_counter(cashier, Permission.TOKEN_TRANSFER, "C1")


def test_a_clinic_is_reached_by_assignment_or_on_call() -> None:
    doctor = user(Role.DOCTOR, given=(Assignment(K.CLINIC, "GEN"), Assignment(K.ON_CALL, "EYE")))
    permissions.require_clinic(doctor, Permission.LAB_ORDER, "GEN")
    permissions.require_clinic(doctor, Permission.CRITICAL_ACKNOWLEDGE, "EYE")
    with pytest.raises(HmsError):
        permissions.require_clinic(doctor, Permission.LAB_ORDER, "ENT")


def test_one_place_of_a_patient_within_reach_is_enough() -> None:
    doctor = user(Role.DOCTOR, given=(Assignment(K.CLINIC, "GEN"),))
    permissions.require_place(doctor, Permission.RECORD_READ, wards_of=["ICU"], clinics_of=["GEN"])
    with pytest.raises(HmsError):
        permissions.require_place(doctor, Permission.RECORD_READ, wards_of=["ICU"])
    permissions.require_place(user(Role.LAB), Permission.RESULT_READ)
    with pytest.raises(HmsError):
        permissions.require_place(user(Role.RECEPTION), Permission.RECORD_READ, wards_of=["ICU"])


def test_a_screen_reads_what_it_is_bound_to() -> None:
    board = screen("/beds ward:ICU")
    permissions.require_ward(board, Permission.BED_READ, "ICU")
    permissions.require_room(board, "/beds ward:ICU")
    with pytest.raises(HmsError):
        permissions.require_ward(board, Permission.BED_READ, "SURG")
    with pytest.raises(HmsError):
        permissions.require_clinic(board, Permission.QUEUE_READ, "ICU")
    with pytest.raises(HmsError):
        permissions.require_room(board, "/opd clinic:GEN")


def test_a_users_rooms_are_not_decided_here() -> None:
    permissions.require_room(user(Role.NURSE), "/beds ward:ICU")


def test_the_privacy_officer_reads_the_audit_trail() -> None:
    assert (
        may(user(Role.RECEPTION, given=(Assignment(K.PRIVACY_OFFICER),)), Permission.AUDIT_READ) is Scope.ANY
    )
