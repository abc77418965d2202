"""Whether somebody who is about to be registered is registered already."""

import uuid
from collections.abc import Collection

from hms_rt.departments.patients.model.identifier import compared
from hms_rt.departments.patients.model.matching import PROBABLE, Match, Person, best, compare, person_of
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.reading import shown_as
from hms_rt.departments.patients.repository import identifiers, match_keys, patients
from hms_rt.departments.patients.schemas import Candidate, Candidates, PatientNew, PatientProbe
from hms_rt.departments.patients.service.finding import Finding
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

SHOWN = 10
SAME_NUMBER = Match(100, ("identifier",))

Found = list[tuple[Patient, Match]]


class Matching(Finding):
    """The search that comes before a registration."""

    async def match(self, principal: Principal, command: Command, probe: PatientProbe) -> Candidates:
        """Registered patients who may be ``probe``, the most alike first; the search and each are audited."""

        async def work(uow: UnitOfWork) -> Candidates:
            require(principal, Permission.PATIENT_REGISTER)
            person = Person(
                probe.family_name, probe.given_name or "", probe.sex, probe.birth_date, probe.phone or ""
            )
            number = compared(probe.identifier) if probe.identifier is not None else ""
            holders = await identifiers.patients_with(uow.connection, number, limit=SHOWN) if number else []
            items: list[Candidate] = []
            for patient, match in await alike(uow, person, holders):
                shown = await self._shown(uow, principal, patient)
                if shown is not None:
                    self._audit_read(uow, "patient.found", patient.id, shown)
                    items.append(
                        Candidate(
                            patient=shown_as(patient, shown), score=match.score, because=list(match.because)
                        )
                    )
            uow.audit(
                "patient.match",
                entity="search",
                entity_id=command.request_id,
                detail={"shown": len(items)},
            )
            return Candidates(items=items)

        return await self._units.execute(principal, command, Candidates, work)

    async def _refuse_duplicate(self, uow: UnitOfWork, new: PatientNew) -> list[str]:
        """Raises ``possible_duplicate`` with whom it may be, unless ``confirm_new`` says that it is not.

        Answers the ids of those it is said not to be. Until the commit nobody else of that name or birth
        date is registered.
        """
        person = Person(new.family_name or "", new.given_name or "", new.sex, new.birth_date, new.phone or "")
        await match_keys.lock(uow.connection, person)
        found = [one for one in await alike(uow, person) if one[1].score >= PROBABLE]
        if found and new.confirm_new is None:
            raise HmsError(
                Code.POSSIBLE_DUPLICATE,
                "the patient may be registered already: look at the candidates, or send confirm_new with"
                " the reason why it is none of them",
                fields={"candidates": [_told(patient, match) for patient, match in found]},
            )
        return [str(patient.id) for patient, _ in found]


async def alike(uow: UnitOfWork, person: Person, holders: Collection[uuid.UUID] = ()) -> Found:
    """Those who may be ``person``, the most alike first; a merged one counts for the survivor."""
    found: dict[uuid.UUID, tuple[Patient, Match]] = {}
    for candidate in await match_keys.candidates(uow.connection, person, holders):
        same = candidate.id in holders
        match = SAME_NUMBER if same else compare(person, person_of(candidate))
        patient = await patients.survivor(uow.connection, candidate)
        if patient.id not in found or found[patient.id][1].score < match.score:
            found[patient.id] = patient, match
    return best(found.values(), SHOWN)


def _told(patient: Patient, match: Match) -> dict[str, str]:
    """A candidate without a name: who asks reads it, which is audited."""
    return {"id": str(patient.id), "score": str(match.score), "because": ", ".join(match.because)}
