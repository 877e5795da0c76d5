"""What a dashboard's file may say: anything else is an error with file and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from local import places

from claimhouse import settings
from claimhouse.dashboards import model
from claimhouse.dashboards.publication import check
from claimhouse.reporting import readers
from claimhouse.strict_yaml import YamlError

FILE = """\
name: example
title: Example
question: What is it that we want to know?
readers: [revenue_cycle]
count: {metric: claims_volume}
filters:
  - {field: service_month, kind: period}
  - {field: payer, kind: choice}
rows:
  - - {kind: number, metric: claims_volume}
    - {kind: bar, metric: denial_rate, by: [payer], order: denial_rate}
  - - {kind: table, report: claims_to_handle, columns: [claim_id, reasons], by: [payer_name]}
"""


@pytest.fixture(scope="module")
def people():
    return {reader.name: reader for reader in readers.load_all()}


def written(folder: Path, was: str = "", becomes: str = "") -> Path:
    assert was in FILE
    file = folder / "example.yaml"
    file.write_text(FILE.replace(was, becomes, 1) if was else FILE, encoding="utf-8")
    return file


def test_what_the_file_says_is_what_there_is(tmp_path, people):
    dashboard = model.load(written(tmp_path), people)
    assert [tile.name for tile in dashboard.tiles] == ["tile-1-1", "tile-1-2", "tile-2-1"]
    number, bar, table = dashboard.tiles
    assert (number.source.metrics, number.title) == (("claims_volume",), "Claims volume")
    assert (bar.by, bar.order, bar.title) == (
        ("payer",),
        ("denial_rate", False),
        "Denial rate by payer",
    )
    assert table.is_rows and table.columns == ("claim_id", "reasons")
    assert dashboard.filter_of("payer").kind == "choice"


@pytest.mark.parametrize(
    ("was", "becomes", "line", "message"),
    [
        ("title: Example", "heading: Example", 2, "heading: unknown key"),
        ("name: example", "name: other", 1, "the file of this dashboard is other.yaml"),
        ("[revenue_cycle]", "[nobody]", 4, "no client and no role has this name"),
        ("[revenue_cycle]", "[revenue_cycle, advocates]", 10, "advocates is not entitled to metric_claims_volume"),
        ("{metric: claims_volume}", "{metric: no_show_rate}", 5, "not entitled to metric_no_show_rate"),
        ("kind: number, metric: claims_volume", "kind: number, metric: claims", 10, "has no claims"),
        ("kind: number,", "kind: pie,", 10, "'pie' is not one of"),
        ("by: [payer]", "by: [facility, diagnosis_id]", 11, "does not read denial_rate by facility, diagnosis_id"),
        ("by: [payer]", "by: [payre]", 11, "payre is no cut"),
        ("order: denial_rate", "order: paid", 11, "none of its numbers and fields"),
        ("by: [payer], ", "", 11, "a bar needs the key by"),
        ("kind: number,", "kind: number, by: [payer],", 10, "a number has no rows"),
        ("report: claims_to_handle", "report: claims_to_hand", 12, "no such report"),
        ("columns: [claim_id", "measures: [claim_id", 12, "has no measure claim_id"),
        ("report: claims_to_handle", "report: identified_claims", 12, "not entitled to identified_claims"),
        ("kind: table,", "kind: table, metric: denial_rate,", 12, "metrics or a report"),
        ("kind: table,", "kind: table, drill: nothing,", 12, "no such report"),
        ("kind: table,", "kind: table, unfiltered: [facility],", 12, "no filter of the dashboard"),
        ("field: payer, kind: choice", "field: payer, kind: slider", 8, "is not one of"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_an_error_with_its_line(tmp_path, people, was, becomes, line, message):
    file = written(tmp_path, was, becomes)
    with pytest.raises(YamlError) as error:
        model.load(file, people)
    assert str(error.value).startswith(f"{file}:{line}: "), error.value
    assert message in str(error.value)


def test_every_dashboard_is_one_that_its_readers_may_read(tmp_path):
    dashboards = check()
    assert dashboards.keys() == {
        file.stem for file in (settings.INCLUDE / "dashboards").glob("*.yaml")
    }
    shutil.copytree(settings.INCLUDE / "dashboards", tmp_path / "dashboards")
    assert check(tmp_path / "dashboards").keys() == dashboards.keys()


PAGE = places.ROOT / "docs" / "dashboards.md"


def test_the_example_of_the_page_is_a_dashboard(tmp_path, people):
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example
    file = tmp_path / "denials.yaml"
    file.write_text(example[1], encoding="utf-8")
    assert len(model.load(file, people).tiles) == 4


def test_the_page_lists_each_dashboard_and_each_key_of_a_tile():
    text = PAGE.read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|.*\?", text, re.MULTILINE)) == check().keys()
    schema = yaml.safe_load((settings.INCLUDE / "dashboard_schema.yaml").read_text("utf-8"))
    keys = schema["properties"]["rows"]["items"]["items"]["properties"]
    for key in keys:
        assert re.search(rf"`{key}\b", text), key
