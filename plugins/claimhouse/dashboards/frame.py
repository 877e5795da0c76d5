"""Around a dashboard: whose it is, and where its pages are. Each application that shows dashboards says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from claimhouse.dashboards import known
from claimhouse.reporting.readers import Login, Reader

NOBODY = "Nobody reads as this login any more. Ask whoever gave it to you."


@dataclass(frozen=True)
class Frame:
    """What the pages of a request have around them.

    Attributes:
        login: the login as which the request reads, as ``security.login`` names it.
        person: the name of who is signed in, as the application shows it.
        token: what the forms of this person's pages carry.
        root: the path of the application, with a slash at its end.
        place: the path of the list of dashboards, with a slash at its end.
        tabs: the places of the application below its root, and their names; *tab* is the one of dashboards.
        sign_out: the address that a form ends the session with; empty where another application does.
    """

    login: str
    person: str
    token: str
    root: str
    place: str
    tabs: Sequence[tuple[str, str]] = ()
    tab: str = ""
    sign_out: str = ""

    @property
    def reader(self) -> Reader:
        """Who reads.

        Raises:
            HTTPException: 403, nobody reads as the login any more.
        """
        for reader in known.readers():
            if self.login in reader.roles:
                return reader
        raise HTTPException(403, NOBODY)

    def login_of(self, reader: Reader) -> Login | None:
        """The person of *reader*; None for the reader's own login."""
        return next((login for login in reader.logins if login.role == self.login), None)


def frame(request: Request) -> Frame:
    """The frame that the application has put into ``request.state.frame``.

    Raises:
        HTTPException: 404, there is none.
    """
    found = getattr(request.state, "frame", None)
    if not isinstance(found, Frame):
        raise HTTPException(404)
    return found


Framed = Annotated[Frame, Depends(frame)]
