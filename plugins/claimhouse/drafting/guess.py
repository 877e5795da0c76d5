"""What a column seems to be, from its header and values: type, formats, valid values, the key."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from claimhouse.contracts import EXCEL, Column, NumberFormat, strptime
from claimhouse.drafting.words import STRICTEST, Name, meanings, suggestions
from claimhouse.verification import share_fitting
from claimhouse.verification.judge import judge

# A type is taken if it fits at least this share of the values: the rest is dirt.
MIN_FITTING = 0.95
# A list of valid values has at most this many, and at most this share of the values is distinct.
MAX_VALID_VALUES, MAX_VALID_SHARE = 15, 0.05
# Only the first key candidates are combined: the number of combinations grows with the cube.
MAX_KEY_CANDIDATES, MAX_KEY_COLUMNS = 12, 6
# A record's own number may repeat in this share of the rows.
MAX_COPIES = 0.03
# What all numbers of records begin with is no person's, if it is short and they are many.
MOST_PREFIX, FEWEST_OF_PREFIX = 4, 20
# Date formats are first tried on this many values: most columns are not dates.
GLANCE = 100
# Classifications whose valid values may be listed in a contract; others could name a person.
MAY_BE_LISTED = {"public", "clinical", "financial"}
NEVER_LISTED = {
    "id",
    "name",
    "npi",
    "provider",
    "patient",
    "subscriber",
    "first",
    "last",
    "phone",
    "email",
    "address",
}
# A value with so many digits, or an address of mail, may be somebody's wherever it stands.
PRIVATE = re.compile("[0-9]{5}|[0-9]{3}[-. ][0-9]{2}|@")
# The hundred years of two-digit years that are no year of birth.
SERVICE_CENTURY = 1950
# A column of dates over more years may hold days of birth.
MOST_YEARS = 25
# The fewest and most decimals of an amount or number.
LEAST_SCALE, MOST_SCALE = 2, 6
# Digits of one length, or so many of any, are a code or number of something.
CODE_DIGITS, LONG_NUMBER = 3, 9
# The digits of codes of one width, and how many zeros before them a spreadsheet may have taken.
WIDTHS, MOST_LOST = {"zip": 5, "npi": 10}, 2
# What each part of a date looks like.
SHAPES = {
    "%Y": "[0-9]{4}",
    "%y": "[0-9]{2}",
    "%m": "[0-9]{1,2}",
    "%d": "[0-9]{1,2}",
    "%b": "[a-z]{3,4}",
    "%B": "[a-z]+",
    "%H": "[0-9]{1,2}",
    "%I": "[0-9]{1,2}",
    "%M": "[0-9]{2}",
    "%S": "[0-9]{2}",
    "%.f": r"\.[0-9]+",
    "%p": r"[ap]\.?m\.?",
    "%z": "(z|[-+][0-9]{2}:?[0-9]{2})",
    "%j": "[0-9]{3}",
}


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
    raw = raw.alias("raw")  # the name of a header may be an expression to Polars
    text = raw.str.strip_chars()
    present = text.filter(text != "")
    plain = Column(
        name.column, "string", "text", invalid="warning", classification=name.classification
    )
    folded = present.str.to_lowercase()
    typeless = _words_among(folded, suggestions().no_value)
    of_types = _words_among(folded, [*suggestions().no_value, *suggestions().no_value_of_types])
    guess = _typed(header, plain, _without(present, folded, of_types))
    words = of_types if guess.column.type != "string" else typeless
    if guess.column.type not in ("date", "timestamp"):  # zeros are no day, and an amount
        words = tuple(word for word in words if re.search("[^0/-]", word) or "0" not in word)
    values = _without(present, folded, words)
    if guess.column.type == "string":
        guess = replace(guess, column=plain)
    doubts = [doubt for doubt in (name.doubt, *guess.doubts) if doubt]
    column = replace(
        guess.column, required=len(values) == len(raw) > 0, missing="warning", no_value=words
    )
    if column.type in ("date", "timestamp") and name.doubt == STRICTEST:
        column = replace(column, classification=_class_of_dates(column, values))
        doubts = [doubt for doubt in doubts if doubt != STRICTEST]
        doubts.append(
            "Nothing but its values shows that it is a date; is its classification right?"
        )
    if width := _lost_zeros(column, meanings(header), values):
        column = replace(
            column,
            restore_zeros=width,
            restore_from=width - MOST_LOST,
            pattern=f"^[0-9]{{{width}}}(-[0-9]{{4}})?$"
            if width == WIDTHS["zip"]
            else f"^[0-9]{{{width}}}$",
        )
        doubts.append("Some of its numbers are short: have they lost zeros before them?")
    if column.type == "string" and _may_be_listed(header, column):
        column = replace(column, enum=_valid_values(values))
        if column.enum:
            doubts.append("Are these all its valid values?")
    fits = share_fitting(column, raw)
    if not len(values):
        doubts.append("It is empty in this file.")
    elif fits < 1:
        doubts.append(f"{100 * (1 - fits):.2g} % of its values do not fit.")
    return replace(guess, column=column, fits=fits, doubts=tuple(doubts))


def _words_among(folded: pl.Series, words: Sequence[str]) -> tuple[str, ...]:
    """Those of *words* that occur among values in lower case."""
    distinct = set(folded.filter(folded.is_in([word.lower() for word in words])).unique())
    return tuple(word for word in words if word.lower() in distinct)


def _without(present: pl.Series, folded: pl.Series, words: Sequence[str]) -> pl.Series:
    return present.filter(~folded.is_in([word.lower() for word in words])) if words else present


def _typed(header: str, plain: Column, values: pl.Series) -> Guess:
    """The narrowest type that nearly all values have."""
    words = meanings(header)
    if not len(values):
        return Guess(header, plain)
    if flag := _flag(plain, values, words):
        return Guess(header, flag)
    if (date := _date(header, plain, values, words)) is not None:
        return date
    is_money = bool(words & suggestions().money) and not words & suggestions().not_money
    money = _money(header, plain, values) if is_money or plain.name.endswith("_amount") else None
    return money or Guess(header, _number(plain, values, words))


def _number(plain: Column, values: pl.Series, words: set[str]) -> Column:
    """A number, where the digits are one; otherwise *plain*."""
    is_number = (
        bool(words & suggestions().numbers and not words & {"id", "code"}) or "line" in words
    )
    is_code = words & suggestions().not_numbers or plain.name.endswith(("_id", "_code", "zipcode"))
    if is_code and not is_number:
        return plain
    # Dirt among numbers is possible where the header says that they are; elsewhere it may be a code.
    least = MIN_FITTING if is_number else 1
    numbers = _numbers(plain, values, is_number)
    return next((number for number in numbers if share_fitting(number, values) >= least), plain)


def _flag(plain: Column, values: pl.Series, words: set[str]) -> Column | None:
    """A flag, whose values are one or several of the pairs."""
    counts = Counter(values.str.to_lowercase().to_list())
    # What is rare among them is dirt.
    distinct = {
        value for value, count in counts.items() if count >= (1 - MIN_FITTING) / 4 * len(values)
    }
    found = [pair for pair in suggestions().flags if distinct & {part.lower() for part in pair}]
    parts = {part.lower() for pair in found for part in pair}
    fitting = sum(count for value, count in counts.items() if value in parts)
    is_sure = len(distinct) > 1 and distinct != {"1", "0"}
    if not found or not distinct <= parts or fitting < MIN_FITTING * len(values):
        return None
    if not (is_sure or words & {"flag"} or found[0][0] == "true"):
        return None
    return replace(
        plain,
        type="boolean",
        physical_type="boolean",
        true_values=tuple(true for true, _ in found),
        false_values=tuple(false for _, false in found),
    )


def _date(header: str, plain: Column, values: pl.Series, words: set[str]) -> Guess | None:
    """A date or time with the fewest formats that explain its values, if it is one."""
    is_said = bool(words & {"date", "birth", "service", "time"})
    # Without a separator or a month's name it is a number, unless it has eight digits.
    looks_dated = values.str.contains(r"[0-9].*[-/.A-Za-z ]|[-/.A-Za-z].*[0-9]|^[0-9]{8}$")
    if not is_said and int(looks_dated.sum()) < MIN_FITTING * len(values):
        return None
    glance = values.sample(min(GLANCE, len(values)), seed=1)
    dates = [*suggestions().dates, *(suggestions().digits if is_said else ())]
    for logical_type, physical_type, formats in (
        ("date", "date", dates),
        ("timestamp", "timestamptz", suggestions().times),
    ):
        base = replace(
            plain,
            type=logical_type,
            physical_type=physical_type,
            minimum="1900-01-01",
            maximum="2100-12-31",
            century=_century(plain, words),
        )
        shaped = [form for form in formats if _has_shape(form, glance)]
        likely = [form for form in shaped if _share(base, [form], glance) > 0]
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
            doubts = [f"Or is it {' or '.join(equal)}? Every value fits both."] if equal else []
            patterns = tuple(map(strptime, chosen))
            has_century = any("%y" in pattern for pattern in patterns)
            if has_century:
                first = base.century or 0
                doubts.append(f"Are its years those from {first} to {first + 99}?")
            if logical_type == "timestamp" and not any(
                re.search("Z$|%z", form) for form in patterns
            ):
                doubts.append("Are its times UTC? If not, say timeZone.")
            column = replace(
                base, date_formats=patterns, century=base.century if has_century else None
            )
            return Guess(header, column, tuple(chosen), share, tuple(doubts))
    return None


def _century(plain: Column, words: set[str]) -> int:
    """The first of the hundred years of two-digit years: nobody is born in the future."""
    is_birth = plain.classification == "birth_date" or "birth" in words
    return datetime.now(UTC).year - 99 if is_birth else SERVICE_CENTURY


@functools.cache
def _shape(form: str) -> re.Pattern[str]:
    """What a text in a date format looks like."""
    if form == EXCEL:
        return re.compile(r"[2-5][0-9]{4}(\.[0-9]+)?")
    parts = re.split("(%.f|%[A-Za-z])", strptime(form))
    return re.compile("".join(SHAPES.get(part, re.escape(part)) for part in parts), re.IGNORECASE)


def _has_shape(form: str, values: pl.Series) -> bool:
    return any(map(_shape(form).fullmatch, values))


def _class_of_dates(column: Column, values: pl.Series) -> str:
    """Dates over more years than a file of claims has may be days of birth."""
    years = judge(column, values).loaded().dt.year().drop_nulls()
    spread = int(years.max()) - int(years.min()) if len(years) else 0  # type: ignore[arg-type]
    return "birth_date" if spread > MOST_YEARS else "date"


def _share(base: Column, formats: Sequence[str], values: pl.Series) -> float:
    """The share of *values* that some of *formats* reads."""
    return share_fitting(replace(base, date_formats=tuple(map(strptime, formats))), values)


def _money(header: str, plain: Column, values: pl.Series) -> Guess | None:
    """An amount, in the way in which most of its values are written."""
    for number in _ways(values):
        scale = _scale(values, "," if number and number.decimal_mark == "," else ".")
        precision = 12 if scale == LEAST_SCALE else 18
        if number and number.implied_decimals:
            scale, precision = number.implied_decimals, 12
        column = replace(
            plain,
            type="decimal",
            physical_type=f"numeric({precision},{scale})",
            number=number,
            is_money=True,
            is_amount=True,
        )
        if share_fitting(column, values) >= MIN_FITTING:
            whole = values.str.contains("^[0-9]{4,}$").all()
            doubts = ("Are its amounts cents? If so, say impliedDecimals.",) if whole else ()
            return Guess(header, column, doubts=doubts)
    return None


def _ways(values: pl.Series) -> Iterator[NumberFormat | None]:
    """The ways in which numbers may be written, the likeliest first."""

    def has(pattern: str) -> bool:
        return bool(values.str.contains(pattern).any())

    negative = tuple(
        name
        for name, pattern in (
            ("parentheses", r"^\$? ?\(.*\)$"),
            ("trailing", r"[0-9][ ]?-$"),
            ("CR", r"(?i)[0-9] ?CR$"),
        )
        if has(pattern)
    )
    currency = "$" if has(r"\$") else ""
    is_comma = values.str.contains(r"[0-9],[0-9]{1,2}(\D*)$")
    if is_comma.any() and not has(r"\.[0-9]{1,2}(\D*)$"):
        group = "." if has(r"[0-9]\.[0-9]{3}") else " " if has(r"[0-9] [0-9]{3}") else ""
        yield NumberFormat(",", group, negative=negative, currency="€" if has("€") else currency)
    if has(r"^[0-9]+[{}A-R]$"):
        yield NumberFormat(implied_decimals=2, overpunched=True)
    group = "," if has(r"[0-9],[0-9]{3}") else ""
    stated = NumberFormat(group_mark=group, negative=negative, currency=currency)
    yield stated if stated != NumberFormat() else None


def _scale(values: pl.Series, mark: str) -> int:
    """How many decimals an amount has, two at least; zeros at the end are none."""
    decimals = values.str.extract(rf"{re.escape(mark)}([0-9]*?)0*\)?-?$").str.len_chars()
    most: int = max([LEAST_SCALE, *decimals.drop_nulls().to_list()])
    return min(most, MOST_SCALE)


def _numbers(plain: Column, values: pl.Series, is_number: bool) -> Iterator[Column]:
    """The numbers a column may be, the narrowest first."""
    # Codes have leading zeros, numbers do not.
    if values.str.contains(r"^[-+]?0[0-9]").any():
        return
    lengths = values.str.len_chars()
    digits = values.str.contains(r"^[0-9]+$").all()
    if (
        not is_number
        and digits
        and (
            int(lengths.max()) >= LONG_NUMBER  # type: ignore[arg-type]
            or (lengths.n_unique() == 1 and int(lengths[0]) >= CODE_DIGITS)
        )
    ):
        return
    for physical_type in ("integer", "bigint"):
        yield replace(plain, type="integer", physical_type=physical_type)
    yield replace(plain, type="decimal", physical_type=f"numeric(18,{_scale(values, '.')})")


def _lost_zeros(column: Column, words: set[str], values: pl.Series) -> int:
    """The digits that a code of a known width should have, where some lack a few; 0 where none do."""
    width = next((WIDTHS[word] for word in WIDTHS if word in words), 0)
    if column.type != "string" or not width or not values.str.contains("^[0-9]+$").mean():
        return 0
    lengths = values.filter(values.str.contains("^[0-9]+$")).str.len_chars()
    is_short = (lengths < width) & (lengths >= width - MOST_LOST)
    is_whole = lengths == width
    return (
        width
        if is_short.any() and int((is_short | is_whole).sum()) >= MIN_FITTING * len(lengths)
        else 0
    )


def _may_be_listed(header: str, column: Column) -> bool:
    """Whether the values of a column may stand in a contract: they name and number nobody."""
    return column.classification in MAY_BE_LISTED and not meanings(header) & NEVER_LISTED


def _valid_values(values: pl.Series) -> tuple[str, ...]:
    """The distinct values, if they look like a list of valid ones: few, and each repeated."""
    counts = Counter(values.to_list())
    is_list = (
        0 < len(counts) <= MAX_VALID_VALUES
        and not any(PRIVATE.search(value) for value in counts)
        and len(counts) <= MAX_VALID_SHARE * len(values)
        and min(counts.values()) > 1
    )
    return tuple(sorted(counts)) if is_list else ()


def guess_key(guesses: Sequence[Guess], rows: pl.DataFrame) -> tuple[list[str], str]:
    """The columns that tell the rows apart, and a doubt about them.

    A column that looks like the record's own number may repeat in a few rows: copies are dirt. So may
    it with the number of a line. Of others, the fewest that never repeat together. Rows that are
    identical are no evidence.
    """
    # By the names of the contract: Polars reads a header such as * as all columns.
    distinct = pl.DataFrame(
        [rows[guess.header].alias(guess.column.name) for guess in guesses]
    ).unique()
    candidates = [
        guess
        for guess in guesses
        if guess.column.type != "decimal" and _is_full(guess, distinct[guess.column.name])
    ]
    candidates.sort(key=_key_rank)
    numbers = [guess for guess in candidates if _key_rank(guess) <= 2]
    for guess in numbers:
        repeats = len(distinct) - distinct[guess.column.name].n_unique()
        if not repeats:
            return [guess.column.name], ""
        if repeats <= MAX_COPIES * len(distinct):
            return [guess.column.name], f"{repeats} rows repeat the key: are they copies?"
    if numbered := _record_and_line(candidates, distinct):
        return numbered
    for guess in candidates:
        if distinct[guess.column.name].n_unique() == len(distinct):
            return [guess.column.name], ""
    for size in (2, 3):
        for parts in itertools.combinations(candidates[:MAX_KEY_CANDIDATES], size):
            if distinct.select(guess.column.name for guess in parts).n_unique() == len(distinct):
                return [guess.column.name for guess in parts], ""
    return _widened(candidates or list(guesses), distinct)


def _is_full(guess: Guess, raw: pl.Series) -> bool:
    """Whether each row has a value; of a record's own number, nearly each: a row without it is dirt."""
    if guess.column.required:
        return True
    blank = int((raw.str.strip_chars() == "").sum())
    return _key_rank(guess) <= 1 and blank <= MAX_COPIES * len(raw)


