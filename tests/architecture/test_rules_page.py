"""docs/rules.md says what holds each rule of stock and money, and names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/rules.md").read_text()
MIGRATIONS = "\n".join(path.read_text() for path in (ROOT / "hms_rt/migrations/versions").glob("*.py"))
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| Rule"))
]


def test_each_rule_has_a_holder_that_the_migrations_make_and_an_attack_that_is_run() -> None:
    assert len(ROWS) > 40
    for row in ROWS:
        assert len(row) == 3, row
        holders, attacks = (re.findall(r"`([^`]+)`", cell) for cell in row[1:])
        assert holders, row
        assert attacks, row
        for name in holders:
            assert re.search(rf"\b{name}\b", MIGRATIONS), f"no migration makes {name}"
        for attack in attacks:
            file, _, name = attack.partition("::")
            source = (ROOT / file).read_text()
            assert not name or re.search(rf"^(async )?(def )?{name}\b", source, re.MULTILINE), attack
