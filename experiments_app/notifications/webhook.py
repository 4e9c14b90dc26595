"""Sends a payload to a webhook: one signed POST, no redirects, within a time limit."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from autotuner_site import outbound
from autotuner_site.outbound import Proxies
from experiments_app.network import ca_bundle, site_proxies
from experiments_app.notifications.outcome import Outcome
from experiments_app.notifications.signing import signed_headers
from tasks_app.masking import MASK, MIN_SECRET_LENGTH, mask_text

CONNECT_S = 5.0
TOTAL_S = 15.0
MAX_ANSWER_BYTES = 4096
EXCERPT = 300
AGENT = "Autotuner-Webhook/1"


@dataclass(frozen=True)
class WebhookMessage:
    """All that it takes to send it: nothing is asked of the database any more."""

    url: str
    secret: str
    uid: uuid.UUID
    body: bytes
    allowed_hosts: Sequence[str]
    proxies: Proxies
    ca_bundle: Path | None

    @classmethod
    def of(
        cls, url: str, secret: str, uid: uuid.UUID, payload: Mapping[str, Any]
    ) -> "WebhookMessage":
        return cls(
            url,
            secret,
            uid,
            json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(),
            tuple(settings.TASK_HOSTS),
            site_proxies(),
            ca_bundle(),
        )

    def send(self) -> Outcome:
        """What became of it; never raises for what the other side does."""
        begun = time.monotonic()
        try:
            answer = self._ask()
        except outbound.OutboundError as error:
            is_final = isinstance(error, outbound.Refused)
            said = self._masked(str(error))
            return Outcome(error=said, duration_s=time.monotonic() - begun, is_final=is_final)
        return self._read(answer, time.monotonic() - begun)

    def _ask(self) -> outbound.Answer:
        signed = signed_headers(self.secret, self.uid, int(time.time()), self.body)
        return outbound.fetch(
            "POST",
            self.url,
            headers={"content-type": "application/json", "user-agent": AGENT, **signed},
            content=self.body,
            allowed_hosts=self.allowed_hosts,
            connect_s=CONNECT_S,
            total_s=TOTAL_S,
            max_bytes=MAX_ANSWER_BYTES,
            redirects=0,
            proxies=self.proxies,
            ca_bundle=self.ca_bundle,
        )

    def _read(self, answer: outbound.Answer, duration_s: float) -> Outcome:
        said = answer.content.decode("utf-8", "replace").replace("\x00", "")
        excerpt = self._masked(" ".join(said.split()))[:EXCERPT]
        error = "" if answer.is_ok else f"it answered {answer.status}"
        if 300 <= answer.status < 400:
            error += ": redirects are not followed, so enter the address that it leads to"
        if answer.status == 410:
            error += ": it wants no more of them"
        return Outcome(
            is_ok=answer.is_ok,
            status=answer.status,
            error=error,
            answer=excerpt,
            duration_s=duration_s,
            is_gone=answer.status == 410,
        )

    def _masked(self, text: str) -> str:
        """An answer may repeat the path that it was asked for, which is often the secret."""
        parts = urlsplit(self.url)
        asked = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
        text = mask_text(text, {}, self.secret)
        for private in (asked, parts.path, *parts.path.split("/"), parts.query):
            if len(private.strip("/")) > MIN_SECRET_LENGTH:
                text = text.replace(private, MASK)
        return text
