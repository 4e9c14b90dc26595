"""The database that a backup saves and a restore exchanges: what SQLite and PostgreSQL do each."""

from pathlib import Path
from typing import Protocol

from django.conf import settings

NOTHING_UNDER_WAY = (
    """UPDATE experiments_app_experiment SET status = 'pending', owner_token = '', progress = '{}',
    lease_expires_at = NULL, started_at = NULL WHERE status IN ('deploying', 'benchmarking')""",
    "DELETE FROM experiments_app_resourcelease",
)
"""What a copy of a site that runs is told: nothing in it runs here."""


class Store(Protocol):
    """Each method raises BackupError."""

    member: str
    """Under this name a backup holds its copy."""

    def require(self) -> None:
        """What a backup and a restore need is here."""

    def save(self, target: Path) -> None:
        """A copy as it stands at one moment. Raises Damaged where that cannot be made."""

    def migrations_in(self, staged: Path) -> set[str]:
        """Those that a whole copy has been through, as `app.name`."""

    def exchange(self, staged: Path, kept: Path, *, is_damaged: bool) -> None:
        """Put the copy in the place of what is there, all of it or nothing, with nothing under
        way in it. What is too damaged to be saved is moved to `kept`."""


def store() -> Store:
    """That of this site."""
    from experiments_app.backup.postgresql import PostgreSQLStore
    from experiments_app.backup.sqlite import SQLiteStore

    path = settings.DATABASE_PATH
    return PostgreSQLStore() if path is None else SQLiteStore(path)
