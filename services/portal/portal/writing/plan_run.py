"""The dry run: makes a batch of edits, each with what stands in Plex before it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from portal.counting import counted
from portal.genres.models import Genre, spellings
from portal.labels.tags import tags_of
from portal.ledger.models import WriteBatch, WriteRow
from portal.ledger.plex_state import discard
from portal.library.identity import is_another
from portal.library.models import Analysis, InPlex, Track
from portal.library.presence import left_alone, present
from portal.preferences.current import preferences
from portal.remote.plex import GenreState, PlexTrack
from portal.remote.sync import TRACKS_AT_ONCE
from portal.runs.models import Run, RunSong
from portal.runs.work import DONE, Outcome, RunInterruptedError, RunJob, Verdict, Work
from portal.verdicts.models import Prediction
from portal.verdicts.revote import vote_again
from portal.writing.overtaken import is_sure
from portal.writing.policy import RANDOM_WEIGHTS, Said, TargetGenre, edit, objection, target_genre
from portal.writing.unknown_tags import note_unknown_tags

NOT_THERE = "Plex no longer has this song: sync again."
UNREADABLE_THERE = "Plex fails whenever it is asked for this song: refresh or repair it in Plex."
# Under this a dry run's result keeps how many songs are of another server.
ELSEWHERE = "of_another_server"
ANOTHER_THERE = "Plex has another song under its key now: sync again, which finds its new one."


class Planning(Work):
    """Of `batch`. Arguments: `track_ids` (none: every song), `random_weights` (also what models for trials decided)."""

    songs_at_once = TRACKS_AT_ONCE

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Songs with a person's word, or with a verdict that is sure enough, by the thresholds in force.

        Of the server that is connected: another one, be it a copy of theirs, is not to get their genres.
        """
        server = job.services.sync.check_server()
        vote_again(job.services, preferences())
        batch = WriteBatch.objects.get(runs=job.run)
        # Of what was said out of fold before outcomes were kept, nobody knows whether the song is like the training.
        outcome = Q(predictions__outcome=Analysis.CLASSIFIED)
        outcome |= Q(predictions__outcome="", predictions__out_of_fold=False)
        sure = outcome & Q(
            analysis=Analysis.CLASSIFIED,
            predictions__current=True,
            predictions__confidence__gte=batch.min_confidence,
        )
        tracks = Track.objects.filter(Q(override__isnull=False) | sure, present())
        tracks = tracks.exclude(in_plex=InPlex.EXCLUDED)
        chosen = job.run.arguments.get("track_ids")
        if chosen is not None:
            tracks = tracks.filter(pk__in=chosen)
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
        tags = {track.pk: found[track.rating_key].state for track in tracks if track.rating_key in found}
        stages = job.services.inference.status()
        learned = {genre for stage in stages for genre in stage.genres}
        verdicts = _verdicts(tracks, {stage.model_version for stage in stages if stage.is_for_trials})
        objections = _objections(tracks, tags, known, unlearned(learned))
        if not job.run.arguments.get("random_weights"):
            objections |= {pk: RANDOM_WEIGHTS for pk, verdict in verdicts.items() if verdict.random_weights}
        objections |= _silenced(tracks)
        targets = _target_genres(tracks, batch.min_confidence, verdicts, objections)
        for track in tracks:
            in_plex, target = found.get(track.rating_key), targets.get(track.pk)
            if in_plex is None or is_another(track, in_plex):
                message = NOT_THERE if in_plex is None else ANOTHER_THERE
                if track.rating_key in read.unreadable:
                    message = UNREADABLE_THERE
                yield track.pk, Outcome(verdict=Verdict.SKIPPED, message=message)
                continue
            _note(batch, track.pk, in_plex, target, known)
            yield track.pk, DONE if target else _left_alone(objections.get(track.pk, ""))

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
                "decide, or none is decided."
            )
        left = (_left_to_trials(run), left_alone(run.arguments.get("track_ids")), _left_elsewhere(run))
        return " ".join(filter(None, (said, not_compared, note_unknown_tags(run), *left)))

    def cancel(self, run: Run) -> None:
        """A half-made plan is no plan."""
        discard(WriteBatch.objects.get(runs=run))


