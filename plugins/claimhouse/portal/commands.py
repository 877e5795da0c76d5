"""The command line: ``claimhouse portal``."""

from __future__ import annotations

import argparse
import csv
import getpass
import sys
from collections.abc import Sequence

from claimhouse import warehouse
from claimhouse.portal import accounts

DESCRIPTION = """\
Serve the readers' portal, or say who may sign in. Accounts are made as the owner of the warehouse (WAREHOUSE_URL).
A password is asked for, or is the first line of what is piped in; it is never an argument. It has 12 characters or
more, and is no repetition, no sequence, and without the names of the person and the reader.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exits with 1 and says why, where it cannot be done."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command in (None, "serve"):
        # The libraries of a server are not needed to list accounts.
        from claimhouse.portal.serve import ServeError, serve

        try:
            serve(given.host, given.port)
        except ServeError as error:
            parser.exit(1, f"claimhouse portal: {error}\n")
        return
    try:
        _do(given)
    except accounts.AccountError as error:
        parser.exit(1, f"claimhouse portal: {error}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="claimhouse portal",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(host="127.0.0.1", port=8090)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    serving = commands.add_parser("serve", help="serve the portal, as without a command")
    for where in (parser, serving):
        where.add_argument("--host", default="127.0.0.1", help="(%(default)s)")
        where.add_argument("--port", type=int, default=8090, help="(%(default)s)")
    adding = commands.add_parser("add-user", help="let somebody sign in")
    adding.add_argument("name", help="what the person signs in with, or the user name in Airflow")
    adding.add_argument(
        "login", help="as which the person reads, such as client_humana__hospice_desk"
    )
    changing = commands.add_parser("set-password", help="give a local account another password")
    changing.add_argument("name")
    removing = commands.add_parser("remove-user", help="let somebody sign in no more")
    removing.add_argument("name")
    removing.add_argument("--login", help="of a user of Airflow, this login alone")
    for where in (adding, removing):
        where.add_argument(
            "--kind",
            choices=accounts.KINDS,
            default=accounts.LOCAL,
            help="signs in with a password, by the OpenID Connect provider, or in Airflow (%(default)s)",
        )
    unlocking = commands.add_parser("unlock", help="take passwords of a locked account again")
    unlocking.add_argument("name")
    commands.add_parser("list", help="print the accounts as csv")
    return parser


def _do(given: argparse.Namespace) -> None:
    if given.command == "add-user":
        password = _password() if given.kind == accounts.LOCAL else None
        with warehouse.connect() as connection:
            accounts.add(connection, given.kind, given.name, given.login, password)
        print(f"{given.name} reads as {given.login}")
    elif given.command == "set-password":
        password = _password()
        with warehouse.connect() as connection:
            accounts.set_password(connection, given.name, password)
        print(f"{given.name} has another password, and is signed out everywhere")
    elif given.command == "remove-user":
        with warehouse.connect() as connection:
            accounts.remove(connection, given.kind, given.name, given.login)
        print(f"{given.name} is removed, and signed out everywhere")
    elif given.command == "unlock":
        with warehouse.connect() as connection:
            accounts.unlock(connection, given.name)
        print(f"{given.name} is unlocked")
    else:
        _list()


def _list() -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("kind", "name", "login", "state", "last sign-in"))
    with warehouse.connect() as connection:
        for account in accounts.listed(connection):
            state = "" if account.has_reader else "nobody reads as this login"
            if account.locked_until:
                state = f"locked until {account.locked_until:%Y-%m-%d %H:%M:%S %Z}"
            last = f"{account.signed_in_at:%Y-%m-%d %H:%M %Z}" if account.signed_in_at else ""
            writer.writerow((account.kind, account.name, account.login, state, last))


def _password() -> str:
    """A password, typed twice, or the first line of what is piped in.

    Raises:
        accounts.AccountError: the two differ.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise accounts.AccountError("the two passwords differ")
    return password
