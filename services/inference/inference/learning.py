"""One training from labelled songs to a version in service, as the steps that a caller watches."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from runtime.telemetry import get_logger

from inference import errors
from inference.corpus import CorpusWriter
from inference.heads import Heads
from inference.options import TrainingOptions
from inference.progressive import best_genres
from inference.record import HeadRecord
from inference.stages import STAGES, Stage
from inference.store import ModelStore, version_name
from inference.training_files import FAILURE_FILE, OPTIONS_FILE, OUT_OF_FOLD_FILE
from inference.version_files import read_record
from inference.votes import StageVerdict

log = get_logger(__name__)
REFUSALS = {
    error.reason: error
    for error in (errors.TooFewSongsError, errors.TooFewGenresError, errors.VectorInvalidError)
}
"""What the training process may refuse for."""
OUT_OF_FOLD_TOP = 5


@dataclass(frozen=True, kw_only=True)
class Step:
    """Where a training is."""

    step: str
    fraction: float
    """0 to 1."""


@dataclass(frozen=True, kw_only=True)
class HeardOutOfFold:
    """What models that never heard a song's artist say of it."""

    song_id: str
    verdicts: tuple[StageVerdict, ...]
    label_suspect: bool


@dataclass(frozen=True, kw_only=True)
class Learned:
    """The versions that a training put into service, by their names, in the order of the stages."""

    records: Mapping[str, HeadRecord]


@dataclass(frozen=True, kw_only=True)
class StagePredictions:
    """Out-of-fold predictions of one stage."""

    stage: Stage
    version: str
    genres: tuple[str, ...]
    row_of_song: dict[int, int]
    """From the row of the corpus to that of the arrays."""
    probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    suspects: np.ndarray[tuple[int], np.dtype[np.bool_]]


class Learner:
    """Trains, one training at a time, and lets the result serve."""

    def __init__(self, *, store: ModelStore, heads: Heads, threads: int) -> None:
        self._store = store
        self._heads = heads
        self._threads = threads

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Room for one training; refused while another runs or when Triton could not serve the result."""
        with (
            self._store.training_lock(),
            tempfile.TemporaryDirectory(prefix=self._folder_prefix()) as folder,
        ):
            self._heads.require_triton()
            session = Session(
                folder=Path(folder), store=self._store, heads=self._heads, threads=self._threads
            )
            with closing(session.corpus):
                yield session

    def clear_leftovers(self) -> None:
        """Remove what a training left whose service was killed; a training in progress is left alone."""
        with suppress(errors.TrainingRunningError), self._store.training_lock():
            for left in Path(tempfile.gettempdir()).glob(f"{self._folder_prefix()}*"):
                shutil.rmtree(left, ignore_errors=True)
                log.info("removed what a killed training left", folder=str(left))

    def _folder_prefix(self) -> str:
        # Who holds the training lock of a repository owns all folders with its mark, and no others.
        mark = hashlib.sha256(os.fsencode(self._store.repository.resolve())).hexdigest()[:12]
        return f"reclass-training-{mark}-"


class Session:
    """One training. Songs go into `corpus`; `learn` does the rest."""

    def __init__(self, *, folder: Path, store: ModelStore, heads: Heads, threads: int) -> None:
        self.corpus = CorpusWriter(folder)
        self._folder = folder
        self._store = store
        self._heads = heads
        self._threads = threads
        self._process: subprocess.Popen[str] | None = None
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End the training process; the version in service stays. May be called from another thread."""
        self._cancelled.set()
        if self._process is not None:
            self._process.kill()

    def learn(self, options: TrainingOptions) -> Iterator[Step | HeardOutOfFold | Learned]:
        """Train in a process of its own, then switch to the new versions.

        Raises TooFewSongsError, TooFewGenresError, TrainingCrashedError, and what storing and loading raise. A caller
        who gives up before the switch leaves the versions in service.
        """
        self.corpus.finish()
        (self._folder / OPTIONS_FILE).write_text(json.dumps(asdict(options)))
        yield from self._run_process()
        trained = [stage for stage in STAGES if (self._folder / stage.model).is_dir()]
        records = {stage: read_record(self._folder / stage.model) for stage in trained}
        yield Step(step="put the new version into service", fraction=1.0)
        self._check_wanted()
        versions = self._store_all(trained)
        self._heads.activate(versions, self._check_wanted)
        names = {stage: version_name(stage, version) for stage, version in versions.items()}
        yield from self._out_of_fold(
            [self._predictions(stage, names[stage], records[stage]) for stage in trained]
        )
        yield Learned(records={names[stage]: records[stage] for stage in trained})

    def _check_wanted(self) -> None:
        # A version in service whose out-of-fold predictions nobody took would judge its own training songs.
        if self._cancelled.is_set():
            raise errors.TrainingCrashedError("the caller gave up; the model in service stays")

    def _store_all(self, trained: list[Stage]) -> dict[Stage, int]:
        versions: dict[Stage, int] = {}
        try:
            for stage in trained:
                versions[stage] = self._store.add(stage, self._folder / stage.model)
        except errors.InferenceError:
            for stage, version in versions.items():
                self._store.discard(stage, version)
            raise
        return versions

    def _run_process(self) -> Iterator[Step]:
        threads = str(self._threads)
        limits = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        command = [sys.executable, "-m", "inference.training_process", str(self._folder), str(os.getpid())]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | limits
        ) as self._process:
            if self._cancelled.is_set():
                self._process.kill()
            try:
                for line in self._process.stdout or ():
                    yield Step(**json.loads(line))
            except GeneratorExit:
                # The caller went away; nobody waits for the result.
                self._process.kill()
                raise
        self._check_end(self._process.returncode)

    def _check_end(self, returncode: int) -> None:
        failure = self._folder / FAILURE_FILE
        if failure.exists():
            said = json.loads(failure.read_text())
            raise REFUSALS.get(said["reason"], errors.TrainingCrashedError)(said["message"])
        if returncode != 0:
            how = f"signal {-returncode}" if returncode < 0 else f"status {returncode}"
            raise errors.TrainingCrashedError(
                f"the training process ended with {how}; its last words are in this service's log. "
                "The model in service stays. Signal 9 often means that memory ran out."
            )

    def _predictions(self, stage: Stage, version: str, record: HeadRecord) -> StagePredictions:
        with np.load(self._folder / stage.model / OUT_OF_FOLD_FILE, allow_pickle=False) as arrays:
            return StagePredictions(
                stage=stage,
                version=version,
                genres=record.genres,
                row_of_song={int(song): row for row, song in enumerate(arrays["rows"])},
                probabilities=arrays["probabilities"],
                suspects=arrays["suspects"],
            )

    def _out_of_fold(self, predictions: list[StagePredictions]) -> Iterator[HeardOutOfFold]:
        """Every song that has a prediction; of its stages the last one says whether the label is suspect."""
        for song, song_id in enumerate(self.corpus.song_ids):
            having = [of for of in predictions if song in of.row_of_song]
            if having:
                last = having[-1]
                yield HeardOutOfFold(
                    song_id=song_id,
                    verdicts=tuple(out_of_fold_verdict(of, of.row_of_song[song]) for of in having),
                    label_suspect=bool(last.suspects[last.row_of_song[song]]),
                )


def out_of_fold_verdict(predictions: StagePredictions, row: int) -> StageVerdict:
    """The verdict on one song."""
    return StageVerdict(
        stage=predictions.stage.number,
        model_version=predictions.version,
        top=best_genres(predictions.probabilities[row], predictions.genres, OUT_OF_FOLD_TOP),
        threshold=predictions.stage.threshold,
    )