def unlearned(learned: Collection[str]) -> dict[int, str]:
    """The names, by id, of the genres that are not among the learned ones."""
    known = {name.casefold() for name in learned}
    genres = Genre.objects.filter(retired=False).values_list("pk", "name")
    return {pk: name for pk, name in genres if name.casefold() not in known}


def _objections(
    tracks: Sequence[Track],
    states: Mapping[int, GenreState],
    known: Mapping[str, int],
    beyond: Mapping[int, str],
) -> dict[int, str]:
    in_files = {track.pk: track.file_genres for track in tracks}
    tags = tags_of({pk: state.genres for pk, state in states.items()}, in_files)
    return {pk: objection(of_song, known, beyond) for pk, of_song in tags.items()}


def _silenced(tracks: Sequence[Track]) -> dict[int, str]:
    """A person's word for a genre that is retired silences the AI's, as it does in a training."""
    words = {track.pk: track.override.genre for track in tracks if hasattr(track, "override")}
    return {
        pk: f"A person has set “{genre}”, which is retired, so it is left alone: set another genre by hand."
        for pk, genre in words.items()
        if genre.retired
    }


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


def _verdicts(tracks: Sequence[Track], trial_heads: Collection[str]) -> dict[int, Prediction]:
    """What the AI says of these songs, by track; of genres that are not retired. Marked as a trial's, unsaved."""
    # Looked up anew: a verdict may have changed since the songs were selected.
    current = Prediction.objects.filter(track__in=tracks, current=True, genre__retired=False)
    verdicts = {said.track_id: said for said in current.select_related("genre").defer("stages")}
    for said in verdicts.values():
        # Of before there was the mark, the head that serves tells.
        said.random_weights |= said.model_version in trial_heads
    return verdicts


def _target_genres(
    tracks: Sequence[Track],
    min_confidence: float,
    verdicts: Mapping[int, Prediction],
    objections: Mapping[int, str],
) -> dict[int, TargetGenre]:
    targets = {}
    for track in tracks:
        override, verdict = getattr(track, "override", None), verdicts.get(track.pk)
        genre = override.genre if override and not override.genre.retired else None
        said = Said(
            override=(genre.pk, genre.name) if genre else None,
            predicted=(verdict.genre.pk, verdict.genre.name) if verdict else None,
            confidence=verdict.confidence if verdict else 0.0,
            classified=track.analysis == Analysis.CLASSIFIED and verdict is not None and is_sure(verdict),
            random_weights=verdict.random_weights if verdict else False,
            objection=objections.get(track.pk, ""),
            excluded=track.in_plex == InPlex.EXCLUDED,
            removed=track.removed_time is not None,
        )
        target = target_genre(said, min_confidence=min_confidence)
        if target is not None:
            targets[track.pk] = target
    return targets


@transaction.atomic
def _note(
    batch: WriteBatch, track_id: int, in_plex: PlexTrack, target: TargetGenre | None, known: Mapping[str, int]
) -> None:
    plans = WriteBatch.objects.select_for_update(no_key=True)
    if plans.filter(pk=batch.pk, state=WriteBatch.State.PLANNED).first() is None:
        raise RunInterruptedError  # another job of this run has failed, and the plan was put away
    # Read anew: somebody may have excluded the song since the chunk began.
    track = Track.objects.select_for_update().get(pk=track_id)
    before = in_plex.state
    after = edit(before, target, known) if target and track.in_plex != InPlex.EXCLUDED else None
    track.plex_genres, track.plex_genres_locked = list(before.genres), before.locked
    if target and after:
        _row(batch, track, before, after, target)
        track.in_plex = InPlex.PLANNED
    track.save(update_fields=("plex_genres", "plex_genres_locked", "in_plex"))


def _row(batch: WriteBatch, track: Track, before: GenreState, after: GenreState, target: TargetGenre) -> None:
    WriteRow.objects.get_or_create(
        batch=batch,
        track=track,
        defaults={
            "rating_key": track.rating_key,
            "before_genres": list(before.genres),
            "before_locked": before.locked,
            "after_genres": list(after.genres),
            "after_locked": after.locked,
            "source": target.source,
            "confidence": target.confidence,
            "random_weights": target.random_weights,
        },
    )
