"""A data set on its way in: fetched, unpacked, read, kept. At any moment it may be killed."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from autotuner_site.outbound import OutboundError, fetch
from experiments_app.datasets.counting import COUNTED_BY, token_counter
from experiments_app.network import ca_bundle, site_proxies
from tasks_app.datasets.archives import Bounds, unpack
from tasks_app.datasets.errors import DatasetError, GivenUp
from tasks_app.datasets.files import texts_of
from tasks_app.datasets.lengths import summary, token_lengths
from tasks_app.datasets.reading import Format, Kind, look_at, rows_of
from tasks_app.datasets.storing import Stored, forget, store
from tasks_app.models import Dataset

logger = logging.getLogger(__name__)

CONNECT_S = 20.0
TOTAL_S = 3 * 3600.0
REDIRECTS = 5
NOTE_EVERY_S = 1.0
SHA256_LENGTH = 64


def most_bytes() -> int:
    return int(settings.DATASET_MIB) * 1024**2


def take(pk: int) -> None:
    """Does what is next for it. Leaves nothing behind but what is kept, or waits for a choice."""
    dataset = Dataset.objects.filter(pk=pk).first()
    if dataset is None or not dataset.begin():
        return
    dataset.refresh_from_db()
    taking = _Taking(dataset)
    try:
        taking.run()
    except GivenUp:
        _clear(dataset)
        _forget(taking.sha256)
    except (DatasetError, OutboundError) as error:
        _end(dataset, str(error))
    except OSError as error:
        logger.exception("data set %d", pk)
        _end(dataset, f"The files could not be written or read: {error.strerror or error}.")
    except BaseException:
        _end(dataset, "The site failed at it; its log says more.")
        raise


class _Taking:
    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.folder = dataset.incoming
        self.taken = 0
        self.expected: int | None = None
        self.sha256 = ""
        self._noted_at = 0.0

    def run(self) -> None:
        path, name = self._data_file()
        dataset = self.dataset
        look = look_at(path, name, Format(dataset.format) if dataset.format else None)
        dataset.format = look.format
        if look.columns and not dataset.prompt_column:
            if not look.prompt_column:
                dataset.ask_columns(look.format, list(look.columns))
                return
            dataset.prompt_column = look.prompt_column
        if look.format in {Format.TEXT, Format.SHAREGPT}:
            dataset.prompt_column = dataset.answer_column = ""
        rows = rows_of(
            path, look.format, dataset.prompt_column, dataset.answer_column, Kind(dataset.turns)
        )
        store(
            rows, self.folder / "made", settings.HOME.datasets, keep=self._keep, check=self._check
        )
        _clear(dataset)

    def _data_file(self) -> tuple[Path, str]:
        """Of an archive the file in it; it is kept until a column was chosen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ready, named = self.dataset.unpacked, self.dataset.unpacked_name
        if ready.exists():
            return ready, named.read_text()
        raw = self.dataset.uploaded
        if self.dataset.is_remote:
            self._fetch(raw)
        elif not raw.exists():
            raise DatasetError("The file that was sent is gone: send it again.")
        bounds = Bounds(most_bytes(), self._check)
        path, name = unpack(raw, _file_name(self.dataset), self.folder, bounds)
        named.write_text(name)
        path.rename(ready)
        raw.unlink(missing_ok=True)
        return ready, name

    def _fetch(self, raw: Path) -> None:
        with raw.open("wb") as file:

            def write(part: bytes) -> None:
                file.write(part)
                self.taken += len(part)
                self._check()

            fetch(
                "GET",
                self.dataset.source,
                headers={"User-Agent": "autotuner", "Accept": "*/*"},
                content=None,
                allowed_hosts=settings.TASK_HOSTS,
                connect_s=CONNECT_S,
                total_s=TOTAL_S,
                max_bytes=most_bytes(),
                redirects=REDIRECTS,
                sink=write,
                begun=self._begun,
                tick=self._check,
                proxies=site_proxies(),
                ca_bundle=ca_bundle(),
                require_ok=True,
            )

    def _begun(self, headers: Mapping[str, str]) -> None:
        told = headers.get("content-length", "")
        self.expected = int(told) if told.isdecimal() and len(told) < 16 else None

    def _check(self) -> None:
        """Say how far it is, now and then, and hear whether it is still wanted."""
        if time.monotonic() - self._noted_at < NOTE_EVERY_S:
            return
        self._noted_at = time.monotonic()
        if not self.dataset.note(self.taken, self.expected):
            raise GivenUp

    def _keep(self, stored: Stored) -> None:
        self.sha256 = stored.sha256
        lengths = _lengths_of(stored, Path(settings.HOME.datasets) / stored.sha256)
        if not self.dataset.finish(stored, lengths):
            raise GivenUp


