"""The readers' portal of the local system, and the accounts that the demo makes in it.

The portal is started again by the supervisor as all parts are.
"""

from __future__ import annotations

import functools
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from claimhouse import passwords, warehouse
from claimhouse.portal import accounts
from local import environment, places, processes
from local.progress import failure
from local.topology import PORTAL

START_SECONDS = 60
# One for each kind of reader: the name, and the login as which it reads.
ACCOUNTS = {
    "united": "client_unitedhealthcare__network_analyst",
    "cardiology": "client_humana__cardiology_desk",
    "hospice": "client_humana__hospice_desk",
    "advocate": "staff_advocates__analyst",
    "management": "staff_senior_management__analyst",
    "clinics": "staff_clinic_operations__analyst",
    "revenue": "staff_revenue_cycle__analyst",
    "pended": "staff_pended_team__analyst",
    "operations": "staff_operations__analyst",
}


def start(own: Mapping[str, str], warehouse_address: str, port: int) -> None:
    """Start the portal; one that runs may be of an earlier version. It has no other secret than its own.

    Args:
        own: the settings of the system.
        warehouse_address: of the warehouse, for its owner.
        port: where it listens, on 127.0.0.1.
    """
    connection = "AIRFLOW_CONN_CLAIMHOUSE_PORTAL"
    kept = ("CLAIMHOUSE_HOME", "CLAIMHOUSE_PORTAL_", "CLAIMHOUSE_DASHBOARD_", "CLAIMHOUSE_SESSION_")
    password = environment.known_secrets()["PORTAL_PASSWORD"]
    values = environment.of_python() | {
        name: value for name, value in own.items() if name.startswith(kept)
    }
    values |= {
        "AIRFLOW_HOME": str(places.VAR / "portal"),
        connection: environment.portal_url(warehouse_address, password),
        "CLAIMHOUSE_PORTAL_ADDRESS": own.get("CLAIMHOUSE_PORTAL_ADDRESS", address(port)),
    }
    command = [sys.executable, "-m", "claimhouse.cli", "portal", "--port", str(port)]
    processes.restart(PORTAL.name, command, "claimhouse.cli", values)
    # Its start takes five seconds of a processor, and keeps nobody waiting.
    processes.stand_back(PORTAL.name, 19)


def address(port: int) -> str:
    """The address of the portal."""
    return f"http://localhost:{port}"


def wait(port: int) -> None:
    """Wait until the portal answers; from then on it has its full share of the processors.

    Raises:
        SystemExit: it does not.
    """
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if time.monotonic() > deadline:
            raise SystemExit(failure("the portal", PORTAL.name))
        time.sleep(0.2)
    processes.stand_back(PORTAL.name, 0)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def add_accounts(warehouse_address: str) -> dict[str, str]:
    """One account for each kind of reader, and all of their logins for the administrator of Airflow.

    Returns:
        The passwords, by name.
    """
    kept = environment.kept(
        {
            variable(name): functools.partial(_password, name, login)
            for name, login in ACCOUNTS.items()
        }
    )
    with warehouse.connect(warehouse_address) as connection:
        known = {
            (account.kind, account.name, account.login) for account in accounts.listed(connection)
        }
        for login in ACCOUNTS.values():
            if (accounts.AIRFLOW, environment.LOGIN, login) not in known:
                accounts.add(connection, accounts.AIRFLOW, environment.LOGIN, login)

    def add_local(name: str) -> None:
        with warehouse.connect(warehouse_address) as own:
            accounts.add(own, accounts.LOCAL, name, ACCOUNTS[name], kept[variable(name)])

    missing = [
        name for name, login in ACCOUNTS.items() if (accounts.LOCAL, name, login) not in known
    ]
    # A hash of a password takes half a second, on purpose.
    with ThreadPoolExecutor() as pool:
        list(pool.map(add_local, missing))
    return {name: kept[variable(name)] for name in ACCOUNTS}


def _password(name: str, login: str) -> str:
    """A password that the portal takes: one in a hundred that are drawn has too much of a sequence."""
    while True:
        drawn = secrets.token_urlsafe(9)
        if not passwords.weakness(drawn, [name, *login.split("__")], accounts.LEAST, accounts.MOST):
            return drawn


def variable(name: str) -> str:
    """The name of the password of an account in ``var/local.env``."""
    return f"PORTAL_PASSWORD_{name.upper()}"
