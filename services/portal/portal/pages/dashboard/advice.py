"""What to do next, from how things stand: pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from portal.counting import counted
from portal.decisions.suspicion import NO_SUSPICION, Suspicion
from portal.training.readiness import FEWEST_GENRES

CONNECTION = "preferences/changedsetting/#plex-connection"


@dataclass(frozen=True, kw_only=True)
class Situation:
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
    plex_unset: bool = False
    """Nobody has said yet where Plex is."""
    down: tuple[str, ...] = ()
    """Services that do not answer."""
    synced: bool = False
    """Plex was read once, to the end."""
    model_trouble: str = ""
    """Why a model that should serve cannot."""
    stale: int = 0
    """Songs whose verdict is an older model's."""
    trainable: int | None = None
    """Genres that a training could learn; None where nobody counted."""
    unknown_tags: int = 0
    """Songs that have tags, of which none is known."""
    suspected: Suspicion = NO_SUSPICION
    """Songs whose tag the sound contradicts, and that nobody has decided and no batch has put right."""
    overridden: int = 0
    """Songs whose genre a person has set."""
    unknown_tags_message: str = ""
    """What to say of songs that have tags, of which none is known; empty where there are none."""
    suspended_sets: str = ""
    """What to say of taught sets in whose place Plex has other lists; empty where there are none."""
    planned_batch: int | None = None
    """A write batch that waits to be applied."""
    planned_since: bool = False
    """A dry run has seen the verdicts as they are."""
    written_batch: int | None = None
    """The newest write batch of which something stands in Plex."""

    @property
    def decided(self) -> int:
        """Songs whose genre could be written."""
        return self.by_analysis.get("classified", 0) + self.overridden


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
    is_next: bool = False
    """It is the step that works next: one of all, at most."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A button for one of the steps from Plex and back to it."""

    kind: str = ""
    page: str = ""
    button: str
    icon: str
    why_not: str = ""
    """Why it cannot be done now; empty where it can."""


def advice(situation: Situation) -> list[Advice]:
    """What a person should do next, the most urgent first; nothing but trouble while a run is at work.

    The first that has a button is the next step, unless work goes on: then nothing is urgent.
    """
    if situation.running:
        return list(_trouble(situation))
    found = [*_trouble(situation), *_to_do(situation)]
    first = next((number for number, one in enumerate(found) if one.button), None)
    return [replace(one, is_next=number == first) for number, one in enumerate(found)]


def _trouble(situation: Situation) -> Iterable[Advice]:
    if situation.down:
        is_one = len(situation.down) == 1
        which = "service does not answer" if is_one else "services do not answer"
        what = (
            "its log and start it. What needs it" if is_one else "their logs and start them. What needs them"
        )
        yield Advice(text=f"The {' and '.join(situation.down)} {which}: see {what} waits.")
    if situation.plex_unset:
        yield Advice(
            text="Plex is not connected: say where your server is, and its token.",
            page=CONNECTION,
            button="Connect Plex",
        )
    elif situation.plex_trouble:
        yield Advice(
            text=f"Plex cannot be read: {situation.plex_trouble.rstrip('.')}.",
            page=CONNECTION,
            button="Open Settings",
        )


def _to_do(situation: Situation) -> Iterable[Advice]:
    if not situation.songs:
        yield from _read(situation)
        return
    yield from _extract(situation)
    if situation.suspended_sets:
        yield Advice(text=situation.suspended_sets, page="teaching/taughtset/")
    yield from _learn(situation)
    yield from _classify(situation)
    yield from _look_and_write(situation)
    if situation.unknown_tags_message and situation.model_ready is not False:
        yield Advice(
            text=situation.unknown_tags_message, page="genres/alias/unmapped/", button="Unknown tags"
        )


def _read(situation: Situation) -> Iterable[Advice]:
    if situation.plex_trouble or situation.plex_unset or "sync" in situation.down:
        return
    if situation.synced:
        yield Advice(
            text="Plex was read, and has no song in the libraries that are read: Settings say which those are. Then "
            "read it again.",
            kind="sync",
            button="Sync now",
        )
        return
    yield Advice(text="No song is known yet: read the library from Plex.", kind="sync", button="Sync now")


def _extract(situation: Situation) -> Iterable[Advice]:
    pending = situation.by_analysis.get("pending", 0)
    if pending and "features" not in situation.down:
        text = f"{_songs(pending)} not been analysed yet."
        if situation.model_ready:
            yield Advice(text=text, kind="classify", button="Classify pending")
        else:
            yield Advice(text=text, kind="extract", button="Analyse")


