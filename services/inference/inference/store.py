"""The model repository on disk: versions written whole or not at all, the one that serves, the few that are kept."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from inference.errors import RepositoryUnwritableError, TrainingRunningError
from inference.record import HeadRecord
from inference.stages import STAGES, Stage
from inference.version_files import (
    CODE_FILE,
    HEAD_FILE,
    RECORD_FILE,
    head_width,
    read_verified_record,
    write_checksums,
)

KEPT_VERSIONS = 5
TEMPLATE = "genre_head"
CONFIG_FILE = "config.pbtxt"
UNFINISHED_PREFIX = ".writing-"


class ModelStore:
    """Versions of the genre heads below `repository`, which Triton reads; `templates` has what they share.

    repository/genre_fma.current        number of the version that answers
               genre_fma/config.pbtxt   what Triton shall serve
                         3/             weights, record, code, checksums
    """

    def __init__(self, *, repository: Path, templates: Path) -> None:
        self.repository = repository
        self._template = templates / TEMPLATE
        # Beside the model's folder: a newer file in it makes Triton start the model anew at the next load.
        self._pointers = {stage.model: repository / f"{stage.model}.current" for stage in STAGES}
        self._pointed: dict[str, tuple[tuple[int, int], int]] = {}

    def current_version(self, stage: Stage) -> int | None:
        """The version that answers, or None before the first training."""
        pointer = self._pointers[stage.model]
        try:
            # Every call asks, and another process may have trained: a look at the file costs less than its reading.
            state = os.stat(pointer)
            seen = (state.st_ino, state.st_mtime_ns)
            known = self._pointed.get(stage.model)
            if known is None or known[0] != seen:
                known = self._pointed[stage.model] = (seen, int(pointer.read_text()))
            return known[1]
        except (FileNotFoundError, ValueError):
            return None

    def read(self, stage: Stage, version: int) -> HeadRecord:
        """The record of a version; raises ModelBrokenError when its files are not what was written."""
        return read_verified_record(self.folder(stage, version), version_name(stage, version))

    def width(self, stage: Stage, version: int) -> int:
        """Length of the joined vectors that a version takes; raises ModelBrokenError when its weights are damaged."""
        return head_width(self.folder(stage, version), version_name(stage, version))

    def folder(self, stage: Stage, version: int) -> Path:
        """Where the files of a version lie."""
        return self.repository / stage.model / str(version)

    def add(self, stage: Stage, trained: Path) -> int:
        """Take weights and record from `trained` as a new version, which does not serve yet; gives its number.

        1. Copy into a folder that nobody looks at, add code and checksums, flush to the disk.
        2. Rename it to the next free number.
        """
        model = self.repository / stage.model
        with writing(self.repository):
            model.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=model))
            try:
                self._fill(unfinished, trained)
                version = max([0, *self.versions(stage)]) + 1
                unfinished.rename(model / str(version))
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            flush(model)
        return version

    def _fill(self, folder: Path, trained: Path) -> None:
        # Triton may run as another user, and mkdtemp lets nobody else in.
        folder.chmod(0o755)
        for name in (HEAD_FILE, RECORD_FILE):
            shutil.copyfile(trained / name, folder / name)
        shutil.copyfile(self._template / CODE_FILE, folder / CODE_FILE)
        write_checksums(folder)
        for path in (*folder.iterdir(), folder):
            flush(path)

    def versions(self, stage: Stage) -> list[int]:
        """Numbers of all versions on disk, rising."""
        model = self.repository / stage.model
        if not model.is_dir():
            return []
        return sorted(int(path.name) for path in model.iterdir() if path.name.isdecimal())

    def configure(self, stage: Stage, versions: Sequence[int]) -> None:
        """Say which versions Triton shall serve when it next loads the model."""
        config = (self._template / CONFIG_FILE).read_text()
        config += f"version_policy: {{ specific: {{ versions: {list(versions)} }} }}\n"
        path = self.repository / stage.model / CONFIG_FILE
        if not path.exists() or path.read_text() != config:
            with writing(self.repository):
                replace(path, config)

    def point_to(self, stage: Stage, version: int) -> None:
        """Make this version the one that answers."""
        with writing(self.repository):
            replace(self._pointers[stage.model], f"{version}\n")

    def discard(self, stage: Stage, version: int) -> None:
        """Remove a version that never served."""
        shutil.rmtree(self.folder(stage, version), ignore_errors=True)

    def prune(self, stage: Stage) -> None:
        """Keep the last five versions and the one that answers; clear what a crash left half written."""
        for version in self.versions(stage)[:-KEPT_VERSIONS]:
            if version != self.current_version(stage):
                self.discard(stage, version)
        for unfinished in (self.repository / stage.model).glob(f"{UNFINISHED_PREFIX}*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    @contextmanager
    def training_lock(self) -> Iterator[None]:
        """Held while training, across all processes that share the repository; a crash frees it."""
        with writing(self.repository):
            self.repository.mkdir(parents=True, exist_ok=True)
            lock = (self.repository / ".training.lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TrainingRunningError("a training is running; wait until it has ended") from error
            yield


def version_name(stage: Stage, version: int) -> str:
    """For example "genre_fma/3"."""
    return f"{stage.model}/{version}"


@contextmanager
def writing(repository: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = " The disk is full." if error.errno == errno.ENOSPC else ""
        raise RepositoryUnwritableError(
            f"the model repository {repository} cannot be written: {error.strerror}.{full} "
            "Free space or correct its rights, then train again; the model in service stays."
        ) from error


def replace(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old or the new one, and a crash leaves one of them."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    flush(fresh)
    fresh.rename(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Have a file or folder on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
