"""Before a training: which labelled songs lack vectors that can be made here, and how long making them takes."""

from dataclasses import dataclass
from datetime import timedelta

from runtime.errors import RemoteError

from portal.counting import counted
from portal.library.embeddings import note_capabilities
from portal.library.stages import stages_of, training_kinds
from portal.preferences.current import preferences
from portal.remote.audio import FMA_NATIVE
from portal.remote.features import capabilities_now
from portal.runs.models import Run
from portal.training.dataset import lacking_vectors

TIMEOUT_SECONDS = 5.0
# Fewer songs say more of how long a service takes to wake up.
FEWEST_SONGS_TO_ESTIMATE_BY = 10


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """What is to be extracted before a training."""

    track_ids: tuple[int, ...] = ()
    stages: tuple[str, ...] = ()
    """The kinds of vectors that are to be made."""
    seconds: float | None = None
    """About how long that takes; None where no extraction is known to estimate it by."""

    def __str__(self) -> str:
        songs = len(self.track_ids)
        if not songs:
            return "Every labelled song has the vectors that can be made here."
        lack = counted(songs, "labelled song", verb=("lacks", "lack"))
        if self.seconds is None:
            return f"{lack} vectors. How long it takes to make them is not known yet: nothing was analysed so far."
        about = timedelta(seconds=max(1, round(self.seconds)))
        return f"{lack} vectors. It takes about {about} (h:mm:ss) to make them."


def lacking_now(*, public: bool = False) -> Lacking:
    """What is lacking of the stages that are installed; nothing where features is silent: the training says why.

    With a public table the songs' values have to be of its feature version, for which each song is decoded as a whole.
    """
    try:
        kinds = note_capabilities(capabilities_now(preferences(), TIMEOUT_SECONDS, patient=True)).kinds
    except RemoteError:
        return Lacking()
    versions = stages_of(kinds, training_kinds(public=public)).versions
    track_ids = (
        tuple(lacking_vectors(versions).order_by("pk").values_list("pk", flat=True)) if versions else ()
    )
    each = _seconds_a_song(FMA_NATIVE if public else "")
    return Lacking(
        track_ids=track_ids,
        # Named, for without names the extraction makes what a model in service uses too, which this training may not.
        stages=tuple(versions),
        seconds=None if each is None else each * len(track_ids),
    )


def _seconds_a_song(kind: str = "") -> float | None:
    """As the last extraction had it, that made vectors of this kind where one is named."""
    runs = Run.objects.filter(kind=Run.Kind.EXTRACT, state=Run.State.DONE, started_time__isnull=False)
    runs = runs.filter(result__versions__has_key=kind) if kind else runs
    last = runs.filter(done_count__gte=FEWEST_SONGS_TO_ESTIMATE_BY).order_by("-finished_time").first()
    if last is None or last.started_time is None or last.finished_time is None:
        return None
    return (last.finished_time - last.started_time).total_seconds() / last.done_count
