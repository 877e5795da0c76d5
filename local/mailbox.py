"""An SMTP server for the local system: it accepts every mail and saves it as a file.

Run it as ``python -m local.mailbox <port> <folder>``. It listens on 127.0.0.1 only.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
import tempfile
import threading
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MAX_MAIL_BYTES = 64 * 1024 * 1024


def file_name(mail: bytes) -> str:
    """The file name for *mail*: the same for all copies with the same Message-ID.

    A mail without one is named after its content.
    """
    identity = str(message_from_bytes(mail).get("Message-ID", "")).strip()
    digest = hashlib.sha256(identity.encode() if identity else mail).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9._@+-]+", "_", identity.strip("<>"))[:80].strip("._")
    return f"{readable or 'mail'}-{digest}.eml"


def keep(mail: bytes, folder: Path) -> bool:
    """Save *mail* in *folder*, completely or not at all.

    Returns:
        False if a mail with this Message-ID is there already; that one stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mail)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, folder / file_name(mail))
    except FileExistsError:
        return False
    finally:
        Path(draft).unlink()
    return True


class Keeper:
    """The handler that aiosmtpd calls for each mail it receives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Save the mail, with its envelope in headers, and then answer."""
        recipients = ", ".join(envelope.rcpt_tos)
        trace = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n"
        new = keep(trace.encode() + (envelope.original_content or b""), self.folder)
        return "250 saved" if new else "250 saved before"


def controller(port: int, folder: Path) -> Controller:
    """The server, not started yet: call ``start()`` and ``stop()``.

    Args:
        port: on 127.0.0.1; 0 for any free port.
        folder: where mails are saved.
    """
    return Controller(
        Keeper(folder), hostname="127.0.0.1", port=port, data_size_limit=MAX_MAIL_BYTES
    )


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    server = controller(port, folder)
    server.start()
    print(f"mails sent to 127.0.0.1:{port} are saved in {folder}", flush=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
