"""The alert rules for operators speak of metrics and words that exist, and each is explained."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from hms_rt.realtime import metrics
from hms_rt.web import request_log

DOCS = Path(__file__).parents[2] / "docs"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
OF_PROMETHEUS = {"up"}
REASONS = {
    "hms_handshakes_refused_total": metrics.Refusal,
    "hms_sockets_aborted_total": metrics.Abort,
    "hms_snapshots_sent_total": metrics.Snapshot,
    "hms_rights_checks_total": metrics.Checked,
}


def exported() -> set[str]:
    """Every series' name that this server can have."""
    assert metrics.gauges() is not None
    assert request_log.SECONDS is not None
    found = set()
    for family in REGISTRY.collect():
        found.add(family.name)
        if family.type == "counter":
            found.add(f"{family.name}_total")
        if family.type == "histogram":
            found |= {f"{family.name}{ending}" for ending in ("_bucket", "_sum", "_count")}
    return found


def selectors(expression: str) -> list[tuple[str, str]]:
    """Names of series, and what stands in their braces."""
    return re.findall(r"\b(hms_\w+|up)\b(?:\{([^}]*)\})?", expression)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_speaks_of_what_is_measured(rule: dict[str, Any]) -> None:
    spoken = list(selectors(rule["expr"]))
    assert spoken, rule["expr"]
    for name, braces in spoken:
        assert name in exported() | OF_PROMETHEUS, name
        for word in re.findall(r'(?:reason|outcome)!?="(\w+)"', braces):
            assert word in set(REASONS[name]), (name, word)


def test_every_rule_is_explained_and_nothing_else_is() -> None:
    explained = re.findall(r"`(Hms[A-Z]\w+)`", (DOCS / "operations.md").read_text())
    assert sorted(explained) == sorted(NAMES)


def test_metrics_that_the_page_for_operators_names_exist() -> None:
    named = set(re.findall(r"\b(hms_(?!rt\b)[a-z_]+[a-z])", (DOCS / "operations.md").read_text()))
    assert len(named) > 10
    assert named <= exported(), named - exported()
