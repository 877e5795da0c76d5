"""A Tableau server on this machine: the parts of the REST API that publishing needs.

It keeps what it is sent.

It lets in who has the token, one session at a time, and answers what comes without one with 401, as a real one
does.
"""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

NAMESPACE = "http://tableau.com/api"
VERSION = "3.27"
# Older versions of the protocol know no personal access tokens.
FIRST_WITH_TOKENS = (3, 6)
SITE = "5e0d0a0c-7e57-4a5e-8c0a-51e000000001"


@dataclass
class Site:
    """What the server holds.

    Attributes:
        projects: by id, the name and the id of the project above.
        published: by project and name, each file that came, the newest last, and its overwrite flag.
        requests: the method and path of each.
    """

    token: tuple[str, str] = ("publisher", "a-secret-token")
    name: str = "claims"
    projects: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    published: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)
    session: str | None = None
    requests: list[str] = field(default_factory=list)
    breaks_off: int = 0
    address: str = ""

    def __enter__(self) -> Site:
        site = self

        class Handler(_Handler):
            held = site

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    held: Site

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        site, parts = self.held, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        site.requests.append(f"{method} {parts.path}")
        match = re.fullmatch(r"/api/[\d.]+/(.*)", parts.path)
        place = match[1] if match else ""
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if place == "serverInfo":
            return self._send(
                200,
                '<serverInfo><productVersion build="1">2026.1</productVersion>'
                f"<restApiVersion>{VERSION}</restApiVersion></serverInfo>",
            )
        if place == "auth/signin":
            version = tuple(map(int, parts.path.split("/")[2].split(".")))
            if version < FIRST_WITH_TOKENS:
                return self._error(400, "400006", "Invalid authentication credentials")
            return self._sign_in(body)
        if site.session is None or self.headers.get("X-Tableau-Auth") != site.session:
            return self._error(401, "401002", "Unauthorized Access")
        if place == "auth/signout":
            site.session = None
            return self._send(204, "")
        if place == f"sites/{SITE}/projects":
            return self._projects()
        if place == f"sites/{SITE}/fileUploads" and method == "POST":
            number = uuid.uuid4().hex
            site.parts[number] = b""
            return self._send(201, f'<fileUpload uploadSessionId="{number}"/>')
        if place.startswith(f"sites/{SITE}/fileUploads/") and method == "PUT":
            number = place.rpartition("/")[2]
            site.parts[number] += self._pieces(body)["tableau_file"]
            return self._send(200, f'<fileUpload uploadSessionId="{number}" fileSize="1"/>')
        if place == f"sites/{SITE}/datasources" and method == "POST":
            return self._publish(asked, body)
        return self._error(404, "404000", "not found")

    def _sign_in(self, body: bytes) -> None:
        credentials = ElementTree.fromstring(body).find("credentials")
        site = credentials.find("site") if credentials is not None else None
        given = credentials.attrib if credentials is not None else {}
        token = (given.get("personalAccessTokenName"), given.get("personalAccessTokenSecret"))
        if token != self.held.token or site is None or site.get("contentUrl") != self.held.name:
            return self._error(401, "401001", "Signin Error")
        # A second session ends the first.
        self.held.session = uuid.uuid4().hex
        return self._send(
            200,
            f'<credentials token="{self.held.session}"><site id="{SITE}" contentUrl={quoteattr(self.held.name)}/>'
            '<user id="9f9e9d8c-8d8e-8d8f-8d8a-9a9b9c9d9e9f"/></credentials>',
        )

    def _projects(self) -> None:
        listed = "".join(
            f"<project id={quoteattr(number)} name={quoteattr(name)}"
            + (f" parentProjectId={quoteattr(above)}" if above else "")
            + "/>"
            for number, (name, above) in self.held.projects.items()
        )
        count = len(self.held.projects)
        self._send(
            200,
            f'<pagination pageNumber="1" pageSize="100" totalAvailable="{count}"/><projects>{listed}</projects>',
        )

    def _publish(self, asked: dict[str, str], body: bytes) -> None:
        if self.held.breaks_off:
            self.held.breaks_off -= 1
            return self._error(500, "500000", "Internal Server Error")
        pieces = self._pieces(body)
        item = ElementTree.fromstring(pieces["request_payload"]).find("datasource")
        project = item.find("project").get("id")  # type: ignore[union-attr]
        name = item.get("name")  # type: ignore[union-attr]
        if project not in self.held.projects:
            return self._error(404, "404005", "Project Not Found")
        number = asked.get("uploadSessionId")
        content = self.held.parts.pop(number) if number else pieces["tableau_datasource"]
        files = self.held.published.setdefault((project, name), [])
        if files and asked.get("overwrite") != "true":
            return self._error(403, "403007", "a data source of this name is there")
        files.append(content)
        return self._send(
            201,
            f'<datasource id="{uuid.uuid4()}" name={quoteattr(name)} contentUrl="x" type="hyper">'
            f'<project id="{project}" name="x"/><owner id="x"/></datasource>',
        )

    def _pieces(self, body: bytes) -> dict[str, bytes]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + body)
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in message.get_payload()  # type: ignore[misc]
        }

    def _error(self, status: int, code: str, text: str) -> None:
        self._send(
            status,
            f'<error code="{code}"><summary>{text}</summary><detail>{text}</detail></error>',
        )

    def _send(self, status: int, inside: str) -> None:
        text = (
            f'<?xml version="1.0"?><tsResponse xmlns="{NAMESPACE}">{inside}</tsResponse>'.encode()
        )
        self.send_response(status)
        self.send_header("Content-Type", "application/xml;charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
