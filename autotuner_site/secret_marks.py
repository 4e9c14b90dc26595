"""How secrets that this site makes begin, so that one is known where it was left lying about."""

API_TOKEN = "att_"  # noqa: S105  a beginning and no secret
WEBHOOK = "whsec_"
