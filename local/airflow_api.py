"""A client for the parts of Airflow's REST API that the local commands use."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import httpx

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")

ATTEMPTS = 60  # two seconds apart
PAGE = 100  # the most that Airflow gives at once
HTTP_CONFLICT = 409
HTTP_SERVER_ERROR = 500


def health(port: int) -> dict[str, str]:
    """The state of each component of the Airflow at *port*; empty while it does not answer."""
    try:
        answer = _client().get(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=5)
        answer.raise_for_status()
        states = answer.json()
    except (httpx.HTTPError, ValueError):
        return {}
    return {name: (states.get(name) or {}).get("status") or "starting" for name in COMPONENTS}


@functools.cache
def _client() -> httpx.Client:
    """One for all who wait: making one takes longer than the answer, for it reads the certificates."""
    return httpx.Client()


def prepare_for_tasks(port: int) -> None:
    """Have the Airflow at *port* build the API of tasks while other components start.

    It builds it at the first request, which takes four seconds of a processor and keeps all others waiting.
    """

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):  # then the first task waits
            httpx.get(f"http://127.0.0.1:{port}/execution/health", timeout=60)

    threading.Thread(target=ask, daemon=True).start()


class Airflow:
    """A logged-in session with the Airflow at *port* on this machine.

    Args:
        port: of its API server.
        login: of a user.
        password: of that user.
        between: called before a request is sent again, while the server does not answer.
    """

    def __init__(
        self, port: int, login: str, password: str, between: Callable[[], None] = lambda: None
    ) -> None:
        self._between = between
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        answer = self._call("POST", "/auth/token", json={"username": login, "password": password})
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def dags(self) -> list[dict[str, Any]]:
        """The DAGs that the scheduler knows, without removed ones."""
        return self._call("GET", "/api/v2/dags", params={"limit": 500})["dags"]

    def import_errors(self) -> list[dict[str, Any]]:
        """The errors of DAG files that could not be read."""
        return self._call("GET", "/api/v2/importErrors")["import_errors"]

    def unpause_all(self) -> None:
        """Let the scheduler run every DAG."""
        every = {"dag_id_pattern": "%"}
        self._call("PATCH", "/api/v2/dags", params=every, json={"is_paused": False})

    def trigger(self, dag_id: str, note: str) -> str:
        """Trigger a run of *dag_id* and return its run id."""
        # The run covers the last complete interval of its schedule.
        # A request that is sent again names the same run: it is refused if the first arrived.
        logical_date = datetime.now(UTC).isoformat()
        body = {
            "logical_date": logical_date,
            "dag_run_id": f"manual__{logical_date}",
            "note": note,
        }
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", accept=(HTTP_CONFLICT,), json=body)
        return body["dag_run_id"]

    def runs(self, dag_id: str = "~", **filters: Any) -> list[dict[str, Any]]:
        """The runs of *dag_id* (``~`` for all DAGs), newest first."""
        params = {"limit": 100, "order_by": "-run_after", **filters}
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=params)["dag_runs"]

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run."""
        return self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of one run."""
        return self.tasks_of([(dag_id, run_id)])[dag_id, run_id]

    def tasks_of(
        self, runs: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """The task instances of several runs, each named by its DAG and its run id.

        They come in one request for all runs: the API server shares the cores with the tasks.
        """
        found: dict[tuple[str, str], list[dict[str, Any]]] = {run: [] for run in runs}
        asked = {
            "dag_ids": sorted({dag_id for dag_id, _ in runs}),
            "dag_run_ids": sorted({run_id for _, run_id in runs}),
            "order_by": "id",
        }
        offset = 0
        while runs:
            page = {**asked, "page_offset": offset, "page_limit": PAGE}
            path = "/api/v2/dags/~/dagRuns/~/taskInstances/list"
            tasks = self._call("POST", path, json=page)["task_instances"]
            for task in tasks:
                if (run := (task["dag_id"], task["dag_run_id"])) in found:
                    found[run].append(task)
            if len(tasks) < PAGE:
                break
            offset += PAGE
        return found

    def events(self, dag_id: str, run_id: str) -> list[dict[str, Any]] | None:
        """The asset events of one run, which name the runs they triggered; None while one of those is queued."""
        params = {"source_dag_id": dag_id, "source_run_id": run_id, "limit": 100}
        accept = (HTTP_SERVER_ERROR,)  # Airflow fails where a run has no start date yet
        answer = self._call("GET", "/api/v2/assets/events", accept=accept, params=params)
        return answer.get("asset_events")

    def listeners(self, asset_id: int) -> list[str]:
        """The DAGs that an asset triggers."""
        asset = self._call("GET", f"/api/v2/assets/{asset_id}")
        return [dag["dag_id"] for dag in asset.get("scheduled_dags") or []]

    def _call(
        self, method: str, path: str, accept: Collection[int] = (), **request: Any
    ) -> dict[str, Any]:
        """Send a request, again for a while if the server is too busy to answer or restarts.

        Args:
            method: of HTTP.
            path: below the server's address.
            accept: codes of errors that are none here.
            request: further arguments of the HTTP client.
        """
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1
            try:
                answer = self._http.request(method, path, **request)
                if is_last or not answer.is_server_error or answer.status_code in accept:
                    break
            except httpx.TransportError:
                if is_last:
                    raise
            self._between()
            time.sleep(2)
        if answer.is_error and answer.status_code not in accept:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.is_success and answer.content else {}
