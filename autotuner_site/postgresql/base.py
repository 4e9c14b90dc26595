"""What the code relies on with SQLite, on PostgreSQL: transactions alone, JSON in its order.

What is read and then written stands between `transaction.atomic()` and its end, all over the code:
whether the task still runs and then its experiment, which GPUs are free and then the lease. On
SQLite such a transaction begins IMMEDIATE, so nobody else writes until it is through. PostgreSQL's
READ COMMITTED lets two of them pass each other, so each takes one advisory lock as it begins, and
gives it back by ending. It is taken before any row's lock, so no two can wait for each other. A
single UPDATE outside a transaction takes none: its guard is checked on the row that it locks.

JSON columns are `json` and not `jsonb`: a task file, a search space and a command line keep the
order in which somebody wrote them, here too.

Like SQLite's, the wait ends with an OperationalError (`lock_timeout`). A worker lives longer than
its connection: after an error the next statement outside a transaction looks whether the
connection still holds, and opens another if not.
"""

from contextlib import suppress
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.types.string import TextLoader

from autotuner_site.postgresql.operations import DatabaseOperations

ONE_WRITER = 0x4155544F54554E45  # "AUTOTUNE": of this database, whatever else uses such locks


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
    data_types = base.DatabaseWrapper.data_types | {"JSONField": "json"}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's fields read JSON themselves, from text."""
        connection = super().get_new_connection(conn_params)
        connection.adapters.register_loader("json", TextLoader)
        return connection

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # the stubs lack it
        if autocommit or self.connection is None:
            return
        try:
            with self.wrap_database_errors:
                self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (ONE_WRITER,))
        except BaseException:
            with suppress(psycopg.Error):
                self.connection.rollback()
                self.connection.autocommit = True
            raise

    def ensure_connection(self) -> None:
        if self.errors_occurred and not self.in_atomic_block:
            self.close_if_unusable_or_obsolete()
        super().ensure_connection()
