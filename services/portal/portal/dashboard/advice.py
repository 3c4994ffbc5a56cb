"""What to do next, from how things stand: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal.verdicts.learnable import FEWEST_GENRES


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How things stand."""

    songs: int
    by_analysis: Mapping[str, int]
    by_in_plex: Mapping[str, int]
    tagged: int
    """Songs whose tags name a genre."""
    running: frozenset[str]
    """Kinds of the runs in progress."""
    model_ready: bool | None
    """Whether a trained model serves; None when nobody could be asked."""
    plex_trouble: str = ""
    """Why Plex was not reached, where it was not."""
    model_trouble: str = ""
    """Why a model that should serve cannot."""
    stale: int = 0
    """Songs whose verdict is an older model's."""
    learnable: int | None = None
    """Genres that a training could learn; None where nobody counted."""
    suspects: int = 0
    """Songs whose tag looks wrong, and that nobody has decided and no batch has put right."""
    planned_batch: int | None = None
    """A write batch that waits to be applied."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to do."""

    text: str
    kind: str = ""
    """Kind of the run that does it, for a button."""
    button: str = ""
    """What stands on the button that starts the run, or leads to the page."""
    page: str = ""
    """Address of a page that helps, below the admin."""


def advice(standing: Standing) -> list[Advice]:
    """What a person should do next, the most urgent first; nothing while it is being done."""
    return [one for one in _all(standing) if not (one.kind and one.kind in standing.running)]


def _all(standing: Standing) -> Iterable[Advice]:
    if standing.plex_trouble:
        yield Advice(
            text=f"Plex cannot be read: {standing.plex_trouble.rstrip('.')}.",
            page="preferences/changedsetting/#plex-connection",
            button="Open Settings",
        )
    if not standing.songs:
        if not standing.plex_trouble:
            yield Advice(
                text="No song is known yet: read the library from Plex.", kind="sync", button="Sync now"
            )
        return
    yield from _hear_and_learn(standing)
    yield from _look_and_write(standing)


def _hear_and_learn(standing: Standing) -> Iterable[Advice]:
    pending = standing.by_analysis.get("pending", 0)
    heard = standing.by_analysis.get("heard", 0)
    failed = standing.by_analysis.get("failed", 0)
    if pending:
        yield Advice(
            text=f"{_songs(pending)} not been heard yet.", kind="classify", button="Classify pending"
        )
    if standing.model_trouble:
        yield Advice(
            text=f"The model in service cannot judge: {standing.model_trouble}", page="verdicts/trainedmodel/"
        )
    elif standing.model_ready is False:
        if not standing.tagged:
            yield Advice(
                text="No model has been trained, and no song has a genre to learn from: set some by hand, "
                "or teach one.",
                page="genres/genre/learnable/",
                button="See what helps",
            )
        elif standing.learnable is not None and standing.learnable < FEWEST_GENRES:
            yield Advice(
                text=f"No model has been trained, and there is too little to learn from: {standing.learnable} of the "
                f"{FEWEST_GENRES} genres that are needed at least can be learned.",
                page="genres/genre/learnable/",
                button="See what helps",
            )
        else:
            yield Advice(
                text=f"No model has been trained yet. {_songs(standing.tagged)} a tag to learn from.",
                kind="train",
                button="Train",
            )
    elif heard and standing.model_ready:
        yield Advice(
            text=f"{_songs(heard)} been heard but not judged.", kind="classify", button="Classify pending"
        )
    if standing.stale and standing.model_ready and not (pending or heard):
        yield Advice(
            text=f"{_songs(standing.stale)} been judged by an older model than the one in service.",
            kind="classify",
            button="Classify again",
        )
    if failed:
        yield Advice(text=f"{_songs(failed)} failed.", page="library/track/?analysis__exact=failed")


def _look_and_write(standing: Standing) -> Iterable[Advice]:
    conflicts = standing.by_in_plex.get("conflict", 0)
    if conflicts:
        yield Advice(
            text=f"{_songs(conflicts)} been changed in Plex since they were written; those were left alone.",
            page="library/track/?in_plex__exact=conflict",
        )
    if standing.planned_batch:
        yield Advice(
            text=f"Batch {standing.planned_batch} is planned and waits to be applied.",
            page=f"ledger/writebatch/{standing.planned_batch}/change/",
            button="Look it over",
        )
    elif standing.by_analysis.get("classified", 0) and not standing.by_in_plex.get("written", 0):
        yield Advice(
            text="Nothing has been written to Plex yet. Look over the songs where the AI and the tags differ, "
            "then plan a write batch.",
            page="library/track/?agreement=differs",
            button="Look them over",
        )
    elif standing.suspects:
        yield Advice(
            text=f"{_songs(standing.suspects)} a tag that looks wrong, and that no write batch has put right: "
            "say which genre is right, or plan a batch with them.",
            page="library/track/?suspect=yes",
            button="Look them over",
        )


def _songs(count: int) -> str:
    return f"{count:,} song has" if count == 1 else f"{count:,} songs have"
