"""What an admission is, and which moves are legal (DESIGN §8). Pure: decides or raises."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hms_rt.departments.beds.model import Feature, Isolation, Needs
from hms_rt.departments.ipd.model.times import check_order
from hms_rt.kernel.errors import conflict, illegal_move


class AdmissionState(StrEnum):
    """States of an admission."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    ADMITTED = "admitted"
    DISCHARGE_ORDERED = "discharge_ordered"
    DISCHARGED = "discharged"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What may be done with an admission; also what its history calls it."""

    REQUEST = "request"
    ACCEPT = "accept"
    ASSIGN = "assign"  # a bed: this admits
    TRANSFER = "transfer"
    ORDER_DISCHARGE = "order_discharge"
    REVOKE_DISCHARGE = "revoke_discharge"
    DEPART = "depart"  # the patient physically leaves
    CANCEL = "cancel"  # before the patient is in a bed
    CANCEL_ADMIT = "cancel_admit"  # the patient never was in that bed
    CANCEL_TRANSFER = "cancel_transfer"  # the patient never left the bed before
    CANCEL_DISCHARGE = "cancel_discharge"  # the patient never left
    HOLD = "hold"  # a bed is kept for the patient
    RELEASE_HOLD = "release_hold"
    EXPIRE_HOLD = "expire_hold"  # by the server's timer
    SWAP = "swap"  # two patients exchange beds
    BIRTH = "birth"  # a newborn: admitted with it
    CHANGE_NEEDS = "change_needs"  # what the patient needs of a bed; isolation
    ROOM_IN = "room_in"  # a child comes into a cot beside its mother
    SEPARATE = "separate"  # the mother goes elsewhere, the child stays where it is


class Disposition(StrEnum):
    """How a patient leaves."""

    HOME = "home"
    DIED = "died"
    LEFT = "left"  # against advice, or without telling
    TRANSFERRED_OUT = "transferred_out"  # to another hospital


class ChildrenGo(StrEnum):
    """What becomes of the children who room in when their mother leaves."""

    LEAVE = "leave"  # with her, in the same way
    STAY = "stay"


UNORDERED = frozenset({Disposition.DIED, Disposition.LEFT, Disposition.TRANSFERRED_OUT})
"""How a patient may leave although no discharge was ordered."""

_S = AdmissionState

MOVES: Mapping[AdmissionState, Mapping[Move, frozenset[AdmissionState]]] = {
    _S.REQUESTED: {
        Move.ACCEPT: frozenset({_S.ACCEPTED}),
        Move.CANCEL: frozenset({_S.CANCELLED}),
        Move.CHANGE_NEEDS: frozenset({_S.REQUESTED}),
    },
    _S.ACCEPTED: {
        Move.ASSIGN: frozenset({_S.ADMITTED}),
        Move.CANCEL: frozenset({_S.CANCELLED}),
        Move.CHANGE_NEEDS: frozenset({_S.ACCEPTED}),
        Move.HOLD: frozenset({_S.ACCEPTED}),
        Move.RELEASE_HOLD: frozenset({_S.ACCEPTED}),
    },
    _S.ADMITTED: {
        Move.TRANSFER: frozenset({_S.ADMITTED}),
        Move.ORDER_DISCHARGE: frozenset({_S.DISCHARGE_ORDERED}),
        Move.DEPART: frozenset({_S.DISCHARGED}),
        Move.CANCEL_ADMIT: frozenset({_S.ACCEPTED}),
        Move.CANCEL_TRANSFER: frozenset({_S.ADMITTED}),
        Move.CHANGE_NEEDS: frozenset({_S.ADMITTED}),
        Move.HOLD: frozenset({_S.ADMITTED}),
        Move.RELEASE_HOLD: frozenset({_S.ADMITTED}),
        Move.SWAP: frozenset({_S.ADMITTED}),
        Move.ROOM_IN: frozenset({_S.ADMITTED}),
        Move.SEPARATE: frozenset({_S.ADMITTED}),
    },
    _S.DISCHARGE_ORDERED: {
        Move.TRANSFER: frozenset({_S.DISCHARGE_ORDERED}),
        Move.REVOKE_DISCHARGE: frozenset({_S.ADMITTED}),
        Move.DEPART: frozenset({_S.DISCHARGED}),
        Move.CANCEL_TRANSFER: frozenset({_S.DISCHARGE_ORDERED}),
        Move.CHANGE_NEEDS: frozenset({_S.DISCHARGE_ORDERED}),
        Move.HOLD: frozenset({_S.DISCHARGE_ORDERED}),
        Move.RELEASE_HOLD: frozenset({_S.DISCHARGE_ORDERED}),
        Move.SWAP: frozenset({_S.DISCHARGE_ORDERED}),
        Move.ROOM_IN: frozenset({_S.DISCHARGE_ORDERED}),
        Move.SEPARATE: frozenset({_S.DISCHARGE_ORDERED}),
    },
    _S.DISCHARGED: {Move.CANCEL_DISCHARGE: frozenset({_S.ADMITTED, _S.DISCHARGE_ORDERED})},
    _S.CANCELLED: {},
}
"""State -> move -> where it may lead: every legal move of an admission.

