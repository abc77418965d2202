"""Who may do what: every grant of the server, on one page.

Deny by default. A role grants a permission with a scope: ``ANY`` place, or ``OWN``, the places that an
administrator assigned. Assignments grant a little more, each at its own place. A screen (device) may read
what it is bound to and nothing else, a service account the streams of its scopes. The server's own timers
pass everywhere.

Source: the permission table of the design (who may do what). How a grant is checked is in ``permissions``.
"""
# ruff: noqa: S105 - a token here is a patient's number in a queue

from collections.abc import Mapping
from enum import StrEnum

from hms_rt.kernel.principal import AssignmentKind, Role


class Scope(StrEnum):
    """How far a grant reaches."""

    ANY = "any"  # every ward, clinic and counter
    OWN = "own"  # the assigned ones only


class Permission(StrEnum):
    """Everything that somebody may be allowed to do."""

    USERS = "users"  # accounts, roles and assignments
    DEVICES = "devices"  # unattended screens
    AUDIT_READ = "audit.read"
    STATUS_READ = "status.read"  # processes, rooms and slow clients of the installation
    PLACES_READ = "places.read"  # names and codes of wards, clinics and counters
    NOTIFICATIONS_OWN = "notifications.own"
    ON_CALL_READ = "on_call.read"  # who is on call where, and the rotas
    ON_CALL_DEFINE = "on_call.define"  # groups, members, rotas, shifts
    ON_CALL_COVER = "on_call.cover"  # stand in for somebody, swap
    TIMERS = "timers"  # durable timers that failed
    SCREEN_OWN = "screen.own"  # heartbeat and receipts of a device

    PATIENT_REGISTER = "patient.register"
    PATIENT_SEARCH = "patient.search"
    PATIENT_READ = "patient.read"  # all demographics
    PATIENT_READ_MINIMUM = "patient.read_minimum"  # what identifies a patient, no more
    PATIENT_UPDATE = "patient.update"
    PATIENT_MERGE = "patient.merge"  # and its undo
    PATIENT_DEATH = "patient.death"  # record that a patient died, or revoke it
    PATIENT_RESTRICT = "patient.restrict"  # close a record to all but those who treat, or open it
    ALLERGY_WRITE = "allergy.write"
    ALLERGY_VERIFY = "allergy.verify"
    RECORD_READ = "record.read"
    RECORD_BREAK_GLASS = "record.break_glass"  # outside the own scope, with a reason, audited
    RECORD_READ_MEDICATION = "record.read_medication"  # medication and allergies
    RECORD_TYPE_DEFINE = "record_type.define"  # kinds of entries, and what is added to built-in ones
    RECORD_TYPE_READ = "record_type.read"
    RECORD_WRITE_NOTE = "record.write_note"
    RECORD_WRITE_DIAGNOSIS = "record.write_diagnosis"
    RECORD_WRITE_VITALS = "record.write_vitals"

    BED_DEFINE = "bed.define"  # locations, wards, beds
    BED_READ = "bed.read"  # the board of a ward; the audience decides which fields
    BED_STATUS = "bed.status"
    CENSUS_READ = "census.read"  # a ward on paper, with names
    BEDS_FREE = "beds.free"  # counts per ward of the hospital, no names
    CLEANING_READ = "cleaning.read"  # requests to housekeeping
    CLEANING_REQUEST = "cleaning.request"
    CLEANING_DO = "cleaning.do"  # claim, give back, finish, cancel

    ADMISSION_READ = "admission.read"
    ADMISSION_REQUEST = "admission.request"
    ADMISSION_ACCEPT = "admission.accept"
    ADMISSION_CANCEL = "admission.cancel"  # before the patient is in a bed
    BED_ASSIGN = "bed.assign"
    BED_HOLD = "bed.hold"  # keep a bed for an admission; plan a transfer
    ADMISSION_NEEDS = "admission.needs"  # what a patient needs of a bed, isolation
    ROOM_ISOLATE = "room.isolate"  # what a room is kept for, whoever lies there
    BIRTH_RECORD = "birth.record"
    STAY_TRANSFER = "stay.transfer"
    STAY_CORRECT = "stay.correct"  # cancel-admit, cancel-transfer, cancel-discharge
    DISCHARGE_ORDER = "discharge.order"
    STAY_DEPART = "stay.depart"  # the patient physically leaves

    CLINIC_DEFINE = "clinic.define"  # clinics and counters
    SCHEDULE_DEFINE = "schedule.define"  # when doctors see patients, and when not
    APPOINTMENT_READ = "appointment.read"
    APPOINTMENT_MANAGE = "appointment.manage"  # book, reschedule, cancel, arrive, no-show
    APPOINTMENT_OVERBOOK = "appointment.overbook"  # past a slot's capacity
    VISIT_READ = "visit.read"
    VISIT_OPEN = "visit.open"  # also that the patient left, or the mistake
    VISIT_CONSULT = "visit.consult"  # and close
    QUEUE_READ = "queue.read"
    TOKEN_ISSUE = "token.issue"
    TOKEN_CANCEL = "token.cancel"
    TOKEN_CALL = "token.call"  # and recall
    TOKEN_SERVE = "token.serve"
    TOKEN_HOLD = "token.hold"  # and resume
    TOKEN_NO_SHOW = "token.no_show"
    TOKEN_FINISH = "token.finish"
    TOKEN_TRANSFER = "token.transfer"  # to another queue
    DAY_END = "token.day_end"

    LAB_CATALOGUE_DEFINE = "lab.catalogue_define"
    LAB_CATALOGUE_READ = "lab.catalogue_read"
    LAB_ORDER = "lab.order"
    LAB_CANCEL = "lab.cancel"
    LAB_ORDER_READ = "lab.order_read"  # orders and their state, without results
    LAB_CONTEXT_READ = "lab.context_read"  # why an order was made, and little of the record with it
    LAB_WORKLIST_READ = "lab.worklist_read"
    SPECIMEN_COLLECT = "specimen.collect"
    SPECIMEN_RECEIVE = "specimen.receive"
    SPECIMEN_REJECT = "specimen.reject"
    RESULT_ENTER = "result.enter"
    RESULT_VERIFY = "result.verify"
    RESULT_RELEASE = "result.release"
    RESULT_CORRECT = "result.correct"
    RESULT_READ = "result.read"
    CRITICAL_ACKNOWLEDGE = "critical.acknowledge"
    CRITICAL_RELAY = "critical.relay"  # a nurse told the doctor; not the acknowledgement
    CRITICAL_READ_BACK = "critical.read_back"  # the lab's phone call; not the acknowledgement

    FORMULARY_DEFINE = "formulary.define"
    FORMULARY_READ = "formulary.read"
    STORE_DEFINE = "store.define"  # dispensaries and the cupboards of wards
    STORE_READ = "store.read"
    PRESCRIBE = "prescription.write"
    PRESCRIPTION_STOP = "prescription.stop"
    PRESCRIPTION_HOLD = "prescription.hold"  # and resume
    PRESCRIPTION_READ = "prescription.read"
    DISPENSE = "dispense"  # prepare, hand over, take back
    SHELF_READ = "shelf.read"  # what lies in a store; own: in the cupboards of the own wards
    STOCK_READ = "stock.read"  # its history, too: movements, write-offs
    STOCK_MOVE = "stock.move"  # receive, transfer, count, ask for a write-off, recall
    STOCK_USE = "stock.use"  # take from a ward's cupboard what is prescribed there
    STOCK_LEVEL = "stock.level"  # from which quantity on to order
    WRITE_OFF_APPROVE = "write_off.approve"  # another person than who asked
    MEDICATION_READ = "medication.read"  # what a ward gives
    MEDICATION_ADMINISTER = "medication.administer"
    DISPENSARY_READ = "dispensary.read"  # the live queue of a dispensary

    TARIFF_DEFINE = "tariff.define"  # currency, payers, classes, services, prices
    TARIFF_READ = "tariff.read"
    COVERAGE_SET = "coverage.set"  # who pays for a patient
    CHARGE_READ = "charge.read"
    CHARGE_RAISE = "charge.raise"  # by hand, and price what waits for a tariff
    PROCEDURE_RECORD = "procedure.record"  # or cancel, for one's own patients; it is charged
    CHARGE_REVERSE = "charge.reverse"
    INVOICE_READ = "invoice.read"
    INVOICE_WRITE = "invoice.write"  # draft, issue, settle from deposits, credit, ask for a void
    DISCOUNT_GIVE = "discount.give"  # alone as far as the limits of role and assignment go
    DISCOUNT_APPROVE = "discount.approve"  # or decline, what another person asked for
    VOID_APPROVE = "void.approve"  # of an invoice that another person asked to void
    PAYMENT_READ = "payment.read"
    PAYMENT_TAKE = "payment.take"
    SHIFT_WORK = "shift.work"  # open and close a shift at a counter, and print its report
    SALE = "sale"  # sell at a dispensary's own counter, take its money and ask to give it back
    REFUND_REQUEST = "refund.request"
    DAY_CLOSE = "day.close"  # of a facility's cash
    REFUND_APPROVE = "refund.approve"  # or decline, what another person asked for

    SERVICE_ACCOUNTS = "service_accounts"  # of external servers, and what is sent to them
    CHANGES_READ = "changes.read"  # the feed of changes, for external servers alone