def _learn(situation: Situation) -> Iterable[Advice]:
    if situation.model_trouble:
        yield Advice(
            text=f"The model in service cannot classify songs: {situation.model_trouble}",
            page="registry/trainedmodel/",
            button="Show the models",
        )
        return
    if situation.model_ready is not False:
        return
    is_extracted = situation.by_analysis.get("pending", 0) < situation.songs
    if not situation.tagged:
        text = "No model has been trained, and no song has a genre to learn from: set some by hand, or teach one."
    elif is_extracted and situation.trainable is not None and situation.trainable < FEWEST_GENRES:
        text = (
            f"No model has been trained, and there is too little to learn from: {situation.trainable} of the "
            f"{FEWEST_GENRES} genres that are needed at least can be learned."
        )
    else:
        yield Advice(
            text=f"No model has been trained yet. {_songs(situation.tagged)} a tag to learn from.",
            kind="train",
            button="Train",
        )
        return
    if situation.unknown_tags:
        yield Advice(
            text=f"{text} {_songs(situation.unknown_tags)} tags that stand for no genre: say which they mean.",
            page="genres/alias/unmapped/",
            button="Unknown tags",
        )
        text = "Songs that you choose, a folder or a list in Plex can teach a genre, too."
    yield Advice(text=text, page="genres/genre/readiness/", button="See what helps")


def _classify(situation: Situation) -> Iterable[Advice]:
    pending, extracted, failed = (
        situation.by_analysis.get(state, 0) for state in ("pending", "extracted", "failed")
    )
    if extracted and situation.model_ready:
        yield Advice(
            text=f"{_songs(extracted)} been analysed but not classified.",
            kind="classify",
            button="Classify pending",
        )
    if situation.stale and situation.model_ready and not (pending or extracted):
        yield Advice(
            text=f"{_songs(situation.stale)} been classified by an older model than the one in service.",
            kind="classify",
            button="Classify again",
        )
    if failed:
        yield Advice(text=f"{_songs(failed)} failed.", page="library/track/?analysis__exact=failed")


def _look_and_write(situation: Situation) -> Iterable[Advice]:
    conflicts = situation.by_in_plex.get("conflict", 0)
    if conflicts:
        yield Advice(
            text=f"{_songs(conflicts)} been changed in Plex since they were written; those were left alone.",
            page="library/track/?in_plex__exact=conflict",
        )
    if situation.planned_batch:
        yield Advice(
            text=f"Batch {situation.planned_batch} is planned and waits to be applied.",
            page=f"ledger/writebatch/{situation.planned_batch}/change/",
            button="Look it over",
        )
    elif situation.decided and not situation.planned_since and "sync" not in situation.down:
        yield Advice(
            text=f"{_songs(situation.decided)} a genre that could be written. See what would be changed in Plex: a dry "
            "run changes nothing.",
            kind="plan",
            button="Dry run",
        )
    if situation.suspected.songs:
        yield Advice(
            text=situation.suspected.advice,
            page="library/track/?suspected_label_error=yes",
            button="Look them over",
        )


def steps(situation: Situation) -> Sequence[Step]:
    """The whole way in its order, and why a step of it cannot be taken now."""
    no_song = "" if situation.songs else "No song is known yet: sync first."
    no_plex = "Plex is not connected." if situation.plex_unset or situation.plex_trouble else ""
    no_tag = "" if situation.tagged else "No song has a genre to learn from."
    no_model = "There is no trained model: train first." if situation.model_ready is False else ""
    undecided = "" if situation.decided else "No song has been decided yet: classify first."
    found = [
        Step(kind="sync", button="Sync now", icon="sync", why_not=no_plex),
        Step(kind="extract", button="Analyse", icon="graphic_eq", why_not=no_song),
        Step(kind="train", button="Train", icon="school", why_not=no_song or no_tag),
        Step(kind="classify", button="Classify pending", icon="psychology", why_not=no_song or no_model),
        Step(kind="plan", button="Dry run", icon="edit_note", why_not=no_song or undecided),
    ]
    if situation.planned_batch:
        found.append(_of_batch(situation.planned_batch, "Apply", "publish"))
    if situation.written_batch:
        found.append(_of_batch(situation.written_batch, "Roll back", "undo"))
    return [
        replace(step, why_not="It is running.") if step.kind and step.kind in situation.running else step
        for step in found
    ]


def _of_batch(batch: int, words: str, icon: str) -> Step:
    return Step(page=f"ledger/writebatch/{batch}/change/", button=f"{words} batch {batch}", icon=icon)


def _songs(count: int) -> str:
    return counted(count, "song", verb=("has", "have"))
