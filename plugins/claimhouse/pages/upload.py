"""Upload: files that people bring, looked at before anything is processed, and followed until they are loaded."""

from __future__ import annotations

import io
import logging
import math
import pathlib
import threading
import zipfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote

from anyio import CancelScope
from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect

from claimhouse import contracts, drafting, settings, verification, warehouse
from claimhouse.contracts import Contract
from claimhouse.landing import uploads
from claimhouse.landing.uploads import Incoming, NotLookedAt, Refused
from claimhouse.pages import access, answers, database, runs
from claimhouse.pages.rights import Form, Looks, Person
from claimhouse.reading import Unreadable, guess_dialect
from claimhouse.verification import Fit, Preview, listed
from claimhouse.web import multipart

log = logging.getLogger(__name__)
routes = APIRouter()

NAME = "X-Claimhouse-File-Name"
PIECE = 1024 * 1024
PER_PAGE = 100
RECENT = 20
NEWEST = 2**62
# Looking at a file takes a process with the memory of a reader: not many at once, and nobody waits for long in a
# thread that others need.
LOOKING, PATIENCE = threading.BoundedSemaphore(2), 20
# What a batch's state means to who brought its file.
STATES = {
    "landed": "taken in",
    "verified": "every field is checked",
    "checked": "checked as a whole",
    "held": "held back by a check: a person decides whether it is loaded",
    "loading": "is loaded",
    "loaded": "loaded",
    "rejected": "rejected: nothing of it is loaded",
}
Number = Annotated[int, Path(ge=1, le=NEWEST)]
Numbers = Annotated[list[int], Query()]
FULL = "There is no room for the file. Tell who runs Claimhouse."


@dataclass(frozen=True)
class Choice:
    """A contract that an upload may be processed as.

    Attributes:
        percent: how well the content fits.
        landing_name: the name under which it lands; empty where it cannot.
        hindrance: why it cannot be processed so, a sentence.
    """

    fit: Fit
    percent: int
    landing_name: str
    hindrance: str

    @property
    def contract(self) -> Contract:
        """The contract."""
        return self.fit.contract

    @property
    def differences(self) -> tuple[str, ...]:
        """What differs from the contract, in sentences; no value of the file."""
        fit = self.fit
        if not fit.values:
            return ("No column in common.",)
        found = []
        if fit.missing:
            found.append(f"Missing columns: {listed(fit.missing)}.")
        if fit.extra:
            found.append(f"Columns the contract does not know: {listed(fit.extra)}.")
        wrong = [
            f"{name} ({math.floor(100 * share)} %)"
            for name, share in fit.values.items()
            if share < 1
        ]
        if wrong:
            found.append(f"Columns with values that do not fit: {listed(wrong)}.")
        if not fit.has_keys:
            found.append("Its keys are not those of this source.")
        return tuple(found)

    @property
    def is_possible(self) -> bool:
        """Whether it may be processed so."""
        return not self.hindrance


@dataclass(frozen=True)
class Looked:
    """What looking at an upload tells.

    Attributes:
        choices: the contracts of the sources that the person may run and that can read the file, the best first.
        trouble: why none fits, a sentence; empty where one does.
        is_readable: whether its rows can be read at all.
        unseen: where it is too large to be looked at: the contracts that a person may say it is of.
    """

    choices: tuple[Choice, ...]
    trouble: str
    is_readable: bool = True
    unseen: tuple[Contract, ...] = ()

    @property
    def best(self) -> Choice | None:
        """The one that fits, if exactly one does."""
        fitting = [choice for choice in self.choices if choice.fit.is_enough and choice.is_possible]
        if len(fitting) > 1 and fitting[0].fit.share - fitting[1].fit.share < 0.01:
            return None
        return fitting[0] if fitting else None


@dataclass(frozen=True)
class Followed:
    """A run of a source, and what became of the uploads that it was triggered for."""

    source: str
    run: runs.Run
    files: list[dict[str, Any]]

    @property
    def is_published(self) -> bool:
        """Whether the reports show what was loaded."""
        return self.run.stages[-1:] == (runs.Stage(runs.PUBLISHING, runs.DONE),)

    @property
    def quarantined(self) -> int:
        """How many rows of them were kept out."""
        landed = [file["landed"] for file in self.files if file["landed"]]
        return sum(delivery["rows_quarantined"] or 0 for delivery in landed)

    @property
    def is_held(self) -> bool:
        """Whether it ended because a check holds one of them."""
        return self.run.has_failed and any("held" in file["state"] for file in self.files)


