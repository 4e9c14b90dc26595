"""A server for e-mails, as small as RFC 5321 allows: it takes everything and keeps it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer

from tests.served import served

REPLIES = {
    b"EHLO": b"250 receiver",
    b"MAIL": b"250 ok",
    b"RCPT": b"250 ok",
    b"DATA": b"354 go on",
    b"QUIT": b"221 bye",
}


@dataclass
class Mailbox:
    """`refuses`: what it says to whoever names a reader, instead of taking the message."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    refuses: bytes = b""

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"


@contextmanager
def receiving_mail() -> Iterator[Mailbox]:
    mailbox = Mailbox()

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self._say(b"220 receiver")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"RCPT" and mailbox.refuses:
                    self._say(mailbox.refuses)
                    continue
                self._say(REPLIES.get(verb, b"250 ok"))
                if verb == b"DATA":
                    self._take()
                if verb == b"QUIT":
                    return

        def _take(self) -> None:
            lines = iter(self.rfile.readline, b".\r\n")
            message = message_from_bytes(b"".join(lines), policy=policy.default)
            mailbox.received.append(message)
            self._say(b"250 taken")

        def _say(self, line: bytes) -> None:
            self.wfile.write(line + b"\r\n")

    with served(Handler, ThreadingTCPServer) as mailbox.port:
        yield mailbox
