"""2,000 damaged and hostile files, the same ones each time; `make fuzz` makes others, and more."""

from __future__ import annotations

import pytest
from tests.reading import fuzz

FILES = 2000
SEED = "20260105"


def test_each_ends_in_rows_that_balance_or_in_an_issue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fuzz.LIMITS.items():
        monkeypatch.setenv(name, value)
    outcomes, faults = fuzz.run(SEED, range(FILES))
    assert faults == []
    assert outcomes.total() == FILES
    # Both ends are reached in every format, or the files are not what they should be.
    for form in fuzz.FORMATS:
        assert outcomes[f"{form}: rows"] > 10
        assert sum(n for outcome, n in outcomes.items() if outcome.startswith(f"{form}: ")) > 40


def test_a_lost_row_is_found(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in (fuzz.make(SEED, n) for n in range(100)) if case.form == "csv")
    assert "in no row" in fuzz._lines_lost(b"a,b\n1,2\n3,4\n", {2: 0})
    assert "in two rows" in fuzz._lines_lost(b"a,b\n1,2\n3,4\n", {2: 1, 3: 0})
    assert fuzz._lines_lost(b'a,b\n1,"2\n\n"\n3,4\n\n', {2: 2, 5: 0}) == ""
    assert case.content != fuzz.make(SEED + "x", 0).content