def _lengths_of(stored: Stored, folder: Path) -> dict[str, Any]:
    """`{prompts: {characters, tokens}, answers: {…}, counted_by}`; without tokens where there is no
    tokenizer."""
    found: dict[str, Any] = {"prompts": {"characters": summary(stored.prompt_lengths)}}
    if stored.answer_lengths:
        found["answers"] = {"characters": summary(stored.answer_lengths)}
    count = token_counter()
    if count is None:
        return found
    prompts, answers = texts_of(folder)
    found["prompts"]["tokens"] = token_lengths(prompts, count)
    if "answers" in found:
        told = [answer for answer in answers if answer is not None]
        found["answers"]["tokens"] = token_lengths(told, count)
    return found | {"counted_by": COUNTED_BY}


def _file_name(dataset: Dataset) -> str:
    if not dataset.is_remote:
        return dataset.source
    return unquote(urlsplit(dataset.source).path).rpartition("/")[2]


def _end(dataset: Dataset, message: str) -> None:
    dataset.fail(message)
    _clear(dataset)


def _clear(dataset: Dataset) -> None:
    shutil.rmtree(dataset.incoming, ignore_errors=True)


def cancel(dataset: Dataset) -> bool:
    """Whether it was under way. A worker that is at it hears of it within a second or two, and
    clears up after itself; where there is none, it is done here."""
    was_taken = dataset.status == Dataset.Status.TAKING and not dataset.is_left_alone()
    stopped = dataset.fail("It was cancelled.", by_hand=True)
    if stopped and not was_taken:
        _clear(dataset)
    return stopped


def remove(dataset: Dataset) -> None:
    """With its files, unless another data set has the same. Nobody may need it."""
    _clear(dataset)
    dataset.delete()
    _forget(dataset.sha256)


def _forget(sha256: str) -> None:
    forget(settings.HOME.datasets, sha256, Dataset.objects.filter(sha256=sha256).exists)


def mend(wake: Callable[[int], object]) -> None:
    """Give up what a dead worker left half taken, wake what waits, and sweep what nobody knows."""
    status = Dataset.Status
    for dataset in Dataset.objects.filter(status__in=[status.WAITING, status.TAKING]):
        if dataset.status == status.WAITING:
            wake(dataset.pk)
        elif dataset.is_left_alone():
            _end(dataset, "The worker that took it was stopped. Fetch or send it again.")
    _sweep(Path(settings.HOME.datasets))


def _sweep(root: Path) -> None:
    """What was left by a worker or a site that was killed in mid-work."""
    if not root.is_dir():
        return
    status = Dataset.Status
    wanted = Dataset.objects.exclude(status__in=[status.READY, status.FAILED])
    known = {str(pk) for pk in wanted.values_list("pk", flat=True)}
    incoming = root / "incoming"
    for folder in incoming.iterdir() if incoming.is_dir() else ():
        if folder.name not in known and _is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)
    kept = set(Dataset.objects.values_list("sha256", flat=True))
    for folder in root.iterdir():
        if len(folder.name) == SHA256_LENGTH and folder.name not in kept:
            _forget(folder.name)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > 600
    except OSError:
        return False
