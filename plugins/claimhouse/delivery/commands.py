"""``claimhouse delivery``: what an operator does about deliveries outside Airflow."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Sequence

from claimhouse.delivery import holds, ledger, notices, outbox
from claimhouse.delivery.model import DeliveryError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of the commands that :func:`_parser` lists; exits with 1 on failure."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        _run(given)
    except (DeliveryError, ledger.LedgerError) as error:
        parser.exit(1, f"{error}\n")


def _run(given: argparse.Namespace) -> None:
    if given.command == "ledger":
        print(ledger.as_csv(ledger.answer(given)), end="")
    elif given.command == "hold":
        holds.hold(given.client, given.reason, getpass.getuser())
    elif given.command == "release":
        holds.release(given.client, getpass.getuser())
    elif given.command == "in-doubt":
        print(ledger.as_csv(outbox.in_doubt()), end="")
    elif given.command == "needs-a-person":
        print(ledger.as_csv(notices.needs_a_person()), end="")
    else:
        for mail in given.mail:
            outbox.resolve(mail, given.answer, reason=given.reason, by=getpass.getuser())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="claimhouse delivery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ledger.add_arguments(commands.add_parser("ledger", help="print what was sent, as csv"))
    command = commands.add_parser("hold", help="stop all deliveries to a client")
    command.add_argument("client")
    command.add_argument("--reason", required=True)
    command = commands.add_parser("release", help="resume deliveries to a client")
    command.add_argument("client")
    commands.add_parser("in-doubt", help="print mails that their server may not have taken, as csv")
    commands.add_parser("needs-a-person", help="print all that deliveries wait for, as csv")
    command = commands.add_parser("resolve", help="answer about mails in doubt, and failed mails")
    command.add_argument(
        "mail", type=int, nargs="+", help="the outbox_id that needs-a-person prints"
    )
    command.add_argument(
        "answer",
        choices=["arrived", "resend", "lost"],
        help="it arrived; it did not and is sent again; it did not and is not sent",
    )
    command.add_argument("--reason", required=True, help="how you know; the ledger keeps it")
    return parser


if __name__ == "__main__":
    main()
