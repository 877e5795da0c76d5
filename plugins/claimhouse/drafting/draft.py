"""A draft contract of a file that nobody has described yet, for a person to finish.

    make contract FILE=<file> [SOURCE=<source>]
    claimhouse draft FILE [--source SOURCE] [--feed FEED] [--folder FOLDER]

Types, date formats, the key and what a column may be called are guessed from the header and the
first rows. Whatever is doubtful is said in a comment beside it. A draft can be read like any
contract, but claims no file before its status is ``active``.
"""

from __future__ import annotations

import argparse
import csv
import functools
import itertools
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import yaml

from claimhouse import contracts, settings
from claimhouse.contracts import Column, Contract
from claimhouse.reading import Dialect, Unreadable, examine, open_file
from claimhouse.verification import fold, recognize, share_fitting

ROWS = 20_000
# A type is taken if it fits at least this share of the values: the rest is dirt.
MOST_VALUES = 0.95
MOST_VALID_VALUES, VALID_VALUES_SHARE = 15, 0.05
# Key candidates beyond these many columns are not combined: their number grows with the cube.
MOST_KEY_PARTS = 12
# A number of a record's own may repeat in this share of the rows.
MOST_COPIES = 0.03
GLANCE = 100
DELIMITERS = ",;\t|"
HEAD_BYTES = 64 * 1024

# Classes of which valid values may stand in a contract; of the others they could name a person.
MAY_BE_LISTED = {"public", "clinical", "financial"}


@dataclass(frozen=True)
class Words:
    """What words of a header suggest: ``include/draft.yaml``, ready for use.

    Attributes:
        days: the formats a date is tried in.
        times: those of a date with its time.
        flags: pairs of values, true first.
        meaning: what each word or abbreviation means.
        canonical: a column's name, the meanings that suggest it, its classification.
        classes: the meanings that suggest a classification, in order.
        not_numbers: meanings of headers whose digits are no number.
        money: meanings of headers whose numbers are money.
    """

    days: list[str]
    times: list[str]
    flags: list[tuple[str, str]]
    meaning: dict[str, str]
    canonical: list[tuple[str, set[str], str]]
    classes: dict[str, set[str]]
    not_numbers: set[str]
    money: set[str]


@functools.cache
def _suggested() -> Words:
    found = yaml.safe_load((settings.INCLUDE / "draft.yaml").read_text(encoding="utf-8"))
    days = found["date_formats"]
    return Words(
        days=days,
        times=[f"{day}{time}" for day in days for time in found["time_formats"]],
        flags=[(yes, no) for yes, no in found["flags"]],
        meaning={word: one for one, words in found["words"].items() for word in words},
        canonical=[(name, set(needed), kind) for name, needed, kind in found["canonical"]],
        classes={kind: set(words) for kind, words in found["classes"].items()},
        not_numbers=set(found["not_numbers"]),
        money=set(found["money"]),
    )


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


def draft(path: Path, source: str, feed: str) -> str:
    """The draft contract of a local file, as YAML.

    Args:
        path: the file; csv of any delimiter, xlsx, jsonl or parquet, also compressed.
        source: the source system it came from.
        feed: what to call the feed.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    dialect = _dialect(path)
    rows = _rows(path, dialect)
    header = [name for name in rows.columns if name != "row_number"]
    names = _names(source, header)
    guesses = [_guess(header[at], names[at], rows[header[at]]) for at in range(len(header))]
    key, doubt = _key(guesses, rows)
    guesses = [_keyed(one, rows) if one.column.name in key else one for one in guesses]
    closest = _closest(source, path)
    return "\n".join(_lines(source, feed, path, dialect, guesses, key, doubt, closest, len(rows)))


def write(path: Path, source: str, feed: str | None = None, folder: Path | None = None) -> Path:
    """Lay the draft of *path* as ``<folder>/<source>/<feed>.yaml`` and make sure it can be read.

    Args:
        path: the file.
        source: the source system it came from.
        feed: what to call the feed; after the file when left out.
        folder: where drafts go; ``var/drafts`` when left out.

    Returns:
        Where it lies.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    called = feed or _snake(re.sub(r"\d", "", path.name.split(".")[0])) or "feed"
    laid = (folder or settings.PROJECT / "var" / "drafts") / source / f"{called}.yaml"
    laid.parent.mkdir(parents=True, exist_ok=True)
    laid.write_text(draft(path, source, called), encoding="utf-8")
    contracts.load(laid)
    return laid


