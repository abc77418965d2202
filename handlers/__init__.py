"""REST handlers, one module per department: parse, call the service, shape the answer."""

from handlers import (
    audit,
    beds,
    identity,
    ipd,
    lab,
    lab_results,
    notifications,
    opd,
    patient_merges,
    patients,
    status,
)

ROUTES = (
    identity.routes,
    patients.routes,
    patient_merges.routes,
    beds.routes,
    ipd.routes,
    opd.routes,
    lab.routes,
    lab_results.routes,
    notifications.routes,
    audit.routes,
    status.routes,
)
"""Every department's endpoints."""
