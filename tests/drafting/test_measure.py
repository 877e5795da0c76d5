"""How many lines of a draft have to be changed: docs/drafts.md has the tables."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from local import samples

from bench import drafts, held_out, layouts
from claimhouse import settings

PAGE = (settings.PROJECT / "docs" / "drafts.md").read_text()
# A plain layout costs no more lines.
MOST_LINES = 5


@pytest.fixture(scope="module")
def measures() -> list[drafts.Measure]:
    return drafts.made()


def test_a_plain_layout_costs_few_lines(measures):
    assert len(measures) == 20
    assert [draft.title for draft in measures if draft.is_plain and draft.lines > MOST_LINES] == []
    # Columns without names are named, and nothing else is to do.
    assert [draft.lines == draft.columns for draft in measures if draft.title == "no header"] == [
        True
    ]


def test_the_page_has_what_the_made_layouts_cost(measures):
    assert drafts.table(measures) in PAGE


def test_the_page_has_what_the_layouts_cost_that_were_held_out():
    layouts_held_out = held_out.held_out()
    assert len(layouts_held_out) == 20
    assert drafts.table(drafts.made(layouts_held_out)) in PAGE


def test_the_page_has_what_the_real_files_cost(shared_data):
    assert drafts.table(list(drafts.of_folder(shared_data))) in PAGE


def test_the_page_has_what_the_samples_cost(tmp_path):
    samples.write_all(tmp_path)
    assert drafts.table(list(drafts.of_folder(tmp_path))) in PAGE


def test_a_cent_is_counted(tmp_path):
    (layout,) = [layout for layout in layouts.layouts() if layout.title == "decimal comma"]
    cent = Decimal("0.01")
    charged = ("charge", lambda value: layouts.european(value + cent))
    changed = replace(layout, columns={**layout.columns, "Charged": charged})
    assert drafts.measure(layout, tmp_path).wrong == ()
    assert drafts.measure(changed, tmp_path).wrong == ("Charged",)
