"""Pages in the Airflow UI for the people who work with claims: overview, upload, files and issues.

Each request works in the database as a role that can do what its page does and no more. What a person may see and
do follows from Airflow's own rights on the ingest DAGs.
"""

from claimhouse.pages.application import application

__all__ = ["application"]
