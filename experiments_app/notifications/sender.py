"""Sends what is due for as long as a worker of the consumer lives, in a thread of its own.

Each worker has one, and one of them at a time looks; where its process ends another takes its
place. So a worker that is killed is made up for as all are, and an experiment that takes an hour
keeps no message waiting. The consumer's own process has none: it forks workers, which must not
inherit an open database.
"""

import logging
import threading

from django.db import close_old_connections, connection

from experiments_app.notifications.deliver import only_one, send_all_due

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
AFTER_FAULT_S = 10.0
STOP_WITHIN_S = 3.0
"""A try that takes longer is left behind: its claim lapses, and it is tried again."""


class Sender:
    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=STOP_WITHIN_S)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._look_while_only_one()
                except Exception:  # the database or the disk is away, or a bug: it goes on
                    logger.exception("notifications could not be sent")
                    connection.close()
                    self._stop.wait(AFTER_FAULT_S)
        finally:
            connection.close()  # of this thread

    def _look_while_only_one(self) -> None:
        with only_one() as is_mine:
            while is_mine and not self._stop.is_set():
                close_old_connections()  # as each job does
                send_all_due()
                close_old_connections()
                self._stop.wait(LOOK_EVERY_S)
        self._stop.wait(LOOK_EVERY_S)
