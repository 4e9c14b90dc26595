"""gunicorn's settings: one process with threads, for pages that poll a database on this disk."""

import threading
from typing import Any

from experiments_app.parent_death import die_with_parent
from experiments_app.supervisor import end_with_supervisor

workers = 1
worker_class = "experiments_app.web_worker.BoundedWorker"
threads = 16
keepalive = 15  # a page that follows asks every two seconds: with one connection
timeout = 60
graceful_timeout = 5
control_socket_disable = True


def on_starting(server: Any) -> None:
    del server
    end_with_supervisor()


def post_worker_init(worker: Any) -> None:
    from experiments_app.charts.draw import load_drawing  # only the worker has the site loaded

    del worker
    threading.Thread(target=load_drawing, daemon=True).start()


def post_fork(server: Any, worker: Any) -> None:
    del server, worker
    die_with_parent()
