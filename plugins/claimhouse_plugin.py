"""Claimhouse in Airflow: the item of its navigation, and the pages behind it."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """The pages. Every process of Airflow imports this file, and the API server alone needs them."""
    from claimhouse import pages

    await pages.application()(scope, receive, send)


class Claimhouse(AirflowPlugin):
    """See docs/pages.md."""

    name = "claimhouse"
    # Their addresses are relative: Airflow may be served below a path.
    fastapi_apps = [{"app": pages, "url_prefix": "/claimhouse", "name": "Claimhouse"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Claimhouse",
            "href": "claimhouse/",
            "url_route": "claimhouse",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
