"""A mail server that keeps every copy, and can be told to die: ``python -m ... <port> <folder>``.

Before each mail it looks at the file ``die`` in its folder: ``before`` (the mail is lost), ``after``
(the mail is kept, the sender gets no answer) or ``connect``. It then kills itself with signal 9.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


class Keeper:
    """The handler that aiosmtpd calls."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.numbers = folder, itertools.count()

    def _die(self, moment: str) -> None:
        file = self.folder / "die"
        if file.exists() and file.read_text() == moment:
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, host: str, answers: list[str]
    ) -> list[str]:
        """Greet."""
        self._die("connect")
        session.host_name = host
        return answers

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep the mail, with its recipients in a header of its own."""
        self._die("before")
        name = f"{os.getpid()}-{next(self.numbers)}"
        to = ", ".join(envelope.rcpt_tos)
        draft = self.folder / f".{name}"
        draft.write_bytes(f"X-Envelope-To: {to}\r\n".encode() + envelope.original_content)
        draft.rename(self.folder / f"{name}.eml")
        self._die("after")
        return "250 kept"


def main() -> None:
    """Serve until killed."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    Controller(Keeper(folder), hostname="127.0.0.1", port=port).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
