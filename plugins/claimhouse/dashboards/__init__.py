"""Dashboards: what a reader sees of metrics and reports, as one YAML file defines it.

Comes in: ``include/dashboards/``, the views of the schema ``reporting``, the login of whoever asks. Goes out:
pages and files. It reads as the database role of that login. May not know how somebody signed in, nor decide
what is shown.

- ``model``: what the files say, checked against what readers may read;
- ``known``: the readers and dashboards, as the files say now;
- ``publication``: what publication checks of them;
- ``selection``: what is chosen on a dashboard, as its address says it;
- ``database``: the way to what a reader may read;
- ``session``, ``fields``, ``groups``, ``read``: what the tiles show, read as the reader;
- ``answer``, ``numbers``: what a tile shows, and how its numbers are written;
- ``theme``, ``charts``, ``view``: its charts, what they look like, and all of a page, ready to be written;
- ``frame``, ``page``: the pages, and what each application puts around them.
"""

from __future__ import annotations

from claimhouse.dashboards.publication import check, check_columns

__all__ = ["check", "check_columns"]
