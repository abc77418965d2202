"""Allergies that become known while a prescription is in force: who treats is told, nothing is dispensed.

A prescription is checked when it comes into force; this is what the record says afterwards. The alert stands
on the line, under the lock of the prescription, and the database refuses to dispense a line that has one.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.departments.patients.events import AllergiesChanged, PatientsMerged, PatientsUnmerged
from hms_rt.departments.pharmacy.events import PrescriptionChanged
from hms_rt.departments.pharmacy.model.prescription import WAITING, Line, Prescription, PrescriptionState
from hms_rt.departments.pharmacy.model.safety import (
    SafetyWarning,
    WarningKind,
    allergy_warnings,
    not_gone_past,
)
from hms_rt.departments.pharmacy.repository import formulary, prescriptions
from hms_rt.departments.pharmacy.schemas.prescriptions import LateOverrides, PrescriptionOut
from hms_rt.departments.pharmacy.service.foundation import (
    Foundation,
    found,
    locked,
    prescription_out,
    require_at,
)
from hms_rt.departments.pharmacy.service.overriding import overridden
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

LATE = WAITING | {PrescriptionState.DISPENSED}
"""Of what is in force, on hold, or taken while the course lasts, allergies are looked for."""


class LateAllergies(Foundation):
    """The patient is locked by whoever recorded the event; prescriptions are locked here, by id."""

    async def allergies_changed(self, uow: UnitOfWork, event: AllergiesChanged) -> None:
        """An allergy was recorded, confirmed or retracted."""
        await self._look(uow, event.patient_id)

    async def patients_merged(self, uow: UnitOfWork, event: PatientsMerged) -> None:
        """Two records are one: what either of them knew counts for all that is prescribed."""
        await self._look(uow, event.into.id)

    async def patients_unmerged(self, uow: UnitOfWork, event: PatientsUnmerged) -> None:
        """Each has only the own allergies again."""
        for patient in event.both:
            await self._look(uow, patient.id)

    async def override_alerts(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, told: LateOverrides
    ) -> PrescriptionOut:
        """A doctor says why a prescription goes on in spite of what became known; it is dispensed again.

        Records ``PrescriptionChanged``. Raises ``conflict`` if there is no alert, or with those that lack a
        reason, by line.
        """

        async def work(uow: UnitOfWork) -> PrescriptionOut:
            require(principal, Permission.PRESCRIBE)
            patient_id = await prescriptions.patient_of(uow.connection, prescription_id)
            await self._patients.lock(uow, found(patient_id, "that prescription"))
            before, lines = await locked(uow, prescription_id)
            require_at(principal, Permission.PRESCRIBE, before)
            command.check_version(before.version)
            late = await self._late(uow, before, lines)
            if not late:
                raise conflict("no allergy became known since it is in force: there is nothing to override")
            reasons = overridden(late, told.overrides)
            await prescriptions.add_overrides(uow.connection, reasons, principal.id, uow.now)
            after = replace(before, version=before.version + 1)
            await prescriptions.save(uow.connection, after)
            lines = await self._alert(uow, lines, ())
            uow.record(PrescriptionChanged(before, after, tuple(lines), Cause.FLAG))
            uow.audit(
                "prescription.override",
                entity="prescription",
                entity_id=after.id,
                patient_id=after.patient_id,
            )
            return prescription_out(principal, after, lines)

        return await self._units.execute(principal, command, PrescriptionOut, work)

    async def _look(self, uow: UnitOfWork, patient_id: uuid.UUID) -> None:
        """Set or clear the alerts of a locked patient's prescriptions; tell of those that are new."""
        for one, lines in await prescriptions.lock_of_patient(uow.connection, patient_id):
            late = {warning.line_id for warning in await self._late(uow, one, lines)}
            after = await self._alert(uow, lines, late)
            if after != lines:
                uow.record(PrescriptionChanged(one, one, tuple(after), Cause.FLAG))
                before = {line.id for line in lines if line.allergy_alert}
                await self._tell_of_alert(uow, one, [line for line in after if line.id in late - before])

    async def _late(self, uow: UnitOfWork, one: Prescription, lines: Sequence[Line]) -> list[SafetyWarning]:
        """What the record says now against the lines of a prescription in force, and nobody has gone past."""
        if one.state not in LATE:
            return []
        allergies = await self._allergies_of(uow.connection, one.patient_id)
        if not allergies:
            return []
        known = await formulary.by_codes(uow.connection, {line.medicine for line in lines})
        past: dict[uuid.UUID, list[str]] = defaultdict(list)
        for row in await prescriptions.overrides(uow.connection, [line.id for line in lines]):
            if row.kind == WarningKind.ALLERGY:
                past[row.line_id].append(row.warned)
        return [
            warning
            for line in lines
            if line.lasts(uow.now)
            for warning in not_gone_past(
                line, allergy_warnings(line, known[line.medicine], allergies), past[line.id]
            )
        ]

    @staticmethod
    async def _alert(uow: UnitOfWork, lines: Sequence[Line], alerted: Collection[uuid.UUID]) -> list[Line]:
        """Exactly the lines of ``alerted`` have an alert from now on."""
        after = [replace(line, allergy_alert=line.id in alerted) for line in lines]
        for line, was in zip(after, lines, strict=True):
            if line != was:
                await prescriptions.save_line(uow.connection, line)
        return after

    async def _tell_of_alert(self, uow: UnitOfWork, one: Prescription, lines: Sequence[Line]) -> None:
        """The prescriber, who decides, and on a ward its nurses, who give it meanwhile.

        Nobody, of what a ward gave to somebody who has left.
        """
        if one.given_on_ward and one.ward is None:
            return
        people = {one.prescribed_by}
        if one.ward is not None and one.given_on_ward:
            nurses = await self._identity.users_with(uow.connection, roles=[Role.NURSE], ward=one.ward)
            people |= {user.id for user in nurses}
        active = await self._identity.active_names_of(uow.connection, people)
        subject = Subject("prescription", str(one.id))
        for line in lines:
            title = say(Phrase.ALLERGY_ALERT, medicine=line.name)
            await self._tell(uow, active, Kind.ALLERGY_ALERT, title, subject, Priority.HIGH, one.patient_id)


def refuse_alerts(lines: Sequence[Line], wanted: Collection[uuid.UUID]) -> None:
    """Raises ``conflict`` if one of the lines ``wanted`` has an open alert; it says no more than which."""
    named = [line for line in lines if line.id in wanted and line.allergy_alert]
    if named:
        raise HmsError(
            Code.CONFLICT,
            f"an allergy became known since {named[0].name} was prescribed: a doctor stops the prescription,"
            " or says why it goes on (POST /prescriptions/{id}/overrides)",
            fields={"lines": [str(line.id) for line in named]},
        )
