"""The calendar of the star: every day from 1900 to 2100, its fiscal year and its holidays."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from claimhouse import settings, warehouse

YEARS = range(1900, 2101)


def fill(connection: Connection[Any]) -> None:
    """Bring ``star.dim_date`` up to date with the settings and the known holidays; safe to repeat.

    Holidays are those of the US government (5 U.S.C. 6103) under the law of their year, and the
    days on which they are observed; the name of such a day says so.

    Raises:
        ValueError: the setting of the fiscal year is no month.
    """
    import holidays

    known = holidays.country_holidays("US", years=YEARS)
    warehouse.query(
        connection,
        "star/dim_date",
        settings.fiscal_year_starts(),
        list(known.keys()),
        list(known.values()),
    )
    connection.execute("analyze star.dim_date")
