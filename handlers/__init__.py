"""REST handlers, one module per department: parse, call the service, shape the answer."""

from handlers import (
    appointments,
    audit,
    beds,
    identity,
    ipd,
    lab,
    lab_results,
    notifications,
    on_call,
    opd,
    patient_allergies,
    patient_details,
    patient_merges,
    patients,
    pharmacy,
    prescriptions,
    status,
    timers,
)

ROUTES = (
    identity.routes,
    patients.routes,
    patient_details.routes,
    patient_allergies.routes,
    patient_merges.routes,
    beds.routes,
    ipd.routes,
    opd.routes,
    appointments.routes,
    lab.routes,
    lab_results.routes,
    pharmacy.routes,
    prescriptions.routes,
    notifications.routes,
    on_call.routes,
    timers.routes,
    audit.routes,
    status.routes,
)
"""Every department's endpoints."""
