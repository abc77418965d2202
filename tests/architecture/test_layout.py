"""The house rules that no linter knows: every department has its doors and tests, files stay small."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPARTMENTS = sorted(
    folder.name for folder in (ROOT / "hms_rt/departments").iterdir() if (folder / "__init__.py").exists()
)
PYTHON = sorted(
    path
    for top in ("hms_rt", "handlers", "channels", "tests", "bench")
    for path in (ROOT / top).rglob("*.py")
    if "vendor" not in path.parts
)

WITHOUT_NAMESPACE = {
    "audit": "read by administrators over REST",
    "identity": "its stream of rights is internal",
    "boards": "its pages are printed; what changes on screens belongs to the departments",
    "reporting": "read by external servers over REST",
    "patients": "a patient is fetched, and read accesses are audited",
}
"""Departments that need no channel, and why."""

STORES = {"sqlalchemy", "asyncpg", "motor", "pymongo", "redis"}
MOST_LINES = 450
FORBIDDEN = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_a_department_has_its_doors_and_tests(department: str) -> None:
    assert (ROOT / f"handlers/{department}.py").is_file(), f"handlers/{department}.py is missing"
    tests = list((ROOT / f"tests/{department}").glob("test_*.py"))
    assert tests, f"tests/{department} has no tests"
    channel = (ROOT / f"channels/{department}.py").is_file()
    assert channel or department in WITHOUT_NAMESPACE, f"channels/{department}.py is missing"
    assert not (channel and department in WITHOUT_NAMESPACE), f"{department} has a channel now: drop it here"


@pytest.mark.parametrize("door", ["handlers", "channels"])
def test_doors_import_no_store(door: str) -> None:
    for path in (ROOT / door).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            used = {name.split(".")[0] for name in names} & STORES
            assert not used, f"{path.name} imports {used}"


def test_only_one_module_knows_motor() -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in PYTHON
        if path.is_relative_to(ROOT / "hms_rt")
        and re.search(r"^from motor|^import motor", path.read_text(), re.M)
    }
    assert users == {"hms_rt/storage/mongo.py"}


def test_files_stay_small_and_finished() -> None:
    long = [str(path) for path in PYTHON if len(path.read_text().splitlines()) > MOST_LINES]
    assert not long, f"split these by subject: {long}"
    unfinished = [str(path) for path in PYTHON if FORBIDDEN.search(path.read_text())]
    assert not unfinished


def test_settings_are_read_at_the_root_only() -> None:
    allowed = {"hms_rt/config.py", "hms_rt/app.py", "hms_rt/__main__.py"}
    readers = {
        str(path.relative_to(ROOT))
        for path in PYTHON
        if path.is_relative_to(ROOT / "hms_rt")
        and re.search(r"os\.environ|os\.getenv|from hms_rt\.config import", path.read_text())
    }
    strangers = {path for path in readers - allowed if not path.startswith("hms_rt/cli/")}
    assert not strangers