ANY, OWN = Scope.ANY, Scope.OWN
ADMIN, DOCTOR, NURSE = Role.ADMIN, Role.DOCTOR, Role.NURSE
RECEPTION, PHARMACY, LAB = Role.RECEPTION, Role.PHARMACY, Role.LAB
P = Permission

GRANTS: Mapping[Permission, Mapping[Role, Scope]] = {
    P.USERS: {ADMIN: ANY},
    P.DEVICES: {ADMIN: ANY},
    P.AUDIT_READ: {ADMIN: ANY},
    P.STATUS_READ: {ADMIN: ANY},
    P.PLACES_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY, RECEPTION: ANY, PHARMACY: ANY, LAB: ANY},
    P.NOTIFICATIONS_OWN: {ADMIN: OWN, DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.ON_CALL_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY, RECEPTION: ANY, PHARMACY: ANY, LAB: ANY},
    P.ON_CALL_DEFINE: {ADMIN: ANY},
    P.ON_CALL_COVER: {ADMIN: ANY, DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.TIMERS: {ADMIN: ANY},
    P.SCREEN_OWN: {},
    P.PATIENT_REGISTER: {ADMIN: ANY, RECEPTION: ANY},
    P.PATIENT_SEARCH: {ADMIN: ANY, DOCTOR: ANY, NURSE: OWN, RECEPTION: ANY, PHARMACY: ANY, LAB: ANY},
    P.PATIENT_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: OWN, RECEPTION: ANY},
    P.PATIENT_READ_MINIMUM: {ADMIN: ANY, DOCTOR: ANY, NURSE: OWN, RECEPTION: ANY, PHARMACY: ANY, LAB: ANY},
    P.PATIENT_UPDATE: {ADMIN: ANY, NURSE: OWN, RECEPTION: ANY},
    P.PATIENT_MERGE: {ADMIN: ANY},
    P.PATIENT_DEATH: {ADMIN: ANY, DOCTOR: OWN},
    P.PATIENT_RESTRICT: {ADMIN: ANY},
    P.ALLERGY_WRITE: {DOCTOR: OWN, NURSE: OWN},
    P.ALLERGY_VERIFY: {DOCTOR: OWN},
    P.RECORD_READ: {DOCTOR: OWN, NURSE: OWN},
    P.RECORD_BREAK_GLASS: {DOCTOR: ANY, NURSE: ANY},
    P.RECORD_READ_MEDICATION: {DOCTOR: OWN, NURSE: OWN, PHARMACY: ANY},
    P.RECORD_TYPE_DEFINE: {ADMIN: ANY},
    P.RECORD_TYPE_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY},
    P.RECORD_WRITE_NOTE: {DOCTOR: OWN, NURSE: OWN},
    P.RECORD_WRITE_DIAGNOSIS: {DOCTOR: OWN},
    P.RECORD_WRITE_VITALS: {DOCTOR: OWN, NURSE: OWN},
    P.BED_DEFINE: {ADMIN: ANY},
    P.BED_READ: {ADMIN: ANY, DOCTOR: OWN, NURSE: OWN, RECEPTION: ANY},
    P.BED_STATUS: {NURSE: OWN},
    P.CENSUS_READ: {DOCTOR: OWN, NURSE: OWN},
    P.BEDS_FREE: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY, RECEPTION: ANY},
    P.CLEANING_READ: {ADMIN: ANY, NURSE: OWN},
    P.CLEANING_REQUEST: {NURSE: OWN},
    P.CLEANING_DO: {NURSE: OWN},
    P.ADMISSION_READ: {ADMIN: ANY, DOCTOR: OWN, NURSE: OWN, RECEPTION: ANY},
    P.ADMISSION_REQUEST: {DOCTOR: OWN},
    P.ADMISSION_ACCEPT: {ADMIN: ANY, NURSE: OWN},
    P.ADMISSION_CANCEL: {ADMIN: ANY, DOCTOR: OWN, NURSE: OWN},
    P.BED_ASSIGN: {ADMIN: ANY, NURSE: OWN, RECEPTION: ANY},
    P.BED_HOLD: {ADMIN: ANY, NURSE: OWN, RECEPTION: ANY},
    P.ADMISSION_NEEDS: {DOCTOR: OWN, NURSE: OWN},
    P.ROOM_ISOLATE: {DOCTOR: OWN, NURSE: OWN},
    P.BIRTH_RECORD: {DOCTOR: OWN, NURSE: OWN},
    P.STAY_TRANSFER: {ADMIN: ANY, NURSE: OWN},
    P.STAY_CORRECT: {ADMIN: ANY, NURSE: OWN},
    P.DISCHARGE_ORDER: {DOCTOR: OWN},
    P.STAY_DEPART: {NURSE: OWN},
    P.CLINIC_DEFINE: {ADMIN: ANY},
    P.SCHEDULE_DEFINE: {ADMIN: ANY, RECEPTION: ANY},
    P.APPOINTMENT_READ: {ADMIN: ANY, DOCTOR: OWN, NURSE: OWN, RECEPTION: ANY},
    P.APPOINTMENT_MANAGE: {ADMIN: ANY, DOCTOR: OWN, RECEPTION: ANY},
    P.APPOINTMENT_OVERBOOK: {ADMIN: ANY, DOCTOR: OWN},
    P.VISIT_READ: {DOCTOR: OWN, NURSE: OWN},
    P.VISIT_OPEN: {DOCTOR: OWN, NURSE: OWN},
    P.VISIT_CONSULT: {DOCTOR: OWN},
    P.QUEUE_READ: {ADMIN: ANY, DOCTOR: OWN, NURSE: OWN, RECEPTION: ANY, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_ISSUE: {ADMIN: ANY, NURSE: OWN, RECEPTION: ANY, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_CANCEL: {ADMIN: ANY, NURSE: OWN, RECEPTION: ANY, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_CALL: {DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_SERVE: {DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_HOLD: {DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_NO_SHOW: {DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_FINISH: {DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.TOKEN_TRANSFER: {DOCTOR: OWN, NURSE: OWN, RECEPTION: OWN, PHARMACY: OWN, LAB: OWN},
    P.DAY_END: {ADMIN: ANY, RECEPTION: ANY},
    P.LAB_CATALOGUE_DEFINE: {ADMIN: ANY},
    P.LAB_CATALOGUE_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY, LAB: ANY},
    P.LAB_ORDER: {DOCTOR: OWN},
    P.LAB_CANCEL: {DOCTOR: OWN},
    P.LAB_ORDER_READ: {DOCTOR: OWN, NURSE: OWN, LAB: ANY},
    P.LAB_CONTEXT_READ: {DOCTOR: OWN, NURSE: OWN, LAB: ANY},
    P.LAB_WORKLIST_READ: {LAB: ANY},
    P.SPECIMEN_COLLECT: {NURSE: OWN, LAB: ANY},
    P.SPECIMEN_RECEIVE: {LAB: ANY},
    P.SPECIMEN_REJECT: {LAB: ANY},
    P.RESULT_ENTER: {LAB: ANY},
    P.RESULT_VERIFY: {LAB: ANY},
    P.RESULT_RELEASE: {LAB: ANY},
    P.RESULT_CORRECT: {LAB: ANY},
    P.RESULT_READ: {DOCTOR: OWN, NURSE: OWN, LAB: ANY},
    P.CRITICAL_ACKNOWLEDGE: {DOCTOR: OWN},
    P.CRITICAL_RELAY: {NURSE: OWN},
    P.CRITICAL_READ_BACK: {LAB: ANY},
    P.FORMULARY_DEFINE: {ADMIN: ANY, PHARMACY: ANY},
    P.FORMULARY_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY, PHARMACY: ANY},
    P.STORE_DEFINE: {ADMIN: ANY},
    P.STORE_READ: {ADMIN: ANY, DOCTOR: ANY, NURSE: ANY, PHARMACY: ANY},
    P.PRESCRIBE: {DOCTOR: OWN},
    P.PRESCRIPTION_STOP: {DOCTOR: OWN},
    P.PRESCRIPTION_HOLD: {DOCTOR: OWN, PHARMACY: ANY},
    P.PRESCRIPTION_READ: {DOCTOR: OWN, NURSE: OWN, PHARMACY: ANY},
    P.DISPENSARY_READ: {PHARMACY: ANY},
    P.DISPENSE: {PHARMACY: ANY},
    P.SHELF_READ: {ADMIN: ANY, NURSE: OWN, PHARMACY: ANY},
    P.STOCK_READ: {ADMIN: ANY, PHARMACY: ANY},
    P.STOCK_MOVE: {PHARMACY: ANY},
    P.STOCK_USE: {NURSE: OWN, PHARMACY: ANY},
    P.STOCK_LEVEL: {ADMIN: ANY, PHARMACY: ANY},
    P.WRITE_OFF_APPROVE: {ADMIN: ANY},
    P.MEDICATION_READ: {DOCTOR: OWN, NURSE: OWN, PHARMACY: ANY},
    P.MEDICATION_ADMINISTER: {NURSE: OWN},
    P.TARIFF_DEFINE: {ADMIN: ANY},
    P.TARIFF_READ: {ADMIN: ANY, RECEPTION: ANY, PHARMACY: ANY},
    P.COVERAGE_SET: {ADMIN: ANY, RECEPTION: ANY},
    P.CHARGE_READ: {ADMIN: ANY, RECEPTION: ANY},
    P.CHARGE_RAISE: {ADMIN: ANY, RECEPTION: ANY},
    P.PROCEDURE_RECORD: {DOCTOR: OWN, NURSE: OWN},
    P.CHARGE_REVERSE: {ADMIN: ANY},
    P.INVOICE_READ: {ADMIN: ANY, RECEPTION: ANY},
    P.INVOICE_WRITE: {ADMIN: ANY, RECEPTION: ANY},
    P.DISCOUNT_GIVE: {ADMIN: ANY, RECEPTION: ANY},
    P.DISCOUNT_APPROVE: {ADMIN: ANY},
    P.VOID_APPROVE: {ADMIN: ANY},
    P.PAYMENT_READ: {ADMIN: ANY, RECEPTION: ANY},
    P.PAYMENT_TAKE: {ADMIN: ANY, RECEPTION: ANY},
    P.SHIFT_WORK: {ADMIN: ANY, RECEPTION: ANY, PHARMACY: OWN},
    P.SALE: {PHARMACY: OWN},
    P.REFUND_REQUEST: {RECEPTION: ANY},
    P.DAY_CLOSE: {ADMIN: ANY, RECEPTION: ANY},
    P.REFUND_APPROVE: {ADMIN: ANY},
    P.SERVICE_ACCOUNTS: {ADMIN: ANY},
    P.CHANGES_READ: {},
}
"""Permission -> role -> scope. What is not here is denied."""

ASSIGNMENT_GRANTS: Mapping[AssignmentKind, Mapping[Permission, Scope]] = {
    AssignmentKind.HOUSEKEEPING: {
        P.PLACES_READ: ANY,
        P.BED_READ: OWN,
        P.BED_STATUS: OWN,
        P.CLEANING_READ: OWN,
        P.CLEANING_DO: OWN,
    },
    AssignmentKind.CASHIER: {
        P.TOKEN_CALL: OWN,
        P.TOKEN_SERVE: OWN,
        P.TOKEN_HOLD: OWN,
        P.TOKEN_NO_SHOW: OWN,
        P.TOKEN_FINISH: OWN,
    },
    AssignmentKind.PRIVACY_OFFICER: {P.AUDIT_READ: ANY, P.PATIENT_RESTRICT: ANY},
}
"""Beyond the role. ``OWN`` is the place that this very assignment names: a ward, or a cashier's counter."""

DEVICE_GRANTS: Mapping[Permission, Scope] = {
    P.SCREEN_OWN: OWN,
    P.BED_READ: OWN,
    P.BEDS_FREE: OWN,
    P.QUEUE_READ: OWN,
}
"""What an unattended screen may read, in the rooms that it is bound to."""

SERVICE_GRANTS: Mapping[Permission, Scope] = {P.CHANGES_READ: OWN}
"""What an external server may do, in the streams of its scopes."""