@routes.get("/upload")
def upload(
    request: Request, looks: Looks, before: Annotated[int, Query(le=NEWEST)] = NEWEST
) -> HTMLResponse:
    """The page: a place to drop files, those that wait, and those that were processed lately."""
    with database.as_viewer() as connection:
        waiting = warehouse.query(
            connection, "pages/uploads_waiting", looks.name, list(looks.runs), before, PER_PAGE + 1
        )
        decided = warehouse.query(connection, "pages/uploads_decided", list(looks.sees), RECENT)
    return answers.show(
        request,
        "upload",
        looks,
        waiting=waiting[:PER_PAGE],
        older=waiting[PER_PAGE - 1]["upload_id"] if len(waiting) > PER_PAGE else None,
        decided=decided,
        most_bytes=settings.upload_bytes(),
    )


@routes.put("/upload/file")
async def receive(request: Request, looks: Looks) -> Response:
    """Store a file that is sent as the body; nothing is left of one that breaks off."""
    name = _safe(unquote(request.headers.get(NAME, ""), errors="replace"))
    if int(request.headers.get("content-length") or 0) > settings.upload_bytes():
        raise HTTPException(413, _too_large())
    number = await _stored(request.stream(), looks, name)
    return JSONResponse({"page": f"upload/{number}"}, 201)


@routes.post("/upload/files")
async def receive_form(request: Request, looks: Looks) -> RedirectResponse:
    """Store the files of a form, which a browser without scripts sends; those before one that is refused stay."""
    if not hasattr(request.state, "parts"):
        raise HTTPException(415, "This is not a form with files.")
    parts, numbers = request.state.parts, []
    try:
        async for event in parts:
            if isinstance(event, multipart.Begin) and event.file_name:
                numbers.append(await _stored(_content(parts), looks, _safe(event.file_name)))
    except multipart.NotMultipart:
        raise HTTPException(
            400, "The upload broke off. Nothing of the last file was kept."
        ) from None
    if not numbers:
        raise HTTPException(400, "Choose at least one file.")
    return answers.go_to(request, f"upload/{numbers[0]}" if len(numbers) == 1 else "upload")


async def _content(parts: AsyncIterator[multipart.Event]) -> AsyncIterator[bytes]:
    """The content of the part that has just begun."""
    async for event in parts:
        if not isinstance(event, bytes):
            return
        yield event
    raise multipart.NotMultipart("a form that breaks off")


def _safe(name: str) -> str:
    try:
        return uploads.safe_name(name)
    except Refused as error:
        raise HTTPException(400, str(error)) from None


async def _stored(body: AsyncIterator[bytes], looks: Person, name: str) -> int:
    """Write a body to its place, look at it and enter it."""
    incoming = await run_in_threadpool(Incoming, name)
    try:
        piece = bytearray()
        async for part in body:
            piece += part
            if incoming.size + len(piece) > settings.upload_bytes():
                raise HTTPException(413, _too_large())
            if len(piece) >= PIECE:
                await run_in_threadpool(incoming.write, bytes(piece))
                piece.clear()
        await run_in_threadpool(incoming.write, bytes(piece))
        if not incoming.size:
            raise HTTPException(400, "The file is empty.")
        await run_in_threadpool(incoming.finish)
    except BaseException as error:
        with CancelScope(shield=True):
            await run_in_threadpool(incoming.discard)
            await run_in_threadpool(uploads.take_back, incoming.place)
        if isinstance(error, ClientDisconnect):
            raise HTTPException(400, "The upload broke off.") from None
        if isinstance(error, OSError):
            log.error("an upload could not be stored: %s", type(error).__name__)
            raise HTTPException(507, FULL) from None
        raise
    return await run_in_threadpool(_enter, looks, name, incoming)


def _too_large() -> str:
    return f"The file is larger than {settings.upload_bytes() // 1024 // 1024:,} MiB. Send it as several files."


