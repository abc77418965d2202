"""Sessions, links and assignments, decided without a database."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.identity.model import (
    LINK_LIFETIME,
    REPEAT_GRACE,
    SESSION_LIFETIME,
    Device,
    RefreshOutcome,
    Session,
    check_assignment,
    check_not_self,
    screen_path,
)
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Principal, PrincipalKind

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SESSION = Session(
    id=uuid.uuid4(),
    user_id=uuid.uuid4(),
    created_at=NOW,
    refreshed_at=NOW,
    expires_at=NOW + SESSION_LIFETIME,
    ended_at=None,
    refresh_digest=b"current",
    previous_digest=b"previous",
)
DEVICE = Device(
    id=uuid.uuid4(),
    name="ICU board",
    rooms=("/beds ward:ICU",),
    link_digest=b"link",
    link_expires_at=NOW + LINK_LIFETIME,
    session_id=None,
    enrolled_at=None,
    revoked_at=None,
    rights_version=1,
    version=1,
    created_at=NOW,
)


def test_the_current_refresh_token_is_replaced() -> None:
    assert SESSION.present(b"current", NOW + timedelta(hours=11)) is RefreshOutcome.ROTATE


def test_the_replaced_one_is_forgiven_for_ten_seconds() -> None:
    assert SESSION.present(b"previous", NOW + REPEAT_GRACE) is RefreshOutcome.REPEAT
    assert SESSION.present(b"previous", NOW + timedelta(seconds=11)) is RefreshOutcome.REUSED


def test_any_other_means_that_somebody_has_a_copy() -> None:
    assert SESSION.present(b"older", NOW) is RefreshOutcome.REUSED


def test_nothing_refreshes_a_session_that_is_over() -> None:
    assert SESSION.present(b"current", NOW + SESSION_LIFETIME) is RefreshOutcome.ENDED
    assert replace(SESSION, ended_at=NOW).present(b"current", NOW) is RefreshOutcome.ENDED


def test_a_fresh_link_enrols() -> None:
    DEVICE.check_enrollable(NOW)


@pytest.mark.parametrize(
    "spent",
    [
        replace(DEVICE, link_digest=None, link_expires_at=None),
        replace(DEVICE, link_expires_at=NOW),
        replace(DEVICE, revoked_at=NOW),
    ],
    ids=["used", "expired", "revoked"],
)
def test_a_spent_link_does_not(spent: Device) -> None:
    with pytest.raises(HmsError) as refused:
        spent.check_enrollable(NOW)
    assert refused.value.code is Code.UNAUTHENTICATED


def test_nobody_gives_rights_to_themselves() -> None:
    admin = Principal(PrincipalKind.USER, uuid.uuid4(), uuid.uuid4(), "admin")
    check_not_self(admin, uuid.uuid4())
    check_not_self(SYSTEM, SYSTEM.id)
    with pytest.raises(HmsError) as refused:
        check_not_self(admin, admin.id)
    assert refused.value.code is Code.FORBIDDEN


@pytest.mark.parametrize("kind", list(AssignmentKind))
def test_places_are_given_where_they_are_meant(kind: AssignmentKind) -> None:
    needs = kind in {"ward", "clinic", "counter", "charge_nurse"}
    never = kind == "privacy_officer"
    for place, refused in (("", needs), ("ICU", never)):
        if refused:
            with pytest.raises(HmsError):
                check_assignment(kind, place)
        else:
            check_assignment(kind, place)


def test_the_first_room_decides_the_page() -> None:
    assert screen_path(("/beds ward:ICU", "/opd clinic:GEN")) == "/screens/ward/ICU"
    assert screen_path(("/opd clinic:GEN",)) == "/screens/opd/GEN"
    assert screen_path(("/beds hospital",)) == "/screens/hospital"
    assert screen_path(("/pharmacy dispensary:MAIN",)) == "/screens/dispensary/MAIN"
    assert screen_path(("/billing cashier:K1",)) == "/screens/cashier/K1"
