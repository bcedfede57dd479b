"""The tables in docs/monitoring.md name the metrics and the alerts that there are."""

from __future__ import annotations

import re

from tests.docs.files import sections
from tests.live import ROOT
from tests.prometheus import METRICS, alert_rules

SECTIONS = sections((ROOT / "docs/monitoring.md").read_text())


def test_the_table_of_alerts_says_what_the_alerts_say() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", SECTIONS["Alerts"], re.M)
    assert rows == [(rule["alert"], rule["labels"]["severity"], runbook(rule["annotations"])) for rule in alert_rules()]


def runbook(annotations: dict[str, str]) -> str:
    """With the name of a label in capitals where the alert has its value."""
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda label: label[1].upper(), annotations["runbook"])


def test_the_table_of_metrics_names_each() -> None:
    named = re.findall(r"`(redheart_\w+)(?:\{\w+\})?`", SECTIONS["Prometheus"])
    assert sorted(named) == sorted(name.removesuffix("_bucket") for name in METRICS)
