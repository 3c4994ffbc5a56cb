"""The dry run: makes a batch of edits, each with what stands in Plex before it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from portal.counting import counted, listed
from portal.decisions.deciding import decide_outdated
from portal.first_guess.reading import first_guesses
from portal.genres.models import Genre, spellings
from portal.ledger.models import WriteBatch, WriteRow
from portal.ledger.plex_state import discard
from portal.library.identity import is_another
from portal.library.models import InPlex, Track
from portal.library.presence import left_alone, present
from portal.preferences.current import preferences
from portal.remote.plex import GenreState, PlexTrack, TracksRead
from portal.remote.sync import TRACKS_AT_ONCE
from portal.runs.models import Run, RunSong
from portal.runs.work import DONE, Outcome, RunInterruptedError, RunJob, Verdict, Work
from portal.verdicts.revote import vote_again
from portal.writing.candidates import candidates, genres_out_of_use, kinds_written, of_another_model
from portal.writing.policy import (
    NAMED,
    RANDOM_WEIGHTS,
    PlannedEdit,
    TargetGenre,
    WritingRules,
    planned_edit,
    rules_for,
    tags_destroyed,
    target_genre,
)
from portal.writing.said import said_of
from portal.writing.unknown_tags import note_unknown_tags

NOT_THERE = "Plex no longer has this song: sync again."
UNREADABLE_THERE = "Plex fails whenever it is asked for this song: refresh or repair it in Plex."
# Under this a dry run's result keeps how many songs are of another server.
ELSEWHERE = "of_another_server"
# And this how many songs another model than the one in service has classified.
OF_ANOTHER_MODEL = "of_another_model"
# And this the genres that the model says and that are not in use, each with its number of songs.
OUT_OF_USE = "genres_out_of_use"
ANOTHER_THERE = "Plex has another song under its key now: sync again, which finds its new one."


class Planning(Work):
    """Of `batch`. Arguments: `track_ids` (none: every song), `random_weights` (also what models for trials decided)."""

    songs_at_once = TRACKS_AT_ONCE

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Songs with a person's word, or with a decision that is sure enough, by the thresholds in force; and, where
        tags are translated, those with tags. What is out of date is decided anew first.

        Of the server that is connected: another one, be it a copy of theirs, is not to get their genres.
        """
        server = job.services.sync.check_server()
        settings = preferences()
        vote_again(job.services, settings)
        decide_outdated(job.services.decisions, job.report)
        batch = WriteBatch.objects.get(runs=job.run)
        tracks = Track.objects.filter(present()).exclude(in_plex=InPlex.EXCLUDED)
        chosen = job.run.arguments.get("track_ids")
        if chosen is not None:
            tracks = tracks.filter(pk__in=chosen)
        if of_another := tracks.filter(of_another_model()).distinct().count():
            job.run.keep(**{OF_ANOTHER_MODEL: of_another})
        if out_of_use := genres_out_of_use(tracks):
            job.run.keep(**{OUT_OF_USE: out_of_use})
        tracks = tracks.filter(candidates(batch.min_confidence, settings))
        elsewhere = tracks.exclude(library__server_id=server.machine_identifier).distinct().count()
        if elsewhere:
            job.run.keep(**{ELSEWHERE: elsewhere})
            tracks = tracks.filter(library__server_id=server.machine_identifier)
        return tracks.order_by("pk").distinct().values_list("pk", flat=True).iterator()

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Compare up to 100 songs with their full metadata, and note the edits that are needed.

        What speaks against writing is asked of the tags that Plex has now: a sync may be long ago.
        """
        batch = WriteBatch.objects.filter(runs=job.run).first()
        if batch is None:
            raise RunInterruptedError
        tracks = list(Track.objects.filter(pk__in=track_ids).order_by("pk").select_related("override__genre"))
        read = job.services.sync.read_tracks([track.rating_key for track in tracks])
        found = read.found
        known = spellings()
        rules = _rules(known)
        states = {track.pk: found[track.rating_key].state for track in tracks if track.rating_key in found}
        trials = bool(job.run.arguments.get("random_weights"))
        said = said_of(tracks, states, known, job.services.inference.status(), random_weights=trials)
        for track in tracks:
            in_plex = found.get(track.rating_key)
            if in_plex is None or is_another(track, in_plex):
                yield track.pk, _not_there(track, in_plex, read)
                continue
            target = target_genre(said[track.pk], min_confidence=batch.min_confidence)
            noted = _note(batch, track.pk, in_plex, target, rules_for(said[track.pk], rules))
            yield track.pk, DONE if target or noted else _left_alone(said[track.pk].objection)

    def summarise(self, run: Run) -> str:
        """How many edits there would be; a batch without any leaves the ledger."""
        batch = WriteBatch.objects.get(runs=run)
        planned = batch.rows.count()
        not_compared = _not_compared(run)
        if planned:
            songs = counted(planned, "song")
            said = f"Batch {batch.pk}: {songs} would be written. Nothing has been changed in Plex."
        else:
            self.cancel(run)
            others = "other song" if not_compared else "song"
            said = (
                f"Nothing to write: every {others} that is decided has its genre in Plex already, is left for you to "
                "decide, or none is decided surely enough; or the settings switch off what there would be to write."
            )
        left = (
            _left_to_trials(run),
            left_alone(run.arguments.get("track_ids")),
            _left_elsewhere(run),
            _left_stale(run),
            _left_out_of_use(run),
            _left_guessed(run),
        )
        return " ".join(filter(None, (said, not_compared, note_unknown_tags(run), *left)))

    def cancel(self, run: Run) -> None:
        """A half-made plan is no plan."""
        discard(WriteBatch.objects.get(runs=run))


def _not_there(track: Track, in_plex: PlexTrack | None, read: TracksRead) -> Outcome:
    message = NOT_THERE if in_plex is None else ANOTHER_THERE
    if track.rating_key in read.unreadable:
        message = UNREADABLE_THERE
    return Outcome(verdict=Verdict.SKIPPED, message=message)


def _left_alone(message: str) -> Outcome:
    return Outcome(verdict=Verdict.SKIPPED, message=message) if message else DONE


def _left_to_trials(run: Run) -> str:
    songs = run.songs.filter(message=RANDOM_WEIGHTS).count()
    if not songs:
        return ""
    left = counted(songs, "song", verb=("was", "were"))
    return f"{left} left alone because random weights decided their genre, which means nothing."


def _not_compared(run: Run) -> str:
    """Of songs that Plex did not show, nobody knows what there would be to write."""
    not_shown = Q(state=RunSong.State.FAILED) | Q(message__in=(NOT_THERE, UNREADABLE_THERE, ANOTHER_THERE))
    songs = run.songs.filter(not_shown).order_by("pk")
    first = songs.first()
    if first is None:
        return ""
    count = songs.count()
    return (
        f"{counted(count, 'song')} could not be compared with what Plex has, so nothing is planned for them: "
        f"{first.message}"
    )


def _left_elsewhere(run: Run) -> str:
    songs = run.result.get(ELSEWHERE, 0)
    if not songs:
        return ""
    left = counted(songs, "song", verb=("was left alone: it is", "were left alone: they are"))
    return f"{left} of another Plex server than the one that is connected."


def _left_stale(run: Run) -> str:
    songs = run.result.get(OF_ANOTHER_MODEL, 0)
    if not songs:
        return ""
    left = counted(songs, "song", verb=("was left alone, for it was", "were left alone, for they were"))
    return f"{left} classified by another model than the one in service: run `reclass classify`."


def _left_out_of_use(run: Run) -> str:
    genres = run.result.get(OUT_OF_USE, {})
    if not genres:
        return ""
    left = counted(sum(genres.values()), "song", verb=("was", "were"))
    return (
        f"{left} left alone: the model says {listed(sorted(genres), NAMED)}, which is retired or renamed here. Restore "
        "it in the admin, or train again (`reclass train`)."
    )


def _left_guessed(run: Run) -> str:
    songs = first_guesses(run.arguments.get("track_ids")).songs
    if not songs:
        return ""
    have = counted(songs, "song", verb=("has", "have"))
    return (
        f"{have} no more than a first guess, which is never written by itself: train (`reclass train`) and classify, "
        "or take the guess as the genre of songs that you tick in the admin's list."
    )


def _rules(known: Mapping[str, int]) -> WritingRules:
    names = dict(Genre.objects.filter(retired=False).values_list("pk", "name"))
    return WritingRules(genres_by_spelling=known, names=names, kinds=kinds_written(preferences()))


@transaction.atomic
def _note(
    batch: WriteBatch, track_id: int, in_plex: PlexTrack, target: TargetGenre | None, rules: WritingRules
) -> bool:
    """Whether an edit was planned."""
    plans = WriteBatch.objects.select_for_update(no_key=True)
    if plans.filter(pk=batch.pk, state=WriteBatch.State.PLANNED).first() is None:
        raise RunInterruptedError  # another job of this run has failed, and the plan was put away
    # Read anew: somebody may have excluded the song since the chunk began.
    track = Track.objects.select_for_update().get(pk=track_id)
    before = in_plex.state
    edit = planned_edit(before, target, rules) if track.in_plex != InPlex.EXCLUDED else None
    track.plex_genres, track.plex_genres_locked = list(before.genres), before.locked
    if edit:
        _row(batch, track, before, edit)
        track.in_plex = InPlex.PLANNED
    track.save(update_fields=("plex_genres", "plex_genres_locked", "in_plex"))
    return edit is not None


def _row(batch: WriteBatch, track: Track, before: GenreState, edit: PlannedEdit) -> None:
    target = edit.target
    WriteRow.objects.get_or_create(
        batch=batch,
        track=track,
        defaults={
            "rating_key": track.rating_key,
            "before_genres": list(before.genres),
            "before_locked": before.locked,
            "after_genres": list(edit.after.genres),
            "after_locked": edit.after.locked,
            "source": edit.source,
            "kind": edit.kind.value,
            "confidence": target.confidence if target else None,
            "confidence_mean": target.confidence_mean if target else None,
            "confidence_high": target.confidence_high if target else None,
            "tag_probability": tags_destroyed(edit),
            "random_weights": target.random_weights if target else False,
        },
    )
