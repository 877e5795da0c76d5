"""The calendar of the star: every day from 1900 to 2100, its fiscal year and its holidays."""

from __future__ import annotations

from typing import Any

import holidays
from psycopg import Connection

from claimhouse import settings, warehouse

YEARS = range(1900, 2101)


def fill(connection: Connection[Any]) -> None:
    """Bring ``star.dim_date`` up to the settings and the known holidays; safe to repeat.

    A holiday is one of the US government (5 U.S.C. 6103) as the law of its year had it, and the
    day on which it is observed, which says so in its name.

    Raises:
        ValueError: the setting of the fiscal year is no month.
    """
    known = holidays.country_holidays("US", years=YEARS)
    warehouse.query(
        connection,
        "star/dim_date",
        settings.fiscal_year_starts(),
        list(known.keys()),
        list(known.values()),
    )
    connection.execute("analyze star.dim_date")