# The file ---------------------------------------------------------------------------------------


def _dialect(path: Path) -> Dialect:
    """How the file is written, as far as its first bytes tell."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return Dialect(format="parquet")
    if head.startswith(b"\xd0\xcf\x11\xe0") or _is_workbook(path):
        return Dialect(format="xlsx")
    text = examine(path, "utf-8", None, "csv")
    with text.open() as stream:
        sample = stream.read(HEAD_BYTES).decode("utf-8", "replace")
    encoding = "utf-8-sig" if text.encoding == "utf-8" and text.mark_bytes else text.encoding
    if sample.lstrip().startswith("{"):
        return Dialect(format="jsonl", encoding=encoding)
    return Dialect(delimiter=_delimiter(sample), encoding=encoding)


def _is_workbook(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "[Content_Types].xml" in archive.namelist()


def _delimiter(sample: str) -> str:
    """The delimiter that cuts most lines into as many fields as the header, and into most."""
    lines = sample.splitlines()[:-1] or sample.splitlines()

    def likely(delimiter: str) -> tuple[bool, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        same = sum(width == widths[0] for width in widths) if widths else 0
        return bool(widths) and same >= 0.8 * len(widths), widths[0] if widths else 0

    return max(DELIMITERS, key=likely)


def _rows(path: Path, dialect: Dialect) -> pl.DataFrame:
    """The first rows of the file, as text."""
    found: list[pl.DataFrame] = []
    with open_file(path, dialect, settings.block_bytes()) as reading:
        for block in reading:
            found.append(block.rows)
            if sum(map(len, found)) >= ROWS:
                break
        header = reading.header
    if not found:
        return pl.DataFrame(schema={"row_number": pl.Int64} | dict.fromkeys(header, pl.String))
    return pl.concat(found).head(ROWS)


def _closest(source: str, path: Path) -> str:
    """A sentence on the contract of the source that is most like the file."""
    found = recognize.fit_contracts(contracts.of_source(source), path)
    if not found.fits or not found.fits[0].values:
        return "No contract of the source is like it."
    best = found.fits[0]
    return f"The closest contract is {best.contract.feed}: fit {math.floor(100 * best.share)} %."


# Names ------------------------------------------------------------------------------------------


def _words(header: str) -> list[str]:
    """What the words of a header mean: ``ClaimNbr`` is claim, id."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    found = re.findall("[a-z]+", parted.lower())
    return [_suggested().meaning.get(word, word) for word in found]


