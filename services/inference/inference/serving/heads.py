"""The heads that serve: which version of each stage answers, run by Triton, swapped without losing a request."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray
from runtime import triton
from runtime.telemetry import get_logger
from runtime.watchdog import Probe

from inference.arrays import Array, Ints
from inference.classify.stages import FIRST_STAGE, Stage
from inference.classify.verdicts import NO_FOLD, BrokenHead, HeadOutput, InstalledHead
from inference.errors import InferenceError, ModelBrokenError, TritonUnavailableError
from inference.registry.fold_files import read_artist_folds
from inference.registry.models import Model, heads_of
from inference.registry.records import HeadRecord
from inference.registry.store import ModelStore, version_name
from inference.training.artist_folds import ArtistFolds

log = get_logger(__name__)


class Heads:
    """The genre heads of all stages. Safe to share between threads; other processes may train on the same store."""

    def __init__(self, store: ModelStore, server: triton.Triton) -> None:
        self._store = store
        self._triton = server
        self._known: dict[tuple[str, int], InstalledHead | BrokenHead] = {}
        self._artists: dict[str, ArtistFolds | None] = {}
        self._probe_vectors: dict[str, Array] = {}
        self._switching = threading.Lock()

    def installed(self) -> list[InstalledHead | BrokenHead]:
        """The heads that answer, all of one model, in the order of the stages; one without a training is left out."""
        try:
            serving = self._store.serving()
        except ModelBrokenError as error:
            return [BrokenHead(stage=FIRST_STAGE, error=error)]
        return [self._head(stage, version) for stage, version in heads_of(serving)]

    def _head(self, stage: Stage, version: int) -> InstalledHead | BrokenHead:
        key = (stage.model, version)
        known = self._known.get(key)
        if known is None or isinstance(known, BrokenHead):
            known = self._known[key] = self._read(stage, version)
        return known

    def _read(self, stage: Stage, version: int) -> InstalledHead | BrokenHead:
        try:
            return installed_head(stage, version, self._store.read(stage, version))
        except ModelBrokenError as error:
            log.warning("model is damaged", model=version_name(stage, version), because=str(error))
            return BrokenHead(stage=stage, error=error)

    def fold_of(self, head: InstalledHead, artist: str, album_artist: str) -> int:
        """The fold of a head's training that a song's artist was in, whose head has not learned from this artist.

        `NO_FOLD` where the training had none of that artist, or was before such heads were kept. Raises
        ModelBrokenError.
        """
        if head.version not in self._artists:
            folder = self._store.folder(head.stage, head.number)
            self._artists[head.version] = read_artist_folds(folder, head.version)
        artists = self._artists[head.version]
        return NO_FOLD if artists is None else artists.fold_of(artist, album_artist)

    def predict(self, head: InstalledHead, vectors: Array, folds: Ints | None = None) -> HeadOutput:
        """The output of a head for vectors [rows, n] float32; a model that Triton lost is loaded again.

        folds : [rows] each by the head of this fold, or for `NO_FOLD` by that of all songs, as without folds.
        """
        inputs: dict[str, Array | NDArray[np.int32]] = {
            "vectors": np.ascontiguousarray(vectors, dtype=np.float32)
        }
        if folds is not None and (folds != NO_FOLD).any():
            inputs["fold"] = folds.astype(np.int32)[:, np.newaxis]
        with translated(head.version):
            answer = self._triton.infer(
                head.stage.model,
                inputs,
                ["logits", "distance"],
                version=str(head.number),
                heal=lambda: self._serve(head),
            )
        return HeadOutput(logits=answer["logits"], distances=answer["distance"][:, 0])

    def _serve(self, head: InstalledHead) -> None:
        """Load a head that Triton does not serve, beside the one in service where that is another by now."""
        with self._switching:
            in_service = self._serving(head.stage, self._in_service().get(head.stage.model))
            self._load(head.stage, sorted({*in_service, head.number}))

    def require_triton(self) -> None:
        """Raise TritonUnavailableError at once rather than after a training."""
        if not self._triton.is_live():
            raise TritonUnavailableError(f"Triton at {self._triton.target} does not answer; is it running?")

    def ensure_served(self, head: InstalledHead) -> None:
        """Have Triton serve this head, loading it if need be; raises when that cannot be."""
        with translated(head.version):
            served = self._triton.is_model_ready(head.stage.model, str(head.number))
        if not served:
            self._serve(head)

    def probes(self) -> list[Probe]:
        """A request for each head that should answer, by which a watchdog sees whether Triton runs it."""
        return [self._probe(head) for head in self.installed() if isinstance(head, InstalledHead)]

    def _probe(self, head: InstalledHead) -> Probe:
        if head.version not in self._probe_vectors:
            width = self._store.width(head.stage, head.number)
            self._probe_vectors[head.version] = np.zeros((1, width), dtype=np.float32)
        return Probe(
            model=head.stage.model,
            version=str(head.number),
            inputs={"vectors": self._probe_vectors[head.version]},
            outputs=["logits"],
            load=partial(self._serve, head),
        )

    def trained_time(self, head: InstalledHead) -> datetime:
        """When the head was trained; raises ModelBrokenError when its files were damaged since."""
        return self._store.read(head.stage, head.number).created_time

    def load_installed(self) -> None:
        """Have Triton serve what is installed; what cannot be loaded now is loaded by its first request."""
        for head in self.installed():
            if isinstance(head, BrokenHead):
                continue
            try:
                self.ensure_served(head)
            except InferenceError as error:
                log.warning("model not loaded", model=head.version, because=str(error))

    def switch(
        self, model: Model, point: Callable[[], None], check: Callable[[], None] = lambda: None
    ) -> None:
        """Let a model answer in place of the one in service, and lose no request.

        1. Triton loads its heads beside those in service.
        2. `check` may refuse, by any error of this service.
        3. `point` moves the pointer: requests name the new heads from now on.
        4. Triton drops the old ones.
        When a step before the fourth fails, the model in service goes on; a crash leaves the one or the other.
        """
        with self._switching:
            before = self._in_service()
            try:
                for stage, version in heads_of(model.versions):
                    self._store.read(stage, version)
                    old = self._serving(stage, before.get(stage.model))
                    self._load(stage, sorted({*old, version}))
                check()
                point()
            except InferenceError:
                self._take_back(model, before)
                raise
            log.info("model in service", model=model.name)
            self._drop(model, before)

    def _drop(self, model: Model, before: Mapping[str, int]) -> None:
        """Have Triton keep the heads of this model alone: the others answer no more, and only hold memory."""
        for stage, old in heads_of(before):
            version = model.versions.get(stage.model)
            with suppress(InferenceError), translated(version_name(stage, old)):
                if version is None:
                    self._triton.unload(stage.model)
                elif version != old:
                    self._load(stage, [version])

    def _in_service(self) -> Mapping[str, int]:
        """Versions of the heads that answer; none when nobody can say which."""
        try:
            return self._store.serving()
        except ModelBrokenError as error:
            log.warning("nothing is known to be in service", because=str(error))
            return {}

    def _serving(self, stage: Stage, version: int | None) -> list[int]:
        """The version in service, unless it is damaged: then loading it would fail the new one's loading too."""
        usable = version is not None and isinstance(self._read(stage, version), InstalledHead)
        return [version] if usable and version is not None else []

    def _take_back(self, model: Model, before: Mapping[str, int]) -> None:
        for stage, version in heads_of(model.versions):
            old = self._serving(stage, before.get(stage.model))
            with suppress(InferenceError), translated(version_name(stage, version)):
                if old:
                    self._load(stage, old)
                elif stage.model not in before:
                    self._triton.unload(stage.model)

    def _load(self, stage: Stage, versions: Sequence[int]) -> None:
        self._store.configure(stage, versions)
        with translated(version_name(stage, versions[-1])):
            self._triton.load(stage.model)


def installed_head(stage: Stage, version: int, record: HeadRecord) -> InstalledHead:
    """The head of a record."""
    return InstalledHead(
        stage=stage,
        version=version_name(stage, version),
        genres=record.genres,
        temperature=record.temperature,
        ood_threshold=record.ood_threshold,
        feature_versions=record.feature_versions,
        lengths=record.lengths,
    )


@contextmanager
def translated(version: str) -> Iterator[None]:
    """Triton's errors as this service's own."""
    try:
        yield
    except (triton.TritonUnavailableError, triton.StubDeadError) as error:
        raise TritonUnavailableError(str(error)) from error
    except triton.TritonError as error:
        raise ModelBrokenError(f"{version} cannot be run: {error}") from error
