"""Titles in the language of whoever reads: in the room, in lists, and after a change of mind."""

import re
import uuid

import pytest

from hms_rt.departments.lab.views.words import WORDS as PRINTED
from hms_rt.departments.notifications.model.notification import say_safely
from hms_rt.departments.notifications.model.texts import _TEXTS, spoken, words
from hms_rt.departments.notifications.schemas.notifications import (
    NotificationQuery,
    PreferencesShape,
    SentQuery,
)
from hms_rt.departments.notifications.service import Kind, NotificationsService, Phrase, say
from hms_rt.departments.opd.model.announcing import TEXTS as ANNOUNCED
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.languages import LANGUAGES
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command
from tests.notifications.conftest import Room, Tell

_SLOT = re.compile(r"{(\w+)}")
LOW = say(Phrase.CRITICAL_LOW, test="Lactate")


@pytest.mark.parametrize("phrase", Phrase)
def test_every_phrase_is_said_in_every_language_with_the_same_slots(phrase: Phrase) -> None:
    texts = _TEXTS[phrase]
    slots = [sorted(_SLOT.findall(text)) for text in texts]
    assert len(texts) == len(LANGUAGES)
    assert all(one == slots[0] for one in slots), slots
    wording = say(phrase, **dict.fromkeys(slots[0], "X1"))
    said = [words(wording, language) for language in LANGUAGES]
    assert all(said)
    assert not any(re.search(r"[{}]", one) for one in said)


def test_the_languages_are_those_of_announcements_and_labels() -> None:
    assert set(LANGUAGES) == set(ANNOUNCED) == set(PRINTED)
    assert [spoken(wanted, "es") for wanted in ("de", "sv", None)] == ["de", "es", "es"]
    assert spoken(None, "sv") == "en"


def test_a_slot_never_names_the_patient() -> None:
    kept = say_safely(Kind.CRITICAL_RESULT, LOW, "Curie, Marie")
    named = say_safely(Kind.CRITICAL_RESULT, say(Phrase.CRITICAL_LOW, test="Curie index"), "Curie, Marie")
    assert (kept.title_in("de"), kept.wording) == ("Kritischer Wert: Lactate (niedrig)", LOW)
    assert (named.title_in("de"), named.wording) == ("Critical result", None)
    long = say_safely(Kind.CRITICAL_RESULT, say(Phrase.CRITICAL_LOW, test="L" * 300), None)
    assert (len(long.title_in("ru")), long.title_in("ru")[-1]) == (120, "…")


async def test_each_reads_in_their_own_language_also_what_waits_already(
    services: Services,
    notifications: NotificationsService,
    person: PersonFactory,
    tell: Tell,
    snapshot: Room,
    replayed: Room,
) -> None:
    hans, ann = await person(Role.DOCTOR), await person(Role.NURSE)
    await notifications.prefer(hans, command(), PreferencesShape(language="de"))
    new = PatientNew(family_name="Curie")
    patient: uuid.UUID = (await services.patients.register(SYSTEM, command(), new)).id
    await tell(hans.id, ann.id, title=LOW, patient_id=patient)
    await tell(hans.id, title="A text of old")

    async def room(user_id: uuid.UUID) -> list[str]:
        shown = await snapshot(user_id)
        assert shown == await replayed(user_id)
        return sorted(one["title"] for one in shown.values())

    assert await room(hans.id) == ["A text of old", "Kritischer Wert: Lactate (niedrig)"]
    assert await room(ann.id) == ["Critical result: Lactate (low)"]
    await notifications.prefer(ann, command(), PreferencesShape(language="fr"))
    assert await room(ann.id) == ["Résultat critique : Lactate (bas)"]
    listed = await notifications.list_own(ann, NotificationQuery())
    assert [one.title for one in listed.items] == ["Résultat critique : Lactate (bas)"]
    await notifications.prefer(ann, command(), PreferencesShape(language="sv"))
    assert await room(ann.id) == ["Critical result: Lactate (low)"]
    sent = await notifications.sent(hans, SentQuery())
    assert sent.items == []