def _snake(text: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub("[^a-z0-9]+", "_", parted.lower()).strip("_")
    return f"column_{name}" if name[:1].isdigit() else name


def _known(source: str) -> tuple[dict[str, Column], dict[str, Column]]:
    """Columns by every name they go by: those of contracts of *source*, and those of others.

    A name that means several things (the ``Id`` of every feed) says nothing.
    """
    others = [contracts.of_source(one) for one in contracts.sources() if one != source]
    return _by_name(contracts.of_source(source)), _by_name(itertools.chain(*others))


def _by_name(made: Iterable[Contract]) -> dict[str, Column]:
    meanings: dict[str, dict[str, Column]] = {}
    for column in itertools.chain(*(one.columns for one in made)):
        for name in (column.name, *column.aliases):
            meanings.setdefault(fold(name), {})[column.name] = column
    return {name: next(iter(them.values())) for name, them in meanings.items() if len(them) == 1}


def _names(source: str, header: Sequence[str]) -> list[tuple[str, str, str]]:
    """For each name of *header* the column's name, its classification, and a doubt.

    A name that a contract knows, then one whose words suggest a canonical column, then the
    header's own. No two columns have the same.
    """
    known = _known(source)
    taken: set[str] = set()
    made = []
    for cell in header:
        name, classification, doubt = _named(cell, known, taken)
        while name in taken:
            name = f"{name}_2"
        taken.add(name)
        made.append((name, classification, doubt))
    return made


def _named(
    cell: str, known: tuple[dict[str, Column], dict[str, Column]], taken: set[str]
) -> tuple[str, str, str]:
    own, others = (one.get(fold(cell)) for one in known)
    if own and own.name not in taken:
        return own.name, own.classification, ""
    words = set(_words(cell))
    # What a column of another source gives away says nothing of this one's.
    name = others.name if others and others.name not in taken else _snake(cell) or "column"
    for canonical, needed, classification in _suggested().canonical:
        if needed <= words and canonical not in taken:
            return canonical, classification, f"Is it {canonical}? Its header suggests so."
    for classification, needed in _suggested().classes.items():
        if needed & words:
            return name, classification, ""
    return (
        name,
        "identifier",
        "Nothing tells what it gives away of a person; the strictest is assumed.",
    )


# Types ------------------------------------------------------------------------------------------


def _guess(header: str, named: tuple[str, str, str], raw: pl.Series) -> Guess:
    """What a column is, from its header and values."""
    name, classification, doubt = named
    text = raw.str.strip_chars()
    values = text.filter(text != "")
    plain = Column(name, "string", "text", invalid="warning", classification=classification)
    guess = _typed(header, plain, values)
    doubts = [one for one in (doubt, *guess.doubts) if one]
    is_full = len(values) == len(raw) > 0
    column = replace(guess.column, required=is_full, missing="warning")
    if column.type == "string" and classification in MAY_BE_LISTED:
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
    words = set(_words(header))
    if not len(values):
        return Guess(header, plain)
    if flag := _flag(plain, values):
        return Guess(header, flag)
    if (dated := _dated(header, plain, values)) is not None:
        return dated
    if words & _suggested().not_numbers or plain.name.endswith(("_id", "_code", "zipcode")):
        return Guess(header, plain)
    is_money = bool(words & _suggested().money) or plain.name.endswith("_amount")
    for number in _numbers(plain, values, is_money):
        if share_fitting(number, values) >= MOST_VALUES:
            return Guess(header, number)
    return Guess(header, plain)


def _flag(plain: Column, values: pl.Series) -> Column | None:
    found = {value.lower() for value in values.unique()}
    for yes, no in _suggested().flags:
        if found == {yes.lower(), no.lower()}:
            return replace(
                plain,
                type="boolean",
                physical_type="boolean",
                true_values=(yes,),
                false_values=(no,),
            )
    return None


def _dated(header: str, plain: Column, values: pl.Series) -> Guess | None:
    """A date or time of the fewest formats that explain its values, if it is one."""
    # Without a separator or a month's name it is a number, unless it is one of eight digits.
    dated = values.str.contains(r"[0-9].*[-/.A-Za-z]|[-/.A-Za-z].*[0-9]|^[0-9]{8}$")
    if int(dated.sum()) < MOST_VALUES * len(values):
        return None
    for kind, physical, formats in (
        ("date", "date", _suggested().days),
        ("timestamp", "timestamptz", _suggested().times),
    ):
        base = replace(
            plain, type=kind, physical_type=physical, minimum="1900-01-01", maximum="2100-12-31"
        )
        # A glance first: most columns are no date, and a format that nothing has is soon known.
        glance = values.sample(min(GLANCE, len(values)), seed=1)
        likely = [one for one in formats if _share(base, [one], glance) > 0]
        shares = {one: _share(base, [one], values) for one in likely}
        if not shares:
            continue
        best = max(likely, key=lambda one: shares[one])
        chosen, share = [best], shares[best]
        for other in likely:
            if share < 1 and (both := _share(base, [*chosen, other], values)) > share + 0.001:
                chosen, share = [*chosen, other], both
        if share >= MOST_VALUES:
            equal = [one for one in likely if one not in chosen and shares[one] == shares[best]]
            doubt = f"Or is it {' or '.join(equal)}? Every value fits both." if equal else ""
            column = replace(base, date_formats=tuple(map(contracts.strptime, chosen)))
            return Guess(header, column, tuple(chosen), share, (doubt,))
    return None


def _share(base: Column, formats: Sequence[str], values: pl.Series) -> float:
    column = replace(base, date_formats=tuple(map(contracts.strptime, formats)))
    return share_fitting(column, values)


def _numbers(plain: Column, values: pl.Series, is_money: bool) -> Iterator[Column]:
    """The numbers a column may be, the narrowest first."""
    if is_money:
        yield replace(
            plain, type="decimal", physical_type="numeric(12,2)", is_money=True, is_amount=True
        )
    # A leading zero is not a number's, but a code's.
    if values.str.contains(r"^0[0-9]").any():
        return
    for physical in ("integer", "bigint"):
        yield replace(plain, type="integer", physical_type=physical)
    scales = values.str.extract(r"\.([0-9]+)$").str.len_chars().drop_nulls().to_list()
    scale = min(max([2, *scales]), 6)
    yield replace(plain, type="decimal", physical_type=f"numeric(18,{scale})")


def _valid_values(values: pl.Series) -> tuple[str, ...]:
    """The distinct values, where they look like a list of valid ones: few, and each repeated."""
    counts = Counter(values.to_list())
    is_list = (
        0 < len(counts) <= MOST_VALID_VALUES
        and len(counts) <= VALID_VALUES_SHARE * len(values)
        and min(counts.values()) > 1
    )
    return tuple(sorted(counts)) if is_list else ()


# The key ----------------------------------------------------------------------------------------


def _key(guesses: Sequence[Guess], rows: pl.DataFrame) -> tuple[list[str], str]:
    """The columns that tell the rows apart, and a doubt about them.

    One that looks like the record's own number may repeat in a few rows: copies are dirt. Of
    others the fewest that never do.
    """
    able = [one for one in guesses if one.column.required and not one.column.is_amount]
    able.sort(key=_keyness)
    for one in able:
        repeats = len(rows) - rows[one.header].n_unique()
        if _keyness(one) <= 2 and 0 < repeats <= MOST_COPIES * len(rows):
            return [one.column.name], f"{repeats} rows repeat the key: are they copies?"
        if not repeats:
            return [one.column.name], ""
    for size in (2, 3):
        for parts in itertools.combinations(able[:MOST_KEY_PARTS], size):
            if rows.select(one.header for one in parts).n_unique() == len(rows):
                return [one.column.name for one in parts], ""
    doubt = "No three columns tell all rows apart: what is a record's key?"
    return [(able or list(guesses))[0].column.name], doubt


def _keyness(guess: Guess) -> int:
    """How little a column looks like a record's own number; the least is the best key."""
    words = set(_words(guess.header))
    if guess.column.name == "claim_id":
        return 0
    if words & {"id", "npi"}:
        return 2 if words & {"patient", "provider", "subscriber", "npi", "tin"} else 1
    return 3 if guess.column.type == "string" and guess.column.classification != "name" else 4


def _keyed(guess: Guess, rows: pl.DataFrame) -> Guess:
    """A part of the key: required, and of the one form that all its values have."""
    form = None
    if guess.column.type == "string":
        form = _form(rows[guess.header].str.strip_chars())
    column = replace(
        guess.column, required=True, missing="error", invalid="error", pattern=form, enum=()
    )
    return replace(guess, column=column)


def _form(values: pl.Series) -> str | None:
    """A regular expression of all values, where they differ in nothing but digits and capitals."""
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


# YAML -------------------------------------------------------------------------------------------


def _lines(
    source: str,
    feed: str,
    path: Path,
    dialect: Dialect,
    guesses: Sequence[Guess],
    key: Sequence[str],
    doubt: str,
    closest: str,
    rows: int,
) -> Iterator[str]:
    """The lines of the contract, doubts as comments."""
    by_content = any(one.is_by_content for one in contracts.of_source(source))
    pattern = re.sub(r"\d+", "*", path.name)
    stated = {
        name: value
        for name, value in vars(dialect).items()
        if value != getattr(Dialect(), name) or name == "format"
    }
    yield f"# A draft, guessed from the first {rows} rows of one file. {closest}"
    yield "# To finish it: answer the comments and delete them, describe every column, say what wrong"
    yield "# and missing values cost, add rules; then set the status to active and move it to"
    yield f"# include/schemas/{source}/{feed}.yaml. docs/contracts.md lists what can be said."
    yield "apiVersion: v3.2.0"
    yield "kind: DataContract"
    yield f"id: urn:claimhouse:{source}:{feed}"
    yield f"name: {_text(feed.replace('_', ' ').capitalize())}"
    yield "version: 0.1.0"
    yield "status: draft"
    yield f"domain: {source}"
    yield "description:"
    yield "  purpose: TODO"
    yield "customProperties:"
    if by_content:
        yield "  - {property: recognize, value: content}"
    else:
        yield f"  - {{property: filePattern, value: {_text(pattern)}}}"
    yield f"  - {{property: dialect, value: {_text(stated)}}}"
    yield "schema:"
    yield f"  - name: {feed}"
    yield "    logicalType: object"
    yield "    physicalType: table"
    yield "    dataGranularityDescription: TODO"
    yield "    properties:"
    if doubt:
        yield f"      # {doubt}"
    for guess in guesses:
        yield from _column_lines(guess, key)
    yield ""


def _column_lines(guess: Guess, key: Sequence[str]) -> Iterator[str]:
    column = guess.column
    logical = "number" if column.type == "decimal" else column.type
    for doubt in guess.doubts:
        yield f"      # {doubt}"
    yield f"      - name: {column.name}"
    yield "        description: TODO"
    yield f"        logicalType: {logical}"
    yield f"        physicalType: {column.physical_type}"
    if column.name in key:
        yield "        primaryKey: true"
        yield f"        primaryKeyPosition: {key.index(column.name) + 1}"
    if column.required:
        yield "        required: true"
    options = {"pattern": column.pattern, "minimum": column.minimum, "maximum": column.maximum}
    if stated := {name: value for name, value in options.items() if value is not None}:
        yield f"        logicalTypeOptions: {_text(stated)}"
    if column.enum:
        yield f"        enum: {_text([{'value': one} for one in column.enum])}"
    if column.name not in key:
        metrics = ["invalidValues", *(["missingValues"] if column.required else [])]
        costs = [{"metric": one, "mustBe": 0, "severity": "warning"} for one in metrics]
        yield f"        quality: {_text(costs)}"
    if column.is_amount:
        yield "        tags: [amount]"
    yield f"        classification: {column.classification}"
    if fold(guess.header) != fold(column.name):
        yield f"        synonyms: {_text([{'synonym': guess.header}])}"
    custom = {
        "dateFormats": list(guess.formats),
        "trueValues": list(column.true_values) if column.type == "boolean" else [],
        "falseValues": list(column.false_values) if column.type == "boolean" else [],
        "money": column.is_money,
    }
    if any(custom.values()):
        yield "        customProperties:"
        for name, value in custom.items():
            if value:
                yield f"          - {{property: {name}, value: {_text(value)}}}"


def _text(value: object) -> str:
    """A value as YAML of one line."""
    listed = yaml.safe_dump(
        [value], default_flow_style=True, width=1_000_000, allow_unicode=True, sort_keys=False
    )
    return listed.strip()[1:-1]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; prints where the draft lies."""
    parser = argparse.ArgumentParser(prog="claimhouse draft", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--source", help="the source system; the file's folder when left out")
    parser.add_argument("--feed", help="what to call the feed; after the file when left out")
    parser.add_argument("--folder", type=Path, help="where drafts go; var/drafts when left out")
    asked = parser.parse_args(arguments)
    if not asked.file.is_file():
        parser.exit(1, f"there is no file {asked.file}\n")
    folders = [one.name for one in asked.file.resolve().parents]
    known = next((one for one in folders if one in contracts.sources()), folders[0])
    try:
        laid = write(asked.file, asked.source or _snake(known), asked.feed, asked.folder)
    except Unreadable as error:
        parser.exit(1, f"{asked.file.name} cannot be read. {error.message}\n")
    print(f"{laid} is a draft: finish it as its first lines say.")


if __name__ == "__main__":
    main()
