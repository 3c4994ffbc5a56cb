"""How each state looks to a person: its words, its colour, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.ledger.kinds import WriteKind
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.flags import Flag
from portal.library.models import Analysis, InPlex
from portal.library.tag_agreement import Agreement
from portal.registry.models import TrainedModel
from portal.runs.models import Run, RunSong


class Tone(StrEnum):
    """The colours of badges; the style sheet has a class for each."""

    QUIET = "quiet"
    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Badge:
    """One state as a person sees it."""

    text: str
    tone: Tone
    meaning: str
    """A sentence, shown when the mouse rests on it."""

    @property
    def html(self) -> SafeString:
        """The badge as a page has it."""
        return format_html(
            '<span class="rc-badge rc-{}" title="{}">{}</span>', self.tone, self.meaning, self.text
        )

    # A template asks for the text, format_html for the markup.
    def __str__(self) -> str:
        return self.html

    def __html__(self) -> SafeString:
        return self.html


def badge_column(description: str, field: str, looks: Mapping[str, Badge], ordering: Any = None) -> Any:
    """A column of a list of the admin that shows a state as its badge."""

    @admin.display(description=description, ordering=ordering or field)
    def badge_of(page: object, obj: Model) -> SafeString:
        return looks[getattr(obj, field)].html

    return badge_of


def _badge(text: str, tone: Tone, meaning: str) -> Badge:
    return Badge(text=text, tone=tone, meaning=meaning)


ANALYSIS: Mapping[str, Badge] = {
    Analysis.PENDING: _badge("Pending", Tone.QUIET, "Its audio was not analysed yet."),
    Analysis.EXTRACTED: _badge(
        "Analysed", Tone.INFO, "Its audio was analysed; no model has classified it yet."
    ),
    Analysis.CLASSIFIED: _badge("Classified", Tone.GOOD, "The AI has decided a genre."),
    Analysis.PROVISIONAL: _badge("Provisional", Tone.WARNING, "A later stage should have run and could not."),
    Analysis.OUT_OF_DISTRIBUTION: _badge(
        "Unfamiliar", Tone.WARNING, "Unlike the songs that the model has learned from: its genre is a guess."
    ),
    Analysis.FAILED: _badge("Failed", Tone.BAD, "Something went wrong; it will be tried again."),
    Analysis.SKIPPED: _badge("Skipped", Tone.QUIET, "Cannot be analysed as it is."),
}

IN_PLEX: Mapping[str, Badge] = {
    InPlex.UNTOUCHED: _badge("Untouched", Tone.QUIET, "Plex has the tags that it had before us."),
    InPlex.PLANNED: _badge("Planned", Tone.INFO, "In a write batch that has not been applied."),
    InPlex.WRITTEN: _badge("Written", Tone.GOOD, "Plex has the genre that was written from here."),
    InPlex.ROLLED_BACK: _badge("Rolled back", Tone.INFO, "Written once, then put back as it was."),
    InPlex.CONFLICT: _badge("Conflict", Tone.BAD, "Somebody changed it in Plex since; it was left alone."),
    InPlex.EXCLUDED: _badge("Excluded", Tone.WARNING, "A person has excluded it: it is never written."),
}

MODEL: Mapping[str, Badge] = {
    TrainedModel.State.CANDIDATE: _badge("Candidate", Tone.INFO, "Trained, and never put into service."),
    TrainedModel.State.IN_SERVICE: _badge("In service", Tone.GOOD, "It decides the genres of songs."),
    TrainedModel.State.RETIRED: _badge("Retired", Tone.QUIET, "Was in service before; can be put back."),
}

FLAGS: Mapping[str, Badge] = {
    Flag.STALE: _badge(
        "Stale", Tone.WARNING, "Classified by an older model than the one in service: classify again."
    ),
    Flag.RANDOM_WEIGHTS: _badge(
        "Random weights",
        Tone.WARNING,
        "Decided by a model for trials, whose weights are random: the verdict means nothing, and is not written to "
        "Plex unless that is asked for by name.",
    ),
    Flag.NOT_CHOSEN: _badge(
        "Not chosen",
        Tone.QUIET,
        "Its library is not among those that the setting plex_libraries names: it is left alone as it is until the "
        "library is chosen again.",
    ),
    Flag.REMOVED: _badge("Removed", Tone.QUIET, "Plex no longer has it; kept, in case it returns."),
}

AGREEMENT: Mapping[str, Badge] = {
    Agreement.AGREES: _badge("Agrees", Tone.GOOD, "The AI says what the tags say."),
    Agreement.PUT_RIGHT: _badge(
        "Put right",
        Tone.GOOD,
        "Plex had another genre, or none; the one that was written from here stands there now.",
    ),
    Agreement.DIFFERS: _badge("Differs", Tone.BAD, "The AI and the tags name different genres."),
    Agreement.NO_TAG: _badge("No known tag", Tone.QUIET, "The tags name no genre that the aliases know."),
    Agreement.NO_VERDICT: _badge("No verdict", Tone.QUIET, "The AI has not classified this song."),
}

_STANDARD = _badge("Standard", Tone.QUIET, "Public data sets know it.")
_CUSTOM = _badge("Custom", Tone.INFO, "Taught by songs of yours; public data sets do not know it.")
_RETIRED = _badge("Retired", Tone.WARNING, "Neither learned nor written any more; its history is kept.")


def genre_kind(*, custom: bool, retired: bool) -> Badge:
    """What kind of genre one is."""
    return _RETIRED if retired else _CUSTOM if custom else _STANDARD


BATCH: Mapping[str, Badge] = {
    WriteBatch.State.PLANNED: _badge("Planned (dry run)", Tone.INFO, "Nothing has been written to Plex."),
    WriteBatch.State.APPLYING: _badge("Applying", Tone.WARNING, "Being written to Plex now."),
    WriteBatch.State.APPLIED: _badge("Applied", Tone.GOOD, "Written to Plex; can be rolled back."),
    WriteBatch.State.ROLLING_BACK: _badge("Rolling back", Tone.WARNING, "Being put back now."),
    WriteBatch.State.ROLLED_BACK: _badge("Rolled back", Tone.QUIET, "Plex is as it was before this batch."),
    WriteBatch.State.DISCARDED: _badge(
        "Discarded", Tone.QUIET, "Never applied; a later plan took its place."
    ),
}

FIRST_GUESS = _badge(
    "First guess",
    Tone.QUIET,
    "From the tags of its sound, before anything was learned: often wrong, and never written by itself.",
)

ROW: Mapping[str, Badge] = {
    WriteRow.State.PLANNED: _badge("Planned", Tone.INFO, "Would be written."),
    WriteRow.State.WRITTEN: _badge("Written", Tone.GOOD, "Plex has it, read back after writing."),
    WriteRow.State.UNCHANGED: _badge("Already so", Tone.QUIET, "Plex had it already; nothing was sent."),
    WriteRow.State.CONFLICT: _badge("Conflict", Tone.BAD, "Changed in Plex since the plan; left alone."),
    WriteRow.State.FAILED: _badge("Failed", Tone.BAD, "Could not be written."),
    WriteRow.State.ROLLED_BACK: _badge("Rolled back", Tone.QUIET, "Put back as it was before."),
}

KIND: Mapping[str, Badge] = {
    WriteKind.FILL: _badge("Fill", Tone.INFO, "The song has no tag that counts."),
    WriteKind.CORRECTION: _badge(
        "Correction", Tone.WARNING, "Its tag stands for another genre, and may be right."
    ),
    WriteKind.TRANSLATION: _badge(
        "Translation", Tone.QUIET, "Its tag stands for the genre, in another spelling."
    ),
    WriteKind.PERSON: _badge("Set by a person", Tone.INFO, "A person has set the genre."),
}
# Of a song whose tags name the genre already.
NO_WRITE = _badge(
    "Its tags name it", Tone.QUIET, "Nothing is to be written: a tag of the song stands for this genre."
)

RUN: Mapping[str, Badge] = {
    Run.State.WAITING: _badge("Waiting", Tone.QUIET, "Waits for a worker."),
    Run.State.RUNNING: _badge("Running", Tone.INFO, "Workers process its songs."),
    Run.State.STOPPING: _badge("Stopping", Tone.WARNING, "Ends after the songs in progress."),
    Run.State.DONE: _badge("Done", Tone.GOOD, "Every song has been tried."),
    Run.State.STOPPED: _badge(
        "Stopped", Tone.WARNING, "Stopped by a person; the next run goes on with the rest."
    ),
    Run.State.FAILED: _badge("Failed", Tone.BAD, "Ended by an error; the message says what to do."),
}

RUN_SONG: Mapping[str, Badge] = {
    RunSong.State.PENDING: _badge("Pending", Tone.QUIET, "Not done yet."),
    RunSong.State.DONE: _badge("Done", Tone.GOOD, "Done."),
    RunSong.State.SKIPPED: _badge(
        "Skipped", Tone.QUIET, "Cannot be done for this song; the message says why."
    ),
    RunSong.State.FAILED: _badge("Failed", Tone.BAD, "Failed for good in this run."),
}
