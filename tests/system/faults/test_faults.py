"""A trial of ``make faults`` of each kind of fault that needs no Airflow."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.system.faults import readers, trial
from tests.system.faults.kinds import KINDS

SEED = 20261128
TRIALS = len(KINDS)


@pytest.fixture(scope="module")
def trials() -> Iterator[trial.Trials]:
    """A server on which the first day of two sources has run, those with a subscription."""
    with trial.trials(SEED, ("billing", "hospital"), is_whole=False) as made:
        yield made


@pytest.mark.parametrize("number", range(TRIALS))
def test_a_disturbed_day_ends_as_an_undisturbed_one(trials: trial.Trials, number: int) -> None:
    result = trials.run(number)
    assert result.differences == [], f"{result.kind}: {result.what}; make faults SEED={SEED}"


def test_the_trials_hold_every_kind_of_fault(trials: trial.Trials) -> None:
    possible = {kind.name for kind in KINDS if trials.server.has_disks or not kind.needs_disks}
    assert {trials.kind(number).name for number in range(TRIALS)} == possible


def test_a_reader_who_sees_what_is_not_its_own_is_noticed(trials: trial.Trials) -> None:
    """The harness itself: another source's rows are nobody's in the undisturbed days."""
    source = trials.sources[0]
    may_see = trials.of_source(source).may_see
    place = next(place for place, seen in may_see.items() if len(seen) > 1)
    forbidden = may_see | {place: set()}
    polled = readers.Readers(trials.first, forbidden, random.Random(1))
    polled._compare(may_see)
    assert [text for text in polled.wrong if str(place) in text]
