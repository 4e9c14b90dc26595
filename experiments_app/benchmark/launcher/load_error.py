"""How the launcher gives up."""


class LoadError(Exception):
    """The load makes no sense any more; `kind` is one of the driver's error kinds."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