def _enter(looks: Person, name: str, incoming: Incoming) -> int:
    """Look at a file that is in its place, and enter it; one that cannot be entered is removed."""
    best = _look(looks, name, incoming.place, incoming.size).best
    try:
        with database.as_reviewer() as connection:
            (row,) = warehouse.query(
                connection,
                "pages/enter_upload",
                looks.name,
                name,
                incoming.size,
                incoming.checksum,
                incoming.place,
                best and best.contract.source_system,
                best and best.contract.feed,
                best and best.percent,
            )
            known = {row["place"] for row in warehouse.query(connection, "pages/places_of_uploads")}
    except BaseException:
        uploads.take_back(incoming.place)
        raise
    try:
        uploads.clear(known)
    except Exception as error:  # another upload clears it
        log.warning("what is left of uploads could not be cleared: %s", type(error).__name__)
    return int(row["upload_id"])


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until a file may be looked at.

    Raises:
        Refused: others take too long.
    """
    if not LOOKING.acquire(timeout=PATIENCE):
        raise Refused("Other files are being looked at. Open this page again in a minute.")
    try:
        yield
    finally:
        LOOKING.release()


def _look(looks: Person, name: str, place: str, size: int) -> Looked:
    """Compare an upload with the contracts of the sources that the person may run."""
    known = contracts.sound(looks.runs)
    try:
        with _turn(), uploads.looked_at(place, size) as path:
            _refuse_bomb(path)
            recognition = verification.fit_contracts(known, path)
            if not any(len(fit.values) > 1 for fit in recognition.fits):
                drafting.first_rows(path, guess_dialect(path))  # what it is may be plainer to say
    except Unreadable as error:
        why = f"No contract describes this file, and it is no table. {error.message}"
        return Looked((), why, is_readable=False)
    except NotLookedAt as error:
        return Looked((), str(error), is_readable=False, unseen=tuple(known))
    except Refused as error:
        return Looked((), str(error), is_readable=False)
    except Exception as error:
        log.error("an upload could not be looked at: %s", type(error).__name__)
        return Looked(
            (), "The file could not be looked at. Tell who maintains Claimhouse.", is_readable=False
        )
    choices = tuple(_choice(fit, name) for fit in recognition.fits if fit.values)
    looked = Looked(choices, "")
    if looked.best:
        return looked
    return Looked(choices, verification.explain(recognition))


def _refuse_bomb(path: pathlib.Path) -> None:
    """Find out once, and not for each way of writing a file, that it unpacks to too much.

    Raises:
        Unreadable: it does.
    """
    try:
        guess_dialect(path)
    except Unreadable as error:
        if error.rule == "too_large":
            raise


def _choice(fit: Fit, name: str) -> Choice:
    contract, taken, hindrance = fit.contract, "", ""
    if not fit.is_complete:
        needed = [column.name for column in contract.columns if verification.is_needed(column)]
        missing = [name for name in fit.missing if name in needed]
        hindrance = f"It lacks required columns: {listed(missing)}."
    elif contract.is_by_content and not fit.is_enough:
        hindrance = "It fits too little: the files of this source are told apart by their content."
    else:
        try:
            taken = uploads.name_for(contract, name)
        except Refused as error:
            hindrance = str(error)
        else:
            hindrance = _lacking_in_name(fit, taken)
    return Choice(fit, math.floor(100 * fit.share), taken, hindrance)


@routes.get("/upload/runs")
def followed(request: Request, looks: Looks, upload: Numbers) -> HTMLResponse:
    """How far the runs of some uploads are, until their end."""
    return answers.show(request, "upload_runs", looks, **_followed(looks, upload), numbers=upload)


@routes.get("/upload/stages")
def stages(request: Request, looks: Looks, upload: Numbers) -> HTMLResponse:
    """The part of that page that changes."""
    return answers.show(request, "upload_stages", looks, **_followed(looks, upload))


def _lacking_in_name(fit: Fit, name: str) -> str:
    """That the contract needs a value which neither the file has nor its name; empty where it has all."""
    in_name = fit.contract.from_name(name)
    for column in fit.contract.columns:
        is_given = column.name in fit.values or column.name in in_name
        if column.from_file_name and verification.is_needed(column) and not is_given:
            return (
                f"Files of {fit.contract.feed} have their {column.name} in their names, and this name has "
                "none. Rename it, and upload it again."
            )
    return ""


@routes.get("/upload/{number}")
def uploaded(
    request: Request, looks: Looks, number: Number, contract: str | None = None
) -> HTMLResponse:
    """What an upload is: the contract it fits, its first rows as they would load, or what differs."""
    row = _upload(looks, number)
    if row["state"] != "waiting":
        return answers.show(request, "upload_over", looks, upload=row)
    looked = _look(looks, row["file_name"], row["place"], row["size_bytes"])
    chosen = next(
        (choice for choice in looked.choices if choice.contract.name == contract), looked.best
    ) or next(iter(looked.choices), None)
    shown, refused = _previewed(looks, row, chosen)
    with database.as_viewer() as connection:
        known = warehouse.query(connection, "pages/same_upload", row["checksum"], list(looks.sees))
    return answers.show(
        request,
        "uploaded",
        looks,
        upload=row,
        looked=looked,
        chosen=chosen,
        shown=shown,
        refused=refused,
        known=known,
    )


def _previewed(
    looks: Person, row: dict[str, Any], chosen: Choice | None
) -> tuple[Preview | None, str]:
    """The first rows, or why there are none."""
    if chosen is None or not chosen.fit.is_complete:
        return None, ""
    name = chosen.landing_name or row["file_name"]
    try:
        with _turn(), uploads.looked_at(row["place"], row["size_bytes"]) as path:
            shown = verification.preview(chosen.contract, path, name)
    except Unreadable as error:
        return None, error.message
    except Refused as error:
        return None, str(error)
    access.record(looks, f"upload {row['upload_id']}", chosen.contract.source_system)
    return shown, ""


@routes.get("/upload/{number}/draft")
def draft(looks: Looks, number: Number, source: str) -> Response:
    """The drafts for an upload that no contract describes, as the command writes them: a zip of its folder."""
    row = _upload(looks, number)
    looks.must_run(source)
    feed = drafting.feed_name(row["file_name"])
    try:
        with _turn(), uploads.looked_at(row["place"], row["size_bytes"]) as path:
            drafts = drafting.drafts(path, source, feed)
    except Unreadable as error:
        raise HTTPException(422, f"No draft can be made. {error.message}") from None
    except Refused as error:
        raise HTTPException(422, str(error)) from None
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for drafted in drafts:
            for name, text in drafting.files(drafted).items():
                archive.writestr(f"{source}/{name}", text)
    headers = {"Content-Disposition": f'attachment; filename="{feed}_draft.zip"'}
    return Response(content.getvalue(), media_type="application/zip", headers=headers)


@routes.post("/upload/process")
def process(request: Request, looks: Looks, form: Form) -> RedirectResponse:
    """Move the chosen uploads to their sources, and have those ingested."""
    rows = _chosen(looks, form)
    contract = str(form.get("contract", ""))
    targets = [_target(looks, row, contract) for row in rows]
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, path in zip(rows, targets, strict=True):
        decided = _decided(looks, row, path) if row["state"] == "waiting" else row
        by_source[decided["source_system"]].append(decided)
    for source, files in by_source.items():
        for row in files:
            try:
                uploads.process(row["place"], row["landing_path"])
            except FileNotFoundError:
                raise HTTPException(409, f"{row['file_name']} is gone. Upload it again.") from None
        run = runs.trigger(source, looks.name)
        with database.as_reviewer() as connection:
            warehouse.query(connection, "pages/note_run", [row["upload_id"] for row in files], run)
    return answers.go_to(request, "upload/runs", upload=[row["upload_id"] for row in rows])


def _target(looks: Person, row: dict[str, Any], contract: str) -> str:
    """Where an upload goes; nothing is changed yet.

    Raises:
        HTTPException: it cannot be processed, or not by this person.
    """
    if row["state"] == "taken_back":
        raise HTTPException(409, _somebody_else(row))
    if row["run_id"]:
        raise HTTPException(409, f"{row['file_name']} is processed already.")
    if row["state"] == "processing":  # the server was stopped before there was a run
        looks.must_run(row["source_system"])
        return str(row["landing_path"])
    wanted = contract or (row["feed"] and f"{row['source_system']}.{row['feed']}")
    if not wanted:
        raise HTTPException(
            409, f"{row['file_name']} fits no contract by itself. Open it, and choose what it is."
        )
    source, _, feed = wanted.partition(".")
    looks.must_run(source)
    try:
        as_contract, name = _possible(looks, row, wanted, is_known=not contract)
    except Refused as error:
        message = f"{row['file_name']} cannot be processed as {wanted}. {error}"
        raise HTTPException(409, message) from None
    row["source_system"], row["feed"] = source, feed
    day = row["place"].split("/")[1]
    return uploads.landing_path(as_contract, name, day, row["upload_id"])


def _possible(
    looks: Person, row: dict[str, Any], wanted: str, *, is_known: bool
) -> tuple[Contract, str]:
    """The contract called *wanted*, and the name under which an upload lands as one of it.

    Args:
        looks: who asks.
        row: the upload.
        wanted: the contract's name.
        is_known: whether the upload was found to fit it.

    Raises:
        Refused: it cannot.
    """
    name, source = row["file_name"], wanted.partition(".")[0]
    looked = Looked((), "", unseen=tuple(contracts.sound([source])))
    if not is_known:
        looked = _look(looks, name, row["place"], row["size_bytes"])
    for contract in looked.unseen:
        if contract.name == wanted:
            return contract, uploads.name_for(contract, name)
    for choice in looked.choices:
        if choice.contract.name == wanted:
            if choice.hindrance:
                raise Refused(choice.hindrance)
            return choice.contract, choice.landing_name
    raise Refused(looked.trouble or "It is none of these files.")


def _decided(looks: Person, row: dict[str, Any], path: str) -> dict[str, Any]:
    with database.as_reviewer() as connection:
        done = warehouse.query(
            connection,
            "pages/process_upload",
            row["upload_id"],
            row["source_system"],
            row["feed"],
            path,
            looks.name,
        )
    if not done:
        raise HTTPException(409, _somebody_else(row))
    return {**row, "landing_path": path}


def _somebody_else(row: dict[str, Any]) -> str:
    return f"Somebody else has just processed {row['file_name']}, or taken it back."


@routes.post("/upload/back")
def back(request: Request, looks: Looks, form: Form) -> RedirectResponse:
    """Take the chosen uploads back: the files are removed."""
    for row in _chosen(looks, form):
        with database.as_reviewer() as connection:
            done = warehouse.query(
                connection, "pages/take_upload_back", row["upload_id"], looks.name
            )
        if not done:
            raise HTTPException(409, _somebody_else(row))
        uploads.take_back(row["place"])
    return answers.go_to(request, "upload")


def _followed(looks: Person, numbers: Sequence[int]) -> dict[str, Any]:
    rows = _visible(looks, numbers[:PER_PAGE])
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["run_id"]:
            looks.must_see(row["source_system"])
            by_run[row["source_system"], row["run_id"]].append(row)
    found = [
        Followed(source, runs.follow(source, run_id), _became(source, files))
        for (source, run_id), files in by_run.items()
    ]
    return {"runs": found, "has_ended": all(each.run.has_ended for each in found)}


def _became(source: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of uploads so far: the delivery, its batch, and what was wrong with the file."""
    root = settings.landing_root().rstrip("/")
    places = [row["landing_path"].partition("/")[2] for row in rows]
    with database.as_viewer() as connection:
        landed = {
            row["path"]: row
            for row in warehouse.query(
                connection,
                "pages/landed_uploads",
                [f"{root}/{row['landing_path']}" for row in rows],
            )
        }
        batches = [row["batch_id"] for row in landed.values() if row["state"] == "rejected"]
        problems: dict[str, list[str]] = defaultdict(list)
        for issue in warehouse.query(
            connection, "pages/problems_of_uploads", source, places, batches
        ):
            problems[issue["file_name"]].append(issue["message"])
    found = []
    for row, place in zip(rows, places, strict=True):
        delivery = landed.get(f"{root}/{row['landing_path']}")
        state = _state(delivery)
        is_bad = delivery is not None and delivery["state"] in ("rejected", "held")
        found.append(
            {
                "upload": row,
                "landed": delivery,
                "state": state,
                "is_bad": is_bad,
                "problems": problems[place],
            }
        )
    return found


