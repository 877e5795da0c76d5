"""The page of what mapping files give, ``docs/star-targets.md``: ``python -m local.targets [--check]``.

The columns come from a freshly migrated database and from ``include/star_targets.yaml``. ``--check``
writes nothing: it fails if the page is stale, and holds every mapping file against the targets.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from claimhouse import contracts, star, verification
from claimhouse.star import targets
from local import diagram, places
from local.columns import KINDS
from local.dictionary import markdown_table

PAGE = places.ROOT / "docs" / "star-targets.md"
# Longer lists are cut.
MOST_WORDS = 30

INTRODUCTION = """\
# What a mapping gives

A mapping file, `include/sql/mapping/<source>/<target>.sql`, is one SELECT whose columns are those of its
target below, by name and in any order. `make docs` writes this page from the catalog, from
`include/star_targets.yaml` and from `include/columns.yaml`; change these, not it.
[how-to/add-a-source.md](how-to/add-a-source.md) says how a source gets its mappings.

* A column in **bold** is required. Any other may be left out: *if left out* says what follows. A NULL in
  it says the same, unless the page says otherwise.
* Surrogate keys are the loader's: a mapping gives `patient_id`, and never `patient_key`. A member that no
  dimension describes yet is added by its id. `'not applicable'` in the place of an id says that the row
  can have none.
* A column has its type or one that becomes it without loss: `smallint` and `integer` are each other's,
  `integer` is a `numeric`, `varchar` is a `text`; anything else is cast in the SELECT.
* Words are those of a closed list. A word outside of it is loaded as it is and counts as unknown.
* Where several feeds fill one target, each has a file `<target>__<feed>.sql`; a file `<target>.sql`
  beside them is an error.
* Of a fact, a column that the file of the row's feed does not give keeps the value of the record's older
  rows: a newer layout without `paid_amount` leaves what was paid. A column that the file gives counts as it
  is, also where it is empty. In dimensions and bridges the newest row counts whole.
* Where the files are those of a shape that the mapping reads, a column keeps the older value if the file
  of the row's feed gives none of the columns that it is computed from, or only some of them and the result
  is empty. A row of a bridge whose file gives no member leaves the older members. Nothing has to be written
  for it.
* A row names its batch, whatever the state of that batch: the loader chooses. A mapping that compares
  rows of several batches takes those whose `state` in `landing.batch_order` is `'checked'` (of the load
  that reads it) or `'loaded'`. The mapping of claims gives every row of its feeds, not those of a view
  `<feed>_current`: each is a version.
* A target `shape_<name>` is none of the star: a view of the source's own, with whatever columns its other
  mappings read. Where feeds are layouts of one subject, each brings its rows into the shape with a file
  `shape_<name>__<feed>.sql`, which leaves out the columns that the layout does not have.

`make lint` and the first task of each ingest DAG hold every mapping file against this page. What is wrong
is named with file and line, all of it at once: a column that is missing, unknown or of another type, a
`source_system` that is not the folder's, a mapping of claims that leaves out versions. Nothing lands
until it is mended, and other source systems are not concerned.
"""


def page(connection: Connection[Any]) -> str:
    """``docs/star-targets.md``, from a migrated warehouse."""
    names = targets.names(connection)
    sections = [INTRODUCTION]
    for prefix, title in KINDS.items():
        sections.append(f"## {title}")
        sections += [
            _section(targets.read(connection, name)) for name in names if name.startswith(prefix)
        ]
    return "\n\n".join(section.strip("\n") for section in sections) + "\n"


def faults(connection: Connection[Any]) -> list[str]:
    """What is wrong with the mapping files of all source systems, in a warehouse that has none of their tables."""
    found = []
    for source in contracts.sources():
        verification.create_tables(connection, source)
        found += map(str, star.mapping_faults(connection, source))
    return found


def _section(target: targets.Target) -> str:
    rows = [
        (
            f"**{column.name}**" if column.is_required else column.name,
            " or ".join(f"`{kind}`" for kind in column.types),
            column.meaning,
            _words(column),
            column.left_out,
        )
        for column in target.columns.values()
    ]
    titles = ("column", "type", "meaning", "words", "if left out")
    key = ", ".join(f"`{name}`" for name in target.key)
    return f"### {target.name}\n\nOne record for each {key}.\n\n{markdown_table(titles, rows)}"


def _words(column: targets.Column) -> str:
    shown = ", ".join(f"`{word}`" for word in column.words[:MOST_WORDS])
    rest = len(column.words) - MOST_WORDS
    if rest > 0:
        shown += f" and {rest} more"
    if not column.listed_in:
        return shown
    return f"{shown}: [{column.listed_in}](../include/reference/{column.listed_in}.csv)"


def main(arguments: Sequence[str]) -> None:
    """Write the page; with ``--check``, only compare it, and check the mapping files.

    Raises:
        SystemExit: the page is stale, or a mapping file does not fit its target.
    """
    with diagram.fresh_database() as connection:
        text = page(connection)
        if "--check" not in arguments:
            PAGE.write_text(text, encoding="utf-8")
            return
        wrong = faults(connection)
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        wrong.append(f"{PAGE.relative_to(places.ROOT)} is stale: run `make docs`")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
