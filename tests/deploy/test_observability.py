"""The alert rules and the Grafana dashboard: their queries are valid, and ask for metrics that exist."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dayhand.ledger.telemetry.metrics import METRICS, MetricType
from tests.promtool import promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
EXPRESSIONS = [
    *(rule["expr"] for rule in ALERTS),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
]
TESTS = ROOT / "tests" / "deploy" / "alerts_test.yml"
SELECTOR = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')


def run(*arguments: str | Path) -> str:
    result = subprocess.run([promtool(), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_each_alert_fires_when_it_should_and_not_while_all_is_well() -> None:
    run("test", "rules", TESTS)


def test_every_alert_is_tested_and_has_its_line_in_the_documentation() -> None:
    names = [rule["alert"] for rule in ALERTS]
    cases: list[dict[str, Any]] = [
        one for test in yaml.safe_load(TESTS.read_text())["tests"] for one in test["alert_rule_test"]
    ]
    assert {one["alertname"] for one in cases if one.get("exp_alerts")} == set(names)
    assert {one["alertname"] for one in cases if not one.get("exp_alerts")} == set(names)
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(Dayhand\w+)` \|", page, re.MULTILINE) == names


def test_every_query_is_valid(tmp_path: Path) -> None:
    queries = [one.replace("$__rate_interval", "5m") for one in EXPRESSIONS]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    assert f"{len(EXPRESSIONS)} rules found" in run("check", "rules", file)


@pytest.mark.parametrize("expression", dict.fromkeys(EXPRESSIONS))
def test_every_metric_and_label_that_a_query_asks_for_exists(expression: str) -> None:
    served = {metric.name: metric for metric in METRICS}
    served |= {f"{one.name}_bucket": one for one in METRICS if one.type is MetricType.HISTOGRAM}
    named = re.findall(r"\b(dayhand_\w+)(?:\{([^}]*)\})?", expression)
    assert named
    for name, selectors in named:
        metric = served[name]
        for label, operator, value in SELECTOR.findall(selectors):
            assert label == metric.label
            assert set(value.split("|")) <= set(metric.values) if operator == "=~" else value in metric.values
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        assert set(labels.split(", ")) <= {"le", *(served[name].label for name, _ in named)}


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(EXPRESSIONS)
    assert [metric.name for metric in METRICS if metric.name not in shown] == []
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