def _record_and_line(
    candidates: Sequence[Guess], distinct: pl.DataFrame
) -> tuple[list[str], str] | None:
    """A record's number with the number of its line, where they are nearly unique together."""
    lines = [guess for guess in candidates if "line" in meanings(guess.header)]
    records = [guess for guess in candidates if _key_rank(guess) <= 1 and guess not in lines]
    for record, line in itertools.product(records, lines):
        repeats = len(distinct) - distinct.select(record.column.name, line.column.name).n_unique()
        if repeats <= MAX_COPIES * len(distinct):
            doubt = f"{repeats} rows repeat the key: are they copies?" if repeats else ""
            return [record.column.name, line.column.name], doubt
    return None


def _widened(candidates: Sequence[Guess], distinct: pl.DataFrame) -> tuple[list[str], str]:
    """A key of more columns, each of which tells most of the rows apart that those before it do not."""
    parts = [candidates[0]]
    count = distinct[parts[0].column.name].n_unique()
    while count < len(distinct) and len(parts) < MAX_KEY_COLUMNS:
        rest = [guess for guess in candidates if guess not in parts]
        counts = [
            distinct.select(part.column.name for part in (*parts, guess)).n_unique()
            for guess in rest
        ]
        if not rest or max(counts) == count:
            break
        count = max(counts)
        parts.append(rest[counts.index(count)])
    if count == len(distinct):
        return [
            guess.column.name for guess in parts
        ], "What is a record's key? These columns tell all rows apart."
    doubt = "No few columns tell all rows apart: what is a record's key?"
    return [candidates[0].column.name], doubt


