"""The model repository on disk: models written whole or not at all, the one that serves, the few that are kept."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from inference.classify.stages import HEAD, Stage
from inference.classify.voting_rule import Rule
from inference.decision.decision_model import DecisionModel
from inference.decision.promise import HeldOutSongs
from inference.errors import InferenceError, TrainingRunningError
from inference.evaluation.comparison import Comparison
from inference.registry.atomic_files import flush, replace, writing
from inference.registry.decision_files import DECISION_FILE, read_decision_model
from inference.registry.held_out_files import HELD_OUT_FILE, read_held_out_songs
from inference.registry.model_files import ModelFiles
from inference.registry.models import PREFIX, HeldOut, InService, Model, heads_of, stages_of
from inference.registry.oof_predictions import OofPrediction, oof_predictions, read_oof_predictions
from inference.registry.records import HeadRecord
from inference.registry.version_files import (
    CODE_FILE,
    head_width,
    read_record,
    read_verified_record,
    write_checksums,
)

KEPT_MODELS = 5
TEMPLATE = "genre_head"
CONFIG_FILE = "config.pbtxt"
UNFINISHED_PREFIX = ".writing-"


class ModelStore:
    """Models below `repository`, which Triton reads; `templates` has what their heads share.

    repository/model.current            the model that answers
               model-3.json             which heads it has
               genre_fma/config.pbtxt   what Triton shall serve
                         3/             weights, record, code, checksums
    """

    def __init__(self, *, repository: Path, templates: Path) -> None:
        self.repository = repository
        self._template = templates / TEMPLATE
        # Beside the heads' folders: a newer file in one makes Triton start the head anew at the next load.
        self.models = ModelFiles(repository)

    def serving(self) -> Mapping[str, int]:
        """The version that answers, by the head's name; raises ModelBrokenError when the pointer is damaged."""
        service = self.models.in_service()
        return service.versions if service else {}

    def read(self, stage: Stage, version: int) -> HeadRecord:
        """The record of a version; raises ModelBrokenError when its files are not what was written."""
        return read_verified_record(self.folder(stage, version), version_name(stage, version))

    def records(self, model: Model) -> Mapping[str, HeadRecord]:
        """The records of a model's heads, by their names, in the order of the stages; raises ModelBrokenError."""
        return {
            version_name(stage, version): self.read(stage, version)
            for stage, version in heads_of(model.versions)
        }

    def oof_predictions(self, model: Model, rule: Rule) -> Iterator[OofPrediction]:
        """The out-of-fold predictions of a model's training, voted on by this rule; raises ModelBrokenError."""
        records = zip(heads_of(model.versions), self.records(model).items(), strict=True)
        stages = [
            read_oof_predictions(self.folder(stage, version), stage, name, record)
            for (stage, version), (name, record) in records
        ]
        yield from oof_predictions(self.models.song_ids(model.name), stages, rule)

    def decision_model(self, model: Model) -> DecisionModel:
        """What decisions of a model need; raises ModelBrokenError."""
        return read_decision_model(self.repository / f"{model.name}.{DECISION_FILE}")

    def held_out_songs(self, model: Model) -> HeldOutSongs:
        """What is kept of the songs of a model's training; raises ModelBrokenError."""
        return read_held_out_songs(self.repository / f"{model.name}.{HELD_OUT_FILE}")

    def width(self, stage: Stage, version: int) -> int:
        """Length of the joined vectors that a version takes; raises ModelBrokenError when its weights are damaged."""
        return head_width(self.folder(stage, version), version_name(stage, version))

    def folder(self, stage: Stage, version: int) -> Path:
        """Where the files of a version lie."""
        return self.repository / stage.model / str(version)

    def add(
        self,
        trained: Mapping[Stage, Path],
        attachments: Sequence[Path] = (),
        comparison: Comparison | None = None,
    ) -> Model:
        """Take heads and their records from the folders `trained` as a new model, which does not serve yet.

        1. Each head gets a folder of its own.
        2. The attachments are copied under the model's name.
        3. The model's own file makes it one. A crash before that leaves what the next training clears away.
        """
        number = self._next_number()
        try:
            for stage, folder in trained.items():
                self._add_head(stage, folder, number)
            model = described(number, trained, comparison)
            with writing(self.repository):
                for path in attachments:
                    shutil.copyfile(path, self.repository / f"{model.name}.{path.name}")
            self.models.write(model)
        except InferenceError:
            self.models.remove(f"{PREFIX}{number}")
            for stage in trained:
                self._discard(stage, number)
            raise
        return model

    def _next_number(self) -> int:
        """One that no model and no head ever had."""
        heads = [version for stage in self.stages() for version in self.versions(stage)]
        return max([0, *self.models.numbers(), *heads]) + 1

    def _add_head(self, stage: Stage, trained: Path, version: int) -> None:
        """Copy into a folder that nobody looks at, with code and checksums, flush to the disk, and rename."""
        model = self.repository / stage.model
        with writing(self.repository):
            model.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=model))
            try:
                self._fill(unfinished, trained)
                unfinished.rename(model / str(version))
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            flush(model)

    def _fill(self, folder: Path, trained: Path) -> None:
        # Triton may run as another user, and mkdtemp lets nobody else in.
        folder.chmod(0o755)
        for path in trained.iterdir():
            shutil.copyfile(path, folder / path.name)
        shutil.copyfile(self._template / CODE_FILE, folder / CODE_FILE)
        write_checksums(folder)
        for path in (*folder.iterdir(), folder):
            flush(path)

    def stages(self) -> list[Stage]:
        """All that any model on disk has or had a head of."""
        return stages_of(path.name for path in self.repository.glob(f"{HEAD}_*"))

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
                replace(path, config.encode())

    def prune(self) -> None:
        """Keep the last five models, the one in service and the one before it; call it when locked.

        What a crash left half written goes too: heads that belong to no model.
        """
        service = self.models.in_service()
        numbers = self.models.numbers()
        in_use = set(service.history[-2:]) if service else set()
        kept = {*numbers[:KEPT_MODELS], *(number for number in numbers if f"{PREFIX}{number}" in in_use)}
        needed = dict(service.versions) if service else {}
        for number in set(numbers) - kept:
            self.models.remove(f"{PREFIX}{number}")
        if service:
            self._forget(service, {f"{PREFIX}{number}" for number in kept})
        for stage in self.stages():
            for version in self.versions(stage):
                if version not in kept and version != needed.get(stage.model):
                    self._discard(stage, version)
            for unfinished in (self.repository / stage.model).glob(f"{UNFINISHED_PREFIX}*"):
                shutil.rmtree(unfinished, ignore_errors=True)

    def _forget(self, service: InService, kept: set[str]) -> None:
        left = service.only({*kept, service.name})
        if left != service:
            self.models.point_to(left)

    def remove(self, model: Model) -> None:
        """Take back a model that never served."""
        self.models.remove(model.name)
        for stage, version in heads_of(model.versions):
            self._discard(stage, version)

    def _discard(self, stage: Stage, version: int) -> None:
        shutil.rmtree(self.folder(stage, version), ignore_errors=True)

    @contextmanager
    def training_lock(self) -> Iterator[None]:
        """Held while training or switching, across all processes that share the repository; a crash frees it."""
        with writing(self.repository):
            self.repository.mkdir(parents=True, exist_ok=True)
            lock = (self.repository / ".training.lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TrainingRunningError(
                    "a training is running, or a model is being put into service: wait until that has ended"
                ) from error
            yield


def version_name(stage: Stage, version: int) -> str:
    """For example "genre_fma/3"."""
    return f"{stage.model}/{version}"


def described(number: int, trained: Mapping[Stage, Path], comparison: Comparison | None) -> Model:
    """The model of heads that a training left in these folders; the first stage has the most songs."""
    records = [read_record(folder) for folder in trained.values()]
    digests = "\n".join(record.training_digest for record in records)
    return Model(
        number=number,
        versions={stage.model: number for stage in trained},
        feature_versions={
            kind: version for record in records for kind, version in record.feature_versions.items()
        },
        genres=records[0].genres,
        song_count=records[0].song_count,
        training_digest=hashlib.sha256(digests.encode()).hexdigest(),
        created_time=records[0].created_time,
        held_out=held_out_of(records[-1]),
        comparison=comparison,
    )


def held_out_of(record: HeadRecord) -> HeldOut:
    """What the last stage's record says of the vote of all."""
    vote = record.cascade
    if vote is None:
        raise AssertionError("the last stage of a training has the figures of the vote")
    return HeldOut(
        songs=vote.songs,
        accuracy=vote.accuracy,
        accuracy_low=vote.accuracy_low,
        accuracy_high=vote.accuracy_high,
    )
