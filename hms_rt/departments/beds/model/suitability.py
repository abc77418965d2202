"""What a bed offers, what a patient needs, and whether the two fit. Pure: decides.

A patient in isolation shares a room only with patients in the same isolation for the same organism (cohort);
a patient without shares none with a patient in isolation. A room may be kept for an isolation of its own.
Airborne isolation needs negative pressure. Source: the precautions that hospitals practise by way of
transmission (contact, droplet, airborne), and protective isolation. Somebody who knows better gives a reason,
which is kept with the stay.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Feature(StrEnum):
    """What a bed, or the place where it stands, is equipped with."""

    OXYGEN = "oxygen"
    SUCTION = "suction"
    MONITOR = "monitor"
    TELEMETRY = "telemetry"
    VENTILATOR = "ventilator"
    DIALYSIS = "dialysis"
    NEGATIVE_PRESSURE = "negative_pressure"
    BARIATRIC = "bariatric"


class Isolation(StrEnum):
    """Precautions that a patient is under."""

    CONTACT = "contact"
    DROPLET = "droplet"
    AIRBORNE = "airborne"
    PROTECTIVE = "protective"


@dataclass(frozen=True, slots=True)
class Precaution:
    """An isolation, and the organism that it is for, if that is told: those who have the same may cohort."""

    kind: Isolation
    organism: str | None = None

    def admits(self, other: "Precaution | None") -> bool:
        """Whether a room that is kept for this takes a patient in ``other``; no organism: any of the kind."""
        if other is None or other.kind is not self.kind:
            return False
        return self.organism is None or other.organism == self.organism


@dataclass(frozen=True, slots=True)
class Needs:
    """What a patient needs of a bed."""

    features: frozenset[Feature] = frozenset()
    isolation: Isolation | None = None
    organism: str | None = None

    @property
    def precaution(self) -> Precaution | None:
        """The isolation with its organism."""
        return Precaution(self.isolation, self.organism) if self.isolation is not None else None

    @property
    def all_features(self) -> frozenset[Feature]:
        """Also those that the isolation asks for."""
        airborne = self.isolation is Isolation.AIRBORNE
        return self.features | {Feature.NEGATIVE_PRESSURE} if airborne else self.features


def unsuitable(
    needs: Needs,
    features: Collection[Feature],
    neighbours: Sequence[Precaution | None],
    room: Precaution | None = None,
) -> list[str]:
    """Why a patient with ``needs`` should not lie there, in words; empty if nothing speaks against it.

    ``neighbours``: the precaution of every patient who lies in the same room. ``room``: what the room is
    kept for. No organism is named: whoever assigns beds need not know it.
    """
    found = [f"the bed has no {feature}" for feature in sorted(needs.all_features.difference(features))]
    if room is not None and not room.admits(needs.precaution):
        for_some = " for another organism" if needs.isolation is room.kind else ""
        found.append(f"the room is kept for {room.kind} isolation{for_some}")
    kinds = {one.kind if one is not None else None for one in neighbours if one != needs.precaution}
    if kinds == {needs.isolation} and needs.isolation is not None:
        found.append(f"the room has patients in {needs.isolation} isolation for another organism")
    elif kinds and needs.isolation is not None:
        found.append(f"the room has patients who are not in {needs.isolation} isolation")
    elif kinds:
        named = ", ".join(sorted(kind for kind in kinds if kind is not None))
        found.append(f"the room has a patient in {named} isolation")
    return found