def _key_rank(guess: Guess) -> int:
    """How little a column looks like a record's own number; the lowest is the best key."""
    words = meanings(guess.header)
    if guess.column.name == "claim_id":
        return 0
    if "line" in words:
        return 3
    if words & {"id", "npi"}:
        return (
            2
            if words & {"patient", "provider", "subscriber", "npi", "tin", "payer", "group"}
            else 1
        )
    return 4 if guess.column.type == "string" and guess.column.classification != "name" else 5


def as_key(guess: Guess, rows: pl.DataFrame) -> Guess:
    """*guess* as a part of the key: required, and with the pattern that all its values have."""
    pattern = None
    if guess.column.type == "string":
        pattern = _pattern(rows[guess.header].alias("raw").str.strip_chars())
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
    is_known = len(prefix) <= MOST_PREFIX and values.n_unique() >= FEWEST_OF_PREFIX
    if prefix and is_known and values.str.starts_with(prefix).all():
        rest = str(shapes[0])[len(prefix) :]
    else:
        prefix, rest = "", str(shapes[0])
    parts = [
        f"[{'0-9' if sign == '9' else 'A-Z'}]{{{len(list(run))}}}"
        for sign, run in itertools.groupby(rest)
    ]
    return f"^{prefix}{''.join(parts)}$"
