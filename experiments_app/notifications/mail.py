"""Sends e-mails, where the site has a server for them."""

import smtplib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from experiments_app.notifications.outcome import Outcome
from tasks_app.masking import mask_text

OFF = "This site sends no e-mails: an administrator names a server in EMAIL_URL."


def is_on() -> bool:
    return bool(settings.EMAIL_URL)


@dataclass(frozen=True)
class Mail:
    """`uid`: what tells it from others; sent twice, it is the same for the reader's program."""

    to: str
    subject: str
    body: str
    uid: str

    @classmethod
    def of(cls, to: str, subject: str, lines: Iterable[str], uid: object) -> "Mail":
        return cls(to, " ".join(subject.split()), "\n".join(lines), str(uid))

    def send(self) -> Outcome:
        """What became of it; never raises for what the server does."""
        if not is_on():
            return Outcome(error=OFF, is_final=True)
        begun = time.monotonic()
        host = urlsplit(settings.SITE_URL).hostname
        headers = {
            "Message-ID": f"<{self.uid}@{host}>",
            "Auto-Submitted": "auto-generated",
        }
        try:
            EmailMessage(self.subject, self.body, to=[self.to], headers=headers).send()
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(error=_words(error), duration_s=time.monotonic() - begun)
        return Outcome(is_ok=True, duration_s=time.monotonic() - begun)


def _words(error: Exception) -> str:
    told = " ".join(str(error).split()) or type(error).__name__
    return mask_text(f"the server for e-mails: {told}"[:500], {}, settings.EMAIL_HOST_PASSWORD)
