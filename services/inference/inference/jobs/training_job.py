"""One training from labelled songs to a model, as the steps that a caller watches."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.telemetry import get_logger

from inference import errors
from inference.classify.stages import STAGES, Stage
from inference.classify.verdicts import Rule
from inference.evaluation.comparison import COMPARISONS, Comparison
from inference.jobs.evaluation_job import Examination
from inference.jobs.worker_files import COMPARISON_FILE, OPTIONS_FILE, RIVAL_FILE
from inference.jobs.worker_process import LearningProcess, Step
from inference.registry.models import KeptModel, Model, Promotion, kept_model
from inference.registry.oof_predictions import (
    SONGS_FILE,
    HeardOutOfFold,
    heard_out_of_fold,
    read_predictions,
    write_song_ids,
)
from inference.registry.records import HeadRecord
from inference.registry.store import ModelStore, version_name
from inference.serving.heads import Heads, heads_of
from inference.serving.lifecycle import PICTURE_TYPES, in_service_if_known, put_into_service
from inference.training.dataset_files import CorpusWriter
from inference.training.options import TrainingOptions

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Learned:
    """The model that a training made, and whether it is in service."""

    records: Mapping[str, HeadRecord]
    """Of its heads, by their names, in the order of the stages."""
    kept: KeptModel


class Learner:
    """Trains, one training at a time, and lets the result serve."""

    def __init__(self, *, store: ModelStore, heads: Heads, threads: int) -> None:
        self._store = store
        self._heads = heads
        self._threads = threads

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Room for one training; refused while another runs or when Triton could not serve the result."""
        with self._folder() as folder:
            self._heads.require_triton()
            session = Session(folder=folder, store=self._store, heads=self._heads, threads=self._threads)
            with closing(session.corpus):
                yield session

    @contextmanager
    def examination(self) -> Iterator[Examination]:
        """Room for one evaluation on a given split, which leaves nothing; refused while a training runs."""
        with self._folder() as folder:
            examination = Examination(folder=folder, threads=self._threads)
            with closing(examination.corpus):
                yield examination

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with (
            self._store.training_lock(),
            tempfile.TemporaryDirectory(prefix=self._folder_prefix()) as folder,
        ):
            yield Path(folder)

    def clear_leftovers(self) -> None:
        """Remove what a training left whose service was killed; a training in progress is left alone."""
        with suppress(errors.TrainingRunningError), self._store.training_lock():
            for left in Path(tempfile.gettempdir()).glob(f"{self._folder_prefix()}*"):
                shutil.rmtree(left, ignore_errors=True)
                log.info("removed what a killed training left", folder=str(left))
            with suppress(errors.RepositoryUnwritableError):
                self._store.adopt()

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
        self._process = LearningProcess("inference.jobs.training_worker", folder, threads)

    def cancel(self) -> None:
        """End the training process; the version in service stays. May be called from another thread."""
        self._process.cancel()

    def learn(
        self, options: TrainingOptions, promotion: Promotion = Promotion.IF_BETTER
    ) -> Iterator[Step | HeardOutOfFold | Learned]:
        """Train in a process of its own, keep the model, and let it answer where that is wanted.

        Raises TooFewSongsError, TooFewGenresError, TrainingCrashedError, and what storing and loading raise. A caller
        who gives up before the switch leaves no new model. Whatever fails, the model in service stays.
        """
        self.corpus.finish()
        (self._folder / OPTIONS_FILE).write_text(json.dumps(asdict(options)))
        rival = self._rival()
        yield from self._process.run()
        trained = {
            stage: self._folder / stage.model for stage in STAGES if (self._folder / stage.model).is_dir()
        }
        yield Step(step="keep the new model", fraction=1.0)
        self._check_wanted()
        model = self._keep(trained, rival)
        if is_promoted(promotion, model, rival):
            self._put_into_service(model)
        self._store.prune()
        records = {
            version_name(stage, version): self._store.read(stage, version)
            for stage, version in heads_of(model.versions)
        }
        yield from self._out_of_fold(trained, model, records, options.rule)
        yield Learned(records=records, kept=kept_model(model, in_service_if_known(self._store)))

    def _rival(self) -> Model | None:
        """The model in service, where it could be used; the training process compares with it."""
        service = in_service_if_known(self._store)
        if service is None:
            return None
        try:
            rival = self._store.models.read(service.name)
            folders = {}
            for stage, version in heads_of(rival.versions):
                self._store.read(stage, version)
                folders[stage.model] = str(self._store.folder(stage, version))
        except (errors.ModelBrokenError, errors.ModelUnknownError) as error:
            log.warning("the model in service cannot be compared with", because=str(error))
            return None
        (self._folder / RIVAL_FILE).write_text(json.dumps({"name": rival.name, "folders": folders}))
        return rival

    def _keep(self, trained: Mapping[Stage, Path], rival: Model | None) -> Model:
        songs = self._folder / SONGS_FILE
        write_song_ids(songs, self.corpus.song_ids)
        pictures = sorted(path for path in self._folder.iterdir() if path.suffix in PICTURE_TYPES)
        return self._store.add(trained, [songs, *pictures], self._comparison(rival))

    def _comparison(self, rival: Model | None) -> Comparison | None:
        if rival is None:
            service = in_service_if_known(self._store)
            return damaged(service.name) if service else None
        try:
            return COMPARISONS.validate_json((self._folder / COMPARISON_FILE).read_bytes())
        except FileNotFoundError:
            return not_comparable(rival.name)

    def _put_into_service(self, model: Model) -> None:
        try:
            self._heads.switch(model, lambda: put_into_service(self._store, model), self._check_wanted)
        except errors.InferenceError:
            self._store.remove(model)
            raise

    def _check_wanted(self) -> None:
        # A version in service whose out-of-fold predictions nobody took would judge its own training songs.
        if self._process.cancelled:
            raise errors.TrainingCrashedError("the caller gave up; the model in service stays")

    def _out_of_fold(
        self, trained: Mapping[Stage, Path], model: Model, records: Mapping[str, HeadRecord], rule: Rule
    ) -> Iterator[HeardOutOfFold]:
        found = []
        for stage, folder in trained.items():
            version = version_name(stage, model.versions[stage.model])
            found.append(read_predictions(folder, stage, version, records[version]))
        yield from heard_out_of_fold(self.corpus.song_ids, [each for each in found if each], rule)


def is_promoted(promotion: Promotion, model: Model, rival: Model | None) -> bool:
    """Whether a new model is put into service; where none could be used, any is better."""
    if promotion is Promotion.IF_BETTER:
        return rival is None or bool(model.comparison and model.comparison.better)
    return promotion is Promotion.ALWAYS


def damaged(rival: str) -> Comparison:
    """For a model in service that cannot be read."""
    return uncompared(rival, f"{rival}, which was in service, is damaged: nothing could be compared with it.")


def not_comparable(rival: str) -> Comparison:
    """For a model in service that kept nothing to compare with."""
    return uncompared(
        rival,
        f"{rival} was trained before models were kept with what it takes to compare them: "
        "look at both reports and decide by hand.",
    )


def uncompared(rival: str, verdict: str) -> Comparison:
    """What is said where there was nothing to count."""
    return Comparison(
        other_model=rival,
        songs=0,
        accuracy=0.0,
        other_accuracy=0.0,
        difference_low=0.0,
        difference_high=0.0,
        better=False,
        verdict=verdict,
    )
