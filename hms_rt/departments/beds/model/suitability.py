"""What a bed offers, what a patient needs, and whether the two fit. Pure: decides.

A patient in isolation shares a room only with patients in the same isolation (cohort); a patient without
shares none with a patient in isolation. Airborne isolation needs negative pressure. Source: the precautions
that hospitals practise by way of transmission (contact, droplet, airborne), and protective isolation.
Somebody who knows better gives a reason, which is kept with the stay.
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
class Needs:
    """What a patient needs of a bed."""

    features: frozenset[Feature] = frozenset()
    isolation: Isolation | None = None

    @property
    def all_features(self) -> frozenset[Feature]:
        """Also those that the isolation asks for."""
        airborne = self.isolation is Isolation.AIRBORNE
        return self.features | {Feature.NEGATIVE_PRESSURE} if airborne else self.features


def unsuitable(
    needs: Needs, features: Collection[Feature], neighbours: Sequence[Isolation | None]
) -> list[str]:
    """Why a patient with ``needs`` should not lie there, in words; empty if nothing speaks against it.

    ``neighbours``: the isolation of every patient who lies in the same room.
    """
    found = [f"the bed has no {feature}" for feature in sorted(needs.all_features.difference(features))]
    others = {isolation for isolation in neighbours if isolation is not needs.isolation}
    if others and needs.isolation is not None:
        found.append(f"the room has patients who are not in {needs.isolation} isolation")
    elif others:
        kinds = ", ".join(sorted(isolation for isolation in others if isolation is not None))
        found.append(f"the room has a patient in {kinds} isolation")
    return found
