"""A mail server that fails at a chosen point of a session, in a chosen way, and knows what it took."""

from __future__ import annotations

import email
import email.policy
import socket
import struct
import threading
from collections import deque

# In the order of a session. At "stored" the server has the mail for good, at "end" it has read it all.
BEFORE_THE_END = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "body")
AFTER_THE_END = ("end", "stored")
DEATHS = ("close", "reset", "silence", "half a reply", "garbage")
REFUSALS = ("421 going down", "451 later", "552 too much", "554 5.7.1 no")


class DyingServer:
    """Answers one session at a time; *faults* are the (point, way) of the sessions to come."""

    def __init__(self, size="", utf8=False):
        self.faults, self.always, self.stored, self.commands = deque(), None, [], []
        self.extensions = [
            "x",
            *([f"SIZE {size}"] if size else []),
            *(["SMTPUTF8"] if utf8 else []),
        ]
        self._left_open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        """Take no more sessions."""
        self._listener.close()
        for connection in self._left_open:
            connection.close()

    def messages(self):
        """The mails it has."""
        return [
            email.message_from_bytes(raw, policy=email.policy.default) for raw in list(self.stored)
        ]

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            fault = self.faults.popleft() if self.faults else self.always
            try:
                self._talk(connection, connection.makefile("rb"), *(fault or (None, None)))
            except OSError:
                connection.close()

    def _talk(self, connection, lines, point, way):
        def answer(here, text):
            """Answer, or fail here; whether the session goes on."""
            if here != point:
                connection.sendall(f"{text}\r\n".encode())
            elif way[0].isdigit():
                connection.sendall(f"{way}\r\n".encode())
                if way.startswith("421"):
                    connection.close()
                    return False
            else:
                return self._fail(connection, lines, way)
            return True

        if not answer("greeting", "220 x"):
            return
        while line := lines.readline():
            command = line.split()[0].upper().decode("latin-1")
            self.commands.append(line)
            if command == "EHLO":
                last = len(self.extensions) - 1
                text = "\r\n".join(
                    f"250{' ' if number == last else '-'}{name}"
                    for number, name in enumerate(self.extensions)
                )
                goes_on = answer("EHLO", text)
            elif command == "DATA" and (point != "DATA" or not way[0].isdigit()):
                if not answer("DATA", "354 go on"):
                    return
                if point == "body":
                    lines.read(200)
                    if way[0].isdigit():
                        # In the middle of the mail, and then the line is dead.
                        connection.sendall(f"{way}\r\n".encode())
                        connection.close()
                        return
                    self._fail(
                        connection, lines, "close" if "reply" in way or way == "garbage" else way
                    )
                    return
                goes_on = self._read_mail(lines, answer, point, way)
            elif command == "QUIT":
                connection.sendall(b"221 bye\r\n")
                goes_on = False
            else:
                goes_on = answer(command, "250 ok")
            if not goes_on:
                return
        connection.close()

    def _read_mail(self, lines, answer, point, way):
        content = []
        while (line := lines.readline()) not in (b".\r\n", b""):
            content.append(line.removeprefix(b".") if line.startswith(b".") else line)
        if not line:
            return False
        is_refused = point == "end"
        if not is_refused:
            self.stored.append(b"".join(content))
        return answer(point if point in AFTER_THE_END else "end of the mail", "250 taken")

    def _fail(self, connection, lines, way):
        if way == "silence":
            self._left_open += [connection, lines]
            return False
        if way == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if way == "half a reply":
            connection.sendall(b"25")
        if way == "garbage":
            connection.sendall(b"hello\r\n")
        lines.close()
        connection.close()
        return False