def _state(delivery: dict[str, Any] | None) -> str:
    if delivery is None:
        return "not taken in yet"
    if delivery["same_as_file_id"]:
        return f"the same as file {delivery['same_as_file_id']}: nothing new to load"
    return STATES.get(delivery["state"], delivery["state"] or "taken in")


def _chosen(looks: Person, form: Form) -> list[dict[str, Any]]:
    """The uploads that a form names.

    Raises:
        HTTPException: it names none (400), or one that this person may not change (404).
    """
    numbers = [int(number) for number in map(str, form.getlist("upload")) if number.isdecimal()]
    if not numbers:
        raise HTTPException(400, "Choose at least one file.")
    rows = _visible(looks, numbers[:PER_PAGE])
    for row in rows:
        if row["uploaded_by"] != looks.name:
            looks.must_run(row["source_system"] or "")
    return rows


def _upload(looks: Person, number: int) -> dict[str, Any]:
    return _visible(looks, [number])[0]


def _visible(looks: Person, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Some uploads that the person may look at: their own, and those of the sources they see.

    Raises:
        HTTPException: there is none of these (404).
    """
    if any(abs(number) > NEWEST for number in numbers):  # more than the database can compare
        raise HTTPException(404, answers.UNKNOWN)
    with database.as_viewer() as connection:
        rows = warehouse.query(connection, "pages/uploads", list(numbers))
    rows = [
        row
        for row in rows
        if row["uploaded_by"] == looks.name
        or (row["source_system"] or "") in (looks.sees if row["run_id"] else looks.runs)
    ]
    if not rows or len(rows) < len(set(numbers)):
        raise HTTPException(404, answers.UNKNOWN)
    return rows
