"""What a request asks for: a dashboard with filters, of a reader who may open it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fastapi import HTTPException, Request

from claimhouse.dashboards import explore, known, selection
from claimhouse.dashboards.database import Busy, NoReader, TooSlow, as_reader
from claimhouse.dashboards.frame import NOBODY, Frame
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.read import Reading
from claimhouse.dashboards.selection import Selection
from claimhouse.reporting.readers import Reader

# What is picked in Explore has this name, and no dashboard.
EXPLORE = "explore"


@dataclass(frozen=True)
class Asked:
    """A dashboard, with filters, of a reader.

    Attributes:
        kept: what each address of it also says.
    """

    frame: Frame
    reader: Reader
    dashboard: Dashboard
    chosen: Selection
    kept: Sequence[tuple[str, str]] = ()

    @contextmanager
    def reading(self, seconds: float | None = None) -> Iterator[Reading]:
        """Its answers, read as the login of the request.

        Args:
            seconds: how long a statement may take, where that is longer than for a page.

        Raises:
            HTTPException: nobody reads as the login (403), or the warehouse has no session to spare (503).
        """
        person = self.frame.login_of(self.reader)
        try:
            with as_reader(self.frame.login, seconds) as connection:
                yield Reading(connection, self.reader, person, self.dashboard, self.chosen)
        except NoReader:
            raise HTTPException(403, NOBODY) from None
        except (Busy, TooSlow):
            raise HTTPException(503, "The warehouse is busy. Try again in a minute.") from None

    def address(self, chosen: Selection, end: str = "") -> str:
        """The address of the dashboard with other filters."""
        pairs = [*self.kept, *chosen.pairs]
        return (
            f"{self.frame.place}{self.dashboard.name}{end}{'?' + urlencode(pairs) if pairs else ''}"
        )


def open_to(reader: Reader) -> list[Dashboard]:
    """The dashboards that *reader* opens."""
    return [entry for entry in known.dashboards().values() if reader.name in entry.readers]


def asked(request: Request, frame: Frame, name: str) -> Asked:
    """The dashboard that a request asks for.

    Raises:
        HTTPException: 404, there is none, or it is not the reader's: the same answer for both.
    """
    reader = frame.reader
    dashboard = known.dashboards().get(name)
    if dashboard is None or reader.name not in dashboard.readers:
        raise HTTPException(404)
    return Asked(
        frame, reader, dashboard, selection.of(dashboard, request.query_params.multi_items())
    )


@contextmanager
def exploring(request: Request, frame: Frame) -> Iterator[tuple[explore.Question, Asked, Reading]]:
    """What is picked in Explore, as a dashboard with one tile, and its answers.

    Raises:
        HTTPException: 404, the reader has no numbers.
    """
    pairs, reader = request.query_params.multi_items(), frame.reader
    found = explore.numbers(reader)
    if not found:
        raise HTTPException(404)
    nothing = Asked(frame, reader, Dashboard(EXPLORE, "", "", (), (), (), None), Selection())
    with nothing.reading() as empty:
        question = explore.of(pairs, found, empty.fields)
        dashboard = explore.dashboard(question, reader, empty.fields)
        chosen = selection.of(dashboard, pairs)
        wanted = replace(nothing, dashboard=dashboard, chosen=chosen, kept=question.pairs)
        yield question, wanted, Reading(empty.session.connection, reader, None, dashboard, chosen)


@contextmanager
def read(request: Request, frame: Frame, name: str) -> Iterator[tuple[Asked, Reading]]:
    """The dashboard that a request asks for, Explore's among them, and its answers.

    Raises:
        HTTPException: 404, there is none, or it is not the reader's; see :meth:`Asked.reading`.
    """
    if name == EXPLORE:
        with exploring(request, frame) as (_, wanted, reading):
            yield wanted, reading
        return
    wanted = asked(request, frame, name)
    with wanted.reading() as reading:
        yield wanted, reading
