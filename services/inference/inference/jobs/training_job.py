"""One training from labelled songs to a model, as the events that a caller watches."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import Enum, auto
from pathlib import Path

from runtime.telemetry import get_logger

from inference import errors
from inference.classify.stages import HEAD, Stage
from inference.evaluation.comparison import COMPARISONS, Comparison, uncompared
from inference.jobs.evaluation_job import EvaluationJob
from inference.jobs.worker_process import (
    CHAMPION_FILE,
    COMPARISON_FILE,
    Progress,
    WorkerProcess,
)
from inference.registry.decision_files import DECISION_FILE
from inference.registry.held_out_files import HELD_OUT_FILE
from inference.registry.model_files import PICTURE_TYPES
from inference.registry.models import Model, RegisteredModel, heads_of, registered_model, stages_of
from inference.registry.oof_predictions import SONGS_FILE, OofPrediction, write_song_ids
from inference.registry.records import HeadRecord
from inference.registry.store import ModelStore
from inference.serving.heads import Heads
from inference.serving.lifecycle import in_service_if_known, put_into_service
from inference.training.dataset_files import CorpusWriter
from inference.training.options import TrainingOptions

log = get_logger(__name__)
DISK_FAULTS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


class Promotion(Enum):
    """When a training's model is put into service. The first one always is, unless never is asked for."""

    IF_BETTER = auto()
    NEVER = auto()
    ALWAYS = auto()


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """The model of a training."""

    records: Mapping[str, HeadRecord]
    """Of its heads, by their names, in the order of the stages."""
    registered: RegisteredModel


class Trainer:
    """Trains, one training at a time, and lets the result serve."""

    def __init__(self, *, store: ModelStore, heads: Heads, threads: int) -> None:
        self._store = store
        self._heads = heads
        self._threads = threads

    @contextmanager
    def training(self) -> Iterator["TrainingJob"]:
        """Room for one training; refused while another runs or when Triton could not serve the result."""
        with self._folder() as folder:
            self._heads.require_triton()
            job = TrainingJob(folder=folder, store=self._store, heads=self._heads, threads=self._threads)
            with closing(job.corpus):
                yield job

    @contextmanager
    def evaluation(self) -> Iterator[EvaluationJob]:
        """Room for one evaluation on a given split, which leaves nothing; refused while a training runs."""
        with self._folder() as folder:
            job = EvaluationJob(folder=folder, threads=self._threads)
            with closing(job.corpus):
                yield job

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with self._store.training_lock():
            try:
                made = tempfile.TemporaryDirectory(prefix=self._folder_prefix())
            except OSError as error:
                raise no_room(error) from error
            with made as folder, songs_written():
                yield Path(folder)

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


@contextmanager
def songs_written() -> Iterator[None]:
    """What a disk says of the songs that are written to it as this service's own error."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        raise no_room(error) from error


def no_room(error: OSError) -> errors.FolderUnwritableError:
    """Where the songs of a training would lie meanwhile, and why they cannot."""
    folder = tempfile.tempdir or "the folder for temporary files"
    return errors.FolderUnwritableError(
        f"the songs cannot be written to {folder} ({error.strerror}): free space there, then do this again. The model "
        "in service stays."
    )


class TrainingJob:
    """One training. Songs go into `corpus`; `run` does the rest."""

    def __init__(self, *, folder: Path, store: ModelStore, heads: Heads, threads: int) -> None:
        self.corpus = CorpusWriter(folder)
        self._folder = folder
        self._store = store
        self._heads = heads
        self._process = WorkerProcess("inference.jobs.training_worker", folder, threads)

    def cancel(self) -> None:
        """End the training process; the model in service stays. May be called from another thread."""
        self._process.cancel()

    def run(
        self, options: TrainingOptions, promotion: Promotion = Promotion.IF_BETTER
    ) -> Iterator[Progress | OofPrediction | TrainedModel]:
        """Train in a process of its own, keep the model, and let it answer where that is wanted.

        Raises TooFewSongsError, TooFewGenresError, TrainingCrashedError, and what storing and loading raise. A caller
        who gives up before the switch leaves no new model. Whatever fails, the model in service stays.
        """
        self.corpus.finish()
        champion = self._champion()
        yield from self._process.run(asdict(options))
        yield Progress(step="keep the new model", fraction=1.0)
        self._check_wanted()
        model = self._keep(champion)
        if is_promoted(promotion, model, champion):
            self._put_into_service(model)
        self._store.prune()
        yield from self._store.oof_predictions(model, options.rule)
        registered = registered_model(model, in_service_if_known(self._store))
        yield TrainedModel(records=self._store.records(model), registered=registered)

    def _champion(self) -> Model | None:
        """The model in service, where it could be used; the training process compares with it."""
        service = in_service_if_known(self._store)
        if service is None:
            return None
        try:
            champion = self._store.models.read(service.name)
            self._store.records(champion)
        except (errors.ModelBrokenError, errors.ModelUnknownError) as error:
            log.warning("the model in service cannot be compared with", because=str(error))
            return None
        folders = {
            stage.model: str(self._store.folder(stage, version))
            for stage, version in heads_of(champion.versions)
        }
        (self._folder / CHAMPION_FILE).write_text(json.dumps({"name": champion.name, "folders": folders}))
        return champion

    def _keep(self, champion: Model | None) -> Model:
        songs = self._folder / SONGS_FILE
        write_song_ids(songs, self.corpus.song_ids)
        pictures = sorted(path for path in self._folder.iterdir() if path.suffix in PICTURE_TYPES)
        attachments = [songs, self._folder / DECISION_FILE, self._folder / HELD_OUT_FILE, *pictures]
        return self._store.add(self._trained(), attachments, self._comparison(champion))

    def _trained(self) -> dict[Stage, Path]:
        stages = stages_of(path.name for path in self._folder.glob(f"{HEAD}_*"))
        return {stage: self._folder / stage.model for stage in stages}

    def _comparison(self, champion: Model | None) -> Comparison | None:
        if champion is not None:
            return COMPARISONS.validate_json((self._folder / COMPARISON_FILE).read_bytes())
        service = in_service_if_known(self._store)
        return damaged(service.name) if service else None

    def _put_into_service(self, model: Model) -> None:
        try:
            self._heads.switch(model, lambda: put_into_service(self._store, model), self._check_wanted)
        except errors.InferenceError:
            self._store.remove(model)
            raise

    def _check_wanted(self) -> None:
        # A model in service whose out-of-fold predictions nobody took would classify its own training songs.
        if self._process.cancelled:
            raise errors.TrainingCrashedError("the caller gave up; the model in service stays")


def is_promoted(promotion: Promotion, model: Model, champion: Model | None) -> bool:
    """Whether a new model is put into service; where none could be used, any is better."""
    if promotion is Promotion.IF_BETTER:
        return champion is None or bool(model.comparison and model.comparison.better)
    return promotion is Promotion.ALWAYS


def damaged(champion: str) -> Comparison:
    """For a model in service that cannot be read."""
    return uncompared(
        champion, f"{champion}, which was in service, is damaged: nothing could be compared with it."
    )
