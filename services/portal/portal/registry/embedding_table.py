"""The owner's table: each embedding in the order of stages, what it costs, what it adds, and how many songs have it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q

from portal.library.embeddings import kind_words
from portal.library.models import Embedding
from portal.library.stages import StageCount, count_stages
from portal.library.vectors import usual_version
from portal.registry.models import ModelStage, TrainedModel
from portal.remote.audio import FMA, made_by_random_weights
from portal.runs.models import Run

# What a licence comes to for the owner of a library at home, by its name in SPDX's list.
LICENCE_WORDS: Mapping[str, str] = {
    "ISC": "free for every use",
    "MIT": "free for every use",
    "Apache-2.0": "free for every use",
    "BSD-3-Clause": "free for every use",
    "CC-BY-4.0": "free for every use that names the authors",
    "CC-BY-NC-4.0": "for private use and research, not for business; names the authors",
    "CC-BY-NC-SA-4.0": "for private use and research, not for business; what is made of it has the same licence",
}


@dataclass(frozen=True, kw_only=True)
class AddedAccuracy:
    """How many points more a stage gets right of held-out artists' songs than the one before; a 95 % interval."""

    points: float
    low: float
    high: float
    songs: int
    model: str
    added_to: str
    """What the stage before uses, in words."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingRow:
    """One row."""

    kind: str
    name: str
    version: str
    """Of the vectors that are made now, or were made last."""
    is_first: bool
    """It is FMA's: it cannot be switched off."""
    enabled: bool
    available: bool
    for_trials: bool
    detail: str
    licence: str
    licence_words: str
    weights: str
    weights_bytes: int
    length: int
    seconds: float
    """A song, as measured here, else roughly one of a processor core; 0 where neither is known."""
    measured_songs: int
    """0: nothing was measured here since this version is made."""
    done: int
    lacking: int
    """Songs in Plex that have its vector of the present version, and that can be analysed and have not."""
    seconds_left: float | None
    """To make those, without reading and decoding the files; None where it is not known."""
    added: AddedAccuracy | None
    """By the last training that had a stage of it."""
    skipped_reason: str
    """Why the last training left it out; empty where it did not."""

    @property
    def milliseconds(self) -> float:
        """A song."""
        return 1000 * self.seconds

    @property
    def why_not_installed(self) -> str:
        """Without the words that its card says already; empty where it is installed."""
        if self.available:
            return ""
        why = self.detail.removeprefix(f"{self.name} is not installed here").lstrip(":; ")
        return why[:1].upper() + why[1:]


def embedding_table() -> list[EmbeddingRow]:
    """Every embedding that features ever spoke of, in the order of stages."""
    embeddings = list(Embedding.objects.all())
    counts = count_stages({row.kind: row.version or usual_version(row.kind) for row in embeddings})
    added, skipped, at_once = added_accuracies(), _skipped(), _songs_at_once()
    return [
        _row(row, counts[row.kind], added.get(row.kind), skipped.get(row.kind, ""), at_once)
        for row in embeddings
    ]


def added_accuracies() -> dict[str, AddedAccuracy]:
    """By kind, of the newest model that has a stage of it."""
    words = kind_words()
    found: dict[str, AddedAccuracy] = {}
    stages = ModelStage.objects.exclude(added_accuracy=None).select_related("model")
    for stage in stages.order_by("-model__created_time", "stage"):
        if stage.kinds:
            found.setdefault(
                stage.kinds[-1],
                AddedAccuracy(
                    points=100 * (stage.added_accuracy or 0.0),
                    low=100 * (stage.added_accuracy_low or 0.0),
                    high=100 * (stage.added_accuracy_high or 0.0),
                    songs=stage.added_songs,
                    model=stage.model.name,
                    added_to=words(stage.kinds[:-1]),
                ),
            )
    return found


def goes_on_with(kind: str) -> Run | None:
    """The run at work that began with this kind and ends with it; None where there is none."""
    active = Run.objects.filter(state__in=Run.ACTIVE)
    begun = Q(result__versions__has_key=kind) | Q(kind=Run.Kind.FILL, arguments__kinds__contains=kind)
    return active.filter(begun | Q(kind=Run.Kind.TRAIN, state=Run.State.RUNNING)).order_by("pk").first()


def switched_words(row: EmbeddingRow) -> str:
    """What switching an embedding comes to, as a sentence."""
    run = goes_on_with(row.kind)
    goes_on = f" {run} is at work and goes on as it began." if run else ""
    if not row.enabled:
        return f"{row.name} is used no more. Its vectors and all verdicts stay.{goes_on}"
    missing = (
        " The next analysis makes the vectors that are missing." if row.lacking and row.available else ""
    )
    return f"{row.name} is used again.{missing}{goes_on}"


def _row(
    row: Embedding, count: StageCount, added: AddedAccuracy | None, skipped: str, at_once: int
) -> EmbeddingRow:
    seconds = row.measured_seconds if row.measured_songs else row.cpu_seconds
    trial = made_by_random_weights(row.version)
    lacking = count.failed + count.pending
    # FMA's values are computed by as many processes; a model of an embedding takes one song after the other.
    lanes = at_once if row.kind == FMA else 1
    return EmbeddingRow(
        kind=row.kind,
        name=row.name,
        version=row.version,
        is_first=row.kind == FMA,
        enabled=row.enabled or row.kind == FMA,
        available=row.available,
        for_trials=trial,
        detail=row.detail,
        licence="" if trial else row.licence,  # random weights are not those that it is for
        licence_words="" if trial else LICENCE_WORDS.get(row.licence, ""),
        weights=row.weights,
        weights_bytes=row.weights_bytes,
        length=row.length,
        seconds=seconds,
        measured_songs=row.measured_songs,
        done=count.done,
        lacking=lacking,
        seconds_left=seconds * lacking / lanes if seconds else None,
        added=added,
        skipped_reason=skipped,
    )


def _skipped() -> dict[str, str]:
    newest = TrainedModel.objects.order_by("-created_time").first()
    return dict(newest.skipped_embeddings) if newest else {}


def _songs_at_once() -> int:
    """As many as features analysed at once in the last extraction."""
    last = Run.objects.filter(kind=Run.Kind.EXTRACT, result__has_key="processes").order_by("-pk").first()
    return max(1, last.result["processes"]) if last else 1
