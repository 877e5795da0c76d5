"""The command ``claimhouse``: what people and installers do outside Airflow.

Each command is the command line of one room; ``claimhouse COMMAND --help`` describes it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from claimhouse.warehouse import WarehouseError

# Imported when called: each room brings libraries the others do not need.
COMMANDS = {
    "delivery": ("claimhouse.delivery", "hold and release extracts, answer what was sent"),
    "draft": ("claimhouse.drafting", "draft a contract from a file"),
    "guard": ("claimhouse.reporting.guard", "end sessions of readers that are in the way"),
    "portal": ("claimhouse.portal", "serve the readers' portal, and say who may sign in"),
    "readers": ("claimhouse.reporting.roles", "print who reads, and as which database role"),
    "reverify": ("claimhouse.reverify", "read accepted rows anew under a changed contract"),
    "review": ("claimhouse.review", "waive and correct issues, release held batches"),
    "show": ("claimhouse.show", "print a SQL file as it would be run"),
    "star": ("claimhouse.star", "rebuild the star from the source tables"),
    "try": ("claimhouse.trial", "say what would become of a file under a contract"),
    "upgrade": ("claimhouse.schema", "bring the warehouse to the newest schema"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exits with 2 and the usage when it does not exist.

    Where the warehouse refuses something, exits with 1 and says what.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="claimhouse", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    parser.parse_known_args(given[:1])
    command = given[0]
    try:
        import_module(COMMANDS[command][0]).main(given[1:])
    except WarehouseError as error:
        raise SystemExit(f"claimhouse {command}: {error}") from None


if __name__ == "__main__":
    main()
