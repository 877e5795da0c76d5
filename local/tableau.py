"""The files of ``include/tableau``: ``python -m local.tableau [--check]``.

The columns of the star and of the reports come from a freshly migrated database with every report published,
everything else from the YAML of dashboards, metrics, reports and readers. ``--check`` needs no database: it
fails if a file is not what the YAML gives now.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from claimhouse.dashboards import tableau
from claimhouse.dashboards.tableau import catalog
from local import columns


def main(arguments: Sequence[str]) -> None:
    """Write the files; with ``--check``, only compare them with what would be written.

    Raises:
        SystemExit: a file is stale.
    """
    if "--check" in arguments:
        try:
            names = tableau.stale()
        except catalog.UnknownRelation as error:
            sys.exit(str(error))
        if names:
            sys.exit(f"stale in include/tableau: {', '.join(names)}; run `make tableau`")
        return
    with columns.published_database() as connection:
        catalog.file().parent.mkdir(exist_ok=True)
        catalog.file().write_text(catalog.text(catalog.read(connection)), encoding="utf-8")
    for name in tableau.write():
        print(f"include/tableau/{name}")


if __name__ == "__main__":
    main(sys.argv[1:])
