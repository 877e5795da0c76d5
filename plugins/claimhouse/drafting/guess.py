"""What a column seems to be, from its header and values: type, formats, valid values, the key."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from claimhouse.contracts import Column, strptime
from claimhouse.drafting.words import Name, meanings, suggestions
from claimhouse.verification import share_fitting

# A type is taken if it fits at least this share of the values: the rest is dirt.
MIN_FITTING = 0.95
# A list of valid values has at most this many, and at most this share of the values is distinct.
MAX_VALID_VALUES, MAX_VALID_SHARE = 15, 0.05
# Only the first key candidates are combined: the number of combinations grows with the cube.
MAX_KEY_CANDIDATES = 12
# A record's own number may repeat in this share of the rows.
MAX_COPIES = 0.03
# Date formats are first tried on this many values: most columns are not dates.
GLANCE = 100
# Classifications whose valid values may be listed in a contract; others could name a person.
MAY_BE_LISTED = {"public", "clinical", "financial"}


@dataclass(frozen=True)
class Guess:
    """What a column seems to be.

    Attributes:
        header: its name in the file.
        column: its rules, as a contract would have them.
        formats: the date formats as a contract writes them.
        fits: the share of its values that keep these rules.
        doubts: sentences for the person who finishes the contract; no value of the file.
    """

    header: str
    column: Column
    formats: tuple[str, ...] = ()
    fits: float = 1.0
    doubts: tuple[str, ...] = ()


def guess_column(header: str, name: Name, raw: pl.Series) -> Guess:
    """What a column is.

    Args:
        header: its name in the file.
        name: what the header suggests.
        raw: its values as text.
    """
    text = raw.str.strip_chars()
    values = text.filter(text != "")
    plain = Column(
        name.column, "string", "text", invalid="warning", classification=name.classification
    )
    guess = _typed(header, plain, values)
    doubts = [doubt for doubt in (name.doubt, *guess.doubts) if doubt]
    is_full = len(values) == len(raw) > 0
    column = replace(guess.column, required=is_full, missing="warning")
    if column.type == "string" and column.classification in MAY_BE_LISTED:
        column = replace(column, enum=_valid_values(values))
        if column.enum:
            doubts.append("Are these all its valid values?")
    fits = share_fitting(column, raw)
    if not len(values):
        doubts.append("It is empty in this file.")
    elif fits < 1:
        doubts.append(f"{100 * (1 - fits):.2g} % of its values do not fit.")
    return replace(guess, column=column, fits=fits, doubts=tuple(doubts))


def _typed(header: str, plain: Column, values: pl.Series) -> Guess:
    """The narrowest type that nearly all values have."""
    if not len(values):
        return Guess(header, plain)
    if flag := _flag(plain, values):
        return Guess(header, flag)
    if (date := _date(header, plain, values)) is not None:
        return date
    words = meanings(header)
    if words & suggestions().not_numbers or plain.name.endswith(("_id", "_code", "zipcode")):
        return Guess(header, plain)
    is_money = bool(words & suggestions().money) or plain.name.endswith("_amount")
    for number in _numbers(plain, values, is_money):
        if share_fitting(number, values) >= MIN_FITTING:
            return Guess(header, number)
    return Guess(header, plain)


def _flag(plain: Column, values: pl.Series) -> Column | None:
    distinct = {value.lower() for value in values.unique()}
    for true, false in suggestions().flags:
        if distinct == {true.lower(), false.lower()}:
            return replace(
                plain,
                type="boolean",
                physical_type="boolean",
                true_values=(true,),
                false_values=(false,),
            )
    return None


def _date(header: str, plain: Column, values: pl.Series) -> Guess | None:
    """A date or time with the fewest formats that explain its values, if it is one."""
    # Without a separator or a month's name it is a number, unless it has eight digits.
    looks_dated = values.str.contains(r"[0-9].*[-/.A-Za-z]|[-/.A-Za-z].*[0-9]|^[0-9]{8}$")
    if int(looks_dated.sum()) < MIN_FITTING * len(values):
        return None
    for logical_type, physical_type, formats in (
        ("date", "date", suggestions().dates),
        ("timestamp", "timestamptz", suggestions().times),
    ):
        base = replace(
            plain,
            type=logical_type,
            physical_type=physical_type,
            minimum="1900-01-01",
            maximum="2100-12-31",
        )
        glance = values.sample(min(GLANCE, len(values)), seed=1)
        likely = [form for form in formats if _share(base, [form], glance) > 0]
        shares = {form: _share(base, [form], values) for form in likely}
        if not shares:
            continue
        best = max(likely, key=lambda form: shares[form])
        chosen, share = [best], shares[best]
        for other in likely:
            if share < 1 and (both := _share(base, [*chosen, other], values)) > share + 0.001:
                chosen, share = [*chosen, other], both
        if share >= MIN_FITTING:
            equal = [form for form in likely if form not in chosen and shares[form] == shares[best]]
            doubts = (f"Or is it {' or '.join(equal)}? Every value fits both.",) if equal else ()
            column = replace(base, date_formats=tuple(map(strptime, chosen)))
            return Guess(header, column, tuple(chosen), share, doubts)
    return None


def _share(base: Column, formats: Sequence[str], values: pl.Series) -> float:
    """The share of *values* that some of *formats* reads."""
    return share_fitting(replace(base, date_formats=tuple(map(strptime, formats))), values)


def _numbers(plain: Column, values: pl.Series, is_money: bool) -> Iterator[Column]:
    """The numbers a column may be, the narrowest first."""
    if is_money:
        yield replace(
            plain, type="decimal", physical_type="numeric(12,2)", is_money=True, is_amount=True
        )
    # Codes have leading zeros, numbers do not.
    if values.str.contains(r"^0[0-9]").any():
        return
    for physical_type in ("integer", "bigint"):
        yield replace(plain, type="integer", physical_type=physical_type)
    scales = values.str.extract(r"\.([0-9]+)$").str.len_chars().drop_nulls().to_list()
    scale = min(max([2, *scales]), 6)
    yield replace(plain, type="decimal", physical_type=f"numeric(18,{scale})")


def _valid_values(values: pl.Series) -> tuple[str, ...]:
    """The distinct values, if they look like a list of valid ones: few, and each repeated."""
    counts = Counter(values.to_list())
    is_list = (
        0 < len(counts) <= MAX_VALID_VALUES
        and len(counts) <= MAX_VALID_SHARE * len(values)
        and min(counts.values()) > 1
    )
    return tuple(sorted(counts)) if is_list else ()


def guess_key(guesses: Sequence[Guess], rows: pl.DataFrame) -> tuple[list[str], str]:
    """The columns that tell the rows apart, and a doubt about them.

    A column that looks like the record's own number may repeat in a few rows: copies are dirt.
    Of others, the fewest that never repeat together.
    """
    candidates = [
        guess for guess in guesses if guess.column.required and not guess.column.is_amount
    ]
    candidates.sort(key=_key_rank)
    for guess in candidates:
        repeats = len(rows) - rows[guess.header].n_unique()
        if _key_rank(guess) <= 2 and 0 < repeats <= MAX_COPIES * len(rows):
            return [guess.column.name], f"{repeats} rows repeat the key: are they copies?"
        if not repeats:
            return [guess.column.name], ""
    for size in (2, 3):
        for parts in itertools.combinations(candidates[:MAX_KEY_CANDIDATES], size):
            if rows.select(guess.header for guess in parts).n_unique() == len(rows):
                return [guess.column.name for guess in parts], ""
    doubt = "No three columns tell all rows apart: what is a record's key?"
    return [(candidates or list(guesses))[0].column.name], doubt


def _key_rank(guess: Guess) -> int:
    """How little a column looks like a record's own number; the lowest is the best key."""
    words = meanings(guess.header)
    if guess.column.name == "claim_id":
        return 0
    if words & {"id", "npi"}:
        return 2 if words & {"patient", "provider", "subscriber", "npi", "tin"} else 1
    return 3 if guess.column.type == "string" and guess.column.classification != "name" else 4


def as_key(guess: Guess, rows: pl.DataFrame) -> Guess:
    """*guess* as a part of the key: required, and with the pattern that all its values have."""
    pattern = None
    if guess.column.type == "string":
        pattern = _pattern(rows[guess.header].str.strip_chars())
    column = replace(
        guess.column, required=True, missing="error", invalid="error", pattern=pattern, enum=()
    )
    return replace(guess, column=column)


def _pattern(values: pl.Series) -> str | None:
    """A regular expression for all values, if they differ only in digits and capitals."""
    shapes = values.str.replace_all("[0-9]", "9").str.replace_all("[A-Z]", "A").unique()
    if len(shapes) != 1 or not re.fullmatch("[9A]+", str(shapes[0])):
        return None
    prefix = re.match("[A-Z]*", str(values.min())).group()  # type: ignore[union-attr]
    if prefix and values.str.starts_with(prefix).all():
        rest = str(shapes[0])[len(prefix) :]
    else:
        prefix, rest = "", str(shapes[0])
    parts = [
        f"[{'0-9' if sign == '9' else 'A-Z'}]{{{len(list(run))}}}"
        for sign, run in itertools.groupby(rest)
    ]
    return f"^{prefix}{''.join(parts)}$"