A birth leads from nothing to admitted; that a hold ran out changes nothing of the admission.
"""

OPEN = frozenset({_S.REQUESTED, _S.ACCEPTED, _S.ADMITTED, _S.DISCHARGE_ORDERED})
"""A patient has at most one admission in these states."""

IN_BED = frozenset({_S.ADMITTED, _S.DISCHARGE_ORDERED})
"""The patient has an open stay exactly in these states."""


@dataclass(frozen=True, slots=True)
class Admission:
    """An admission as its row holds it. Its methods raise ``illegal_move``, ``conflict`` or ``invalid``.

    ``ward`` is the ward asked for until the patient is in a bed, then the ward of that bed.
    """

    id: uuid.UUID
    patient_id: uuid.UUID
    ward: str
    state: AdmissionState
    reason: str
    requested_by: uuid.UUID
    requested_at: datetime
    recorded_at: datetime
    accepted_at: datetime | None = None
    admitted_at: datetime | None = None
    discharge_ordered_at: datetime | None = None
    planned_disposition: Disposition | None = None
    discharged_at: datetime | None = None
    disposition: Disposition | None = None
    cancelled_at: datetime | None = None
    version: int = 1
    features: frozenset[Feature] = frozenset()
    isolation: Isolation | None = None
    organism: str | None = None

    @property
    def needs(self) -> Needs:
        """What the patient needs of a bed."""
        return Needs(self.features, self.isolation, self.organism)

    def check(self, move: Move) -> None:
        """Raises ``illegal_move``, which names the legal moves, if ``move`` is none of them."""
        legal = MOVES[self.state]
        if move not in legal:
            raise illegal_move("the admission", self.state.value, move.value, [m.value for m in legal])

    def accept(self, at: datetime) -> "Admission":
        """The ward takes the patient."""
        return replace(self._moved(Move.ACCEPT, _S.ACCEPTED), accepted_at=at)

    def assign(self, ward: str, at: datetime) -> "Admission":
        """The patient comes into a bed of ``ward``."""
        return replace(self._moved(Move.ASSIGN, _S.ADMITTED), ward=ward, admitted_at=at)

    def transfer(self, ward: str) -> "Admission":
        """The patient goes to another bed, of ``ward``."""
        return replace(self._moved(Move.TRANSFER, self.state), ward=ward)

    def order_discharge(self, planned: Disposition, at: datetime) -> "Admission":
        """A doctor lets the patient go; the bed stays occupied until the patient does."""
        after = self._moved(Move.ORDER_DISCHARGE, _S.DISCHARGE_ORDERED)
        if self.admitted_at is not None:
            check_order(at, self.admitted_at, "the patient was admitted")
        return replace(after, discharge_ordered_at=at, planned_disposition=planned)

    def revoke_discharge(self) -> "Admission":
        """The order is withdrawn."""
        after = self._moved(Move.REVOKE_DISCHARGE, _S.ADMITTED)
        return replace(after, discharge_ordered_at=None, planned_disposition=None)

    def depart(self, disposition: Disposition, at: datetime) -> "Admission":
        """The patient leaves: without an order only as died, left or transferred out."""
        after = self._moved(Move.DEPART, _S.DISCHARGED)
        if self.state is _S.ADMITTED and disposition not in UNORDERED:
            without = ", ".join(sorted(UNORDERED))
            raise conflict(f"no discharge is ordered: the patient can leave only as {without}")
        return replace(after, disposition=disposition, discharged_at=at)

    def swap(self, ward: str) -> "Admission":
        """The patient goes to the bed of another, of ``ward``, and the other comes to this one's."""
        return replace(self._moved(Move.SWAP, self.state), ward=ward)

    def room_in(self, ward: str) -> "Admission":
        """A child comes into a cot beside its mother, in ``ward``."""
        return replace(self._moved(Move.ROOM_IN, self.state), ward=ward)

    def separate(self) -> "Admission":
        """A child stays where it is while its mother goes elsewhere."""
        return self._moved(Move.SEPARATE, self.state)

    def change_needs(self, needs: Needs) -> "Admission":
        """The patient needs something else of a bed."""
        after = self._moved(Move.CHANGE_NEEDS, self.state)
        return replace(after, features=needs.features, isolation=needs.isolation, organism=needs.organism)

    def hold(self) -> "Admission":
        """A bed is kept for the patient."""
        return self._moved(Move.HOLD, self.state)

    def release_hold(self) -> "Admission":
        """No bed is kept any more."""
        return self._moved(Move.RELEASE_HOLD, self.state)

    def cancel(self, at: datetime) -> "Admission":
        """The request is withdrawn or refused."""
        return replace(self._moved(Move.CANCEL, _S.CANCELLED), cancelled_at=at)

    def cancel_admit(self) -> "Admission":
        """Entered in error: the patient was never in that bed and still waits for one."""
        return replace(self._moved(Move.CANCEL_ADMIT, _S.ACCEPTED), admitted_at=None)

    def cancel_transfer(self, ward: str) -> "Admission":
        """Entered in error: the patient is still in the bed before, of ``ward``."""
        return replace(self._moved(Move.CANCEL_TRANSFER, self.state), ward=ward)

    def cancel_discharge(self, ward: str) -> "Admission":
        """Entered in error: the patient never left, and lies in ``ward``; an order that was given stands."""
        to = _S.ADMITTED if self.discharge_ordered_at is None else _S.DISCHARGE_ORDERED
        after = self._moved(Move.CANCEL_DISCHARGE, to)
        return replace(after, ward=ward, disposition=None, discharged_at=None)

    def _moved(self, move: Move, to: AdmissionState) -> "Admission":
        self.check(move)
        if to not in MOVES[self.state][move]:
            raise ValueError(f"{move} does not lead from {self.state} to {to}")
        return replace(self, state=to, version=self.version + 1)
