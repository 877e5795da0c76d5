"""A Tableau site that holds extracts: signed in to with a personal access token, over HTTPS.

The connection ``claimhouse_tableau`` has the address of the server as its host, the token's name as its login,
the token's secret as its password, and in its extra the ``site`` (empty for the default one) and the ``project``
below which each reader has a project of its own name. Claimhouse makes no project: who may look into it is for
the site's administrator to say first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from claimhouse import connections

if TYPE_CHECKING:
    from tableauserverclient import Server

CONNECTION = "claimhouse_tableau"
PROJECT = "Claimhouse"
# Seconds that an answer may take.
_WAIT = 600


class SiteError(RuntimeError):
    """The site cannot be used as it is, or does not take an extract."""


class NotSetUp(SiteError):
    """The connection or the site lacks something that only an administrator can give it."""


def publish(path: Path, project: str, name: str) -> None:
    """Publish an extract as a data source, in the place of one of the same name.

    Args:
        path: of the extract.
        project: the name of the project below that of the connection.
        name: of the data source.

    Raises:
        NotSetUp: the connection is incomplete, its address is not HTTPS, or there is no such project.
        SiteError: the site does not let in, or does not take the extract.
        claimhouse.connections.MissingConnection: there is no connection.
    """
    from tableauserverclient import DatasourceItem, Server
    from tableauserverclient.server.endpoint.exceptions import TableauError

    try:
        with _signed_in() as (server, parent):
            item = DatasourceItem(_project(server, parent, project), name)
            server.datasources.publish(item, str(path), Server.PublishMode.Overwrite)
    except TableauError as error:
        raise SiteError(f"the Tableau site did not take {name}: {error}") from None
    except OSError as error:  # requests' errors are among them
        raise SiteError(f"the Tableau server does not answer: {type(error).__name__}") from None


@contextmanager
def _signed_in() -> Iterator[tuple[Server, str]]:
    """A session on the site, and the name of the project of all readers; it is signed out at the end."""
    from tableauserverclient import PersonalAccessTokenAuth, Server

    connection = connections.find(CONNECTION)
    if connection is None:
        raise connections.MissingConnection(f"the connection {CONNECTION} does not exist")
    if not (connection.host and connection.login and connection.password):
        raise NotSetUp(f"the connection {CONNECTION} needs a host, a token's name and its secret")
    extra = connection.extra_dejson
    token = PersonalAccessTokenAuth(connection.login, connection.password, extra.get("site", ""))
    address = _address(connection.host, connection.port)
    server = Server(  # type: ignore[no-untyped-call]
        address, http_options={"timeout": _WAIT}
    )
    # Before anything else: the oldest version of the protocol, which it would begin with, knows no tokens.
    server.use_server_version()  # type: ignore[no-untyped-call]
    with server.auth.sign_in(token):
        yield server, str(extra.get("project", PROJECT))


def _project(server: Server, parent: str, name: str) -> str:
    """The id of the project of a reader."""
    from tableauserverclient import Pager

    every = list(Pager(server.projects))
    above = {item.id for item in every if item.name == parent and item.parent_id is None}
    for item in every:
        if item.name == name and item.parent_id in above and item.id:
            return str(item.id)
    raise NotSetUp(
        f"the Tableau site has no project {name} in {parent}: make it, for this reader alone"
    )


def _address(host: str, port: int | None) -> str:
    """The address of the server.

    Raises:
        NotSetUp: what is sent to it would be readable on the way.
    """
    parts = urlsplit(host if "://" in host else f"https://{host}")
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        raise NotSetUp(f"the host of {CONNECTION} must begin with https://")
    where = f"{parts.hostname}:{port or parts.port}" if port or parts.port else parts.hostname
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
