"""Names of container images that a task may write."""

import re

from tasks_app.validation import refusal, shown

_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]{1,5})?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_REPOSITORY = re.compile(rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*")
_REFERENCE = re.compile(
    rf"(?P<repository>[^\s:@]+(?::[0-9]+(?=/)[^\s:@]+)?)(?P<tag>:{_TAG})?"
    r"(?P<digest>@sha256:[0-9a-f]{64})?"
)
_STRANGE = re.compile(r"[^A-Za-z0-9._/:@-]")
MAX_REPOSITORY = 255
RIGHT = "write repository:tag or repository@sha256:…"


def check_tag(text: str) -> str:
    if not re.fullmatch(_TAG, text):
        hint = "a whole image goes under runtime_image" if set(text) & set("/:@") else ""
        raise refusal(f"{shown(text)} is not an image tag", hint)
    return text


def check_image(text: str) -> str:
    """`repository:tag`, `registry:port/repository:tag`, either of them with a digest or with a
    digest alone."""
    scheme, is_address, _ = text.partition("://")
    if is_address:
        raise refusal(f"{shown(text)} is an address", f"{RIGHT}, without {scheme}://")
    if match := _STRANGE.search(text):
        raise refusal(f"{shown(text)} is not a container image: it holds {match[0]!r}", RIGHT)
    match = _REFERENCE.fullmatch(text)
    if match is None or not (match["tag"] or match["digest"]):
        raise refusal(f"{shown(text)} is not a container image", RIGHT)
    repository = match["repository"]
    if _REPOSITORY.fullmatch(repository):
        if len(repository) > MAX_REPOSITORY:
            raise refusal(f"the repository is longer than {MAX_REPOSITORY} characters")
        return text
    lowered = repository.lower()
    if _REPOSITORY.fullmatch(lowered):
        right = lowered + text[len(repository) :]
        raise refusal(
            f"{shown(text)} is not a container image: repositories are lower case",
            f"write {right}",
        )
    raise refusal(f"{shown(text)} is not a container image", RIGHT)
