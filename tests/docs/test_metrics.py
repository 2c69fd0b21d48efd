"""docs/metrics.md and the dashboard name what is measured, all of it and nothing else."""

import json
import re

from prometheus_client.parser import text_string_to_metric_families

from proxy.metrics import Metrics
from tests.docs.pages import ROOT, table
from tests.metrics.calls import Waited, answered, refused
from tests.metrics.test_metrics import Filing

PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "exeat.json").read_text("utf-8"))


def measured() -> dict[str, tuple[str, frozenset[str]]]:
    """Family, as the page names it, to its type and labels."""
    metrics = Metrics({}, Filing(), lambda: 1, lambda: 0, lambda: {"budget": 1})
    for call in (answered(serves="c", bells=Waited(9)), refused(serves="c")):
        metrics.ended(call)
    found = {}
    for family in text_string_to_metric_families(metrics.text()):
        if not family.name.startswith("exeat"):
            continue
        ours = [each for each in family.samples if not each.name.endswith("_created")]
        labels = {label for each in ours for label in each.labels} - {"le"}
        is_info = family.name == "exeat_info"
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = ("info" if is_info else family.type, frozenset(labels))
    return found


def test_the_page_has_every_metric_with_its_type_and_labels() -> None:
    rows = {
        row[0].strip("`"): (row[1], frozenset(re.findall(r"`(\w+)`", row[2])))
        for row in table(PAGE, "metric")
    }
    assert rows == measured()


def test_the_dashboard_asks_for_what_is_measured_and_for_all_of_it() -> None:
    asked = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    names = set(re.findall(r"exeat_\w+", asked))
    parts = ("", "_bucket", "_sum", "_count")
    known = {name + part for name in measured() for part in parts}

    assert names <= known
    drawn = {name for name in measured() if any(name + part in names for part in parts)}
    assert set(measured()) - drawn == {"exeat_info", "exeat_holds", "exeat_policies"}


def test_a_panel_says_what_it_shows_and_no_two_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        assert panel["description"]
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
