class DatasetError(Exception):
    """A file cannot be taken; the message says what is wrong, where, and what would be right."""


class GivenUp(Exception):
    """Nobody wants it any more."""
