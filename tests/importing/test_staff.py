"""Staff from a file: accounts are opened once, whole or not at all, and never touched again."""

import pytest

from hms_rt.departments.identity.schemas import AssignmentIn, UserOut, UserQuery
from hms_rt.importing.kinds import Kind
from hms_rt.kernel.principal import SYSTEM, AssignmentKind
from hms_rt.services import Services
from tests.conftest import PASSWORD, command
from tests.importing.conftest import Desk, counts, told

HEADER = "username,display_name,roles,assignments,password\n"
WARD = "ward,room,bed\nICU,R1,01\n"


async def user(services: Services, username: str) -> UserOut:
    users = (await services.identity.list_users(SYSTEM, UserQuery())).items
    return next(each for each in users if each.username == username)


async def test_rights_that_were_taken_away_do_not_come_back_with_the_file(
    desk: Desk, services: Services
) -> None:
    await desk.bring(Kind.BEDS, WARD)
    content = HEADER + f"nora,Nora N,nurse,ward:ICU;cashier,{PASSWORD}\n"
    assert counts(await desk.bring(Kind.STAFF, content)) == (1, 0, 0)
    assert counts(await desk.bring(Kind.STAFF, content)) == (0, 1, 0)
    nora = await user(services, "nora")
    taken = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
    await services.identity.unassign(SYSTEM, command(), nora.id, taken)

    again = await desk.bring(Kind.STAFF, content)
    assert told(again) == {2: "exists with other assignments"}
    assert [given.kind for given in (await user(services, "nora")).assignments] == ["cashier"]
    assert not desk.passwords.exists()


BAD_LINES = [
    ("no name,X,nurse,,", "username"),
    ("ann,,nurse,,", "display_name"),
    ("ann,Ann,surgeon,,", "roles"),
    ("ann,Ann,nurse,,short", "password: needs at least 12 characters"),
    ("ann,Ann,nurse,ward,", "assignments: place: ward needs the code of a place"),
    ("ann,Ann,nurse,ward:XYZ,", "assignments: there is no ward XYZ: import beds first"),
    ("ann,Ann,nurse,porter:ICU,", "assignments: kind"),
    ("ann,Ann,nurse,privacy_officer:ICU,", "assignments: place: privacy_officer is not tied to a place"),
    ("NORA,Nora Two,nurse,,", "the same username is on line 2"),
]


async def test_bad_lines_open_no_account(desk: Desk, services: Services) -> None:
    content = HEADER + "nora,Nora N,nurse,,\n" + "".join(f"{line}\n" for line, _ in BAD_LINES)
    for dry_run in (True, False):
        summary = await desk.bring(Kind.STAFF, content, dry_run=dry_run)
        assert counts(summary) == (1, 0, len(BAD_LINES))
        for number, (_, said) in enumerate(BAD_LINES, start=3):
            assert said in told(summary)[number]
            assert "short" not in told(summary)[number].replace("shorter", "")
    users = (await services.identity.list_users(SYSTEM, UserQuery())).items
    assert [each.username for each in users] == ["nora"]


async def test_passwords_of_an_earlier_import_are_kept_and_a_link_is_not_followed(desk: Desk) -> None:
    await desk.bring(Kind.STAFF, "username,display_name,roles\nann,Ann,nurse\n")
    await desk.bring(Kind.STAFF, "username,display_name,roles\nbob,Bob,doctor\n")
    lines = desk.passwords.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["username", "ann", "bob"]

    desk.passwords.unlink()
    desk.passwords.symlink_to(desk.folder / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        await desk.bring(Kind.STAFF, "username,display_name,roles\ncid,Cid,lab\n")
    assert not (desk.folder / "elsewhere").exists()
