"""Signatures of webhooks as Standard Webhooks describe them (standardwebhooks.com).

`webhook-signature` is `v1,` and the base64 of HMAC-SHA256, by the secret's bytes, over
`<webhook-id>.<webhook-timestamp>.<body>`.
"""

import base64
import hashlib
import hmac
import secrets
import uuid

from autotuner_site.secret_marks import WEBHOOK

SECRET_BYTES = 32


def new_secret() -> str:
    return WEBHOOK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def signed_headers(secret: str, uid: uuid.UUID, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that go with `body`, sent at `timestamp` (seconds since 1970)."""
    return {
        "webhook-id": str(uid),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, str(uid), str(timestamp), body),
    }


def signature(secret: str, uid: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(WEBHOOK))
    digest = hmac.new(key, f"{uid}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
