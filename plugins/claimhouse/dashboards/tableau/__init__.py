"""Tableau: data sources and workbooks made of the same YAML as the pages, and extracts of publications.

Comes in: ``include/dashboards``, the files of metrics, reports and readers, the columns of the star and of
reports. Goes out: the files of ``include/tableau``, extracts, and what a Tableau site is sent. No file has a
password or the name of a machine.

- ``catalog``: which columns there are, of which types;
- ``fields``: what Tableau calls a column, a metric or a measure;
- ``star_metrics``: metrics of the star, in Tableau's words;
- ``sources``: data sources of the star, of publications and of a dashboard's metrics;
- ``sheets``: which sheets a dashboard has, and by which rows each is made;
- ``workbooks``, ``markup``: the XML of both;
- ``files``: all of it, and whether it is what the YAML says today.
"""

from __future__ import annotations

from claimhouse.dashboards.tableau.files import made, stale, write

__all__ = ["made", "stale", "write"]
