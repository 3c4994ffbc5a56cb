"""The dry run: makes a batch of edits, each with what stands in Plex before it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from portal.genres.models import Genre, spellings
from portal.ledger.left_alone import note_unknown_tags
from portal.ledger.models import WriteBatch, WriteRow
from portal.ledger.policy import Said, Wish, edit, objection, wish
from portal.ledger.standing import put_away
from portal.library.identity import is_another
from portal.library.labels import edits_of
from portal.library.models import Analysis, InPlex, Track
from portal.library.originals import original_genres
from portal.preferences.current import preferences
from portal.remote.sync import TRACKS_AT_ONCE, GenreState, PlexTrack
from portal.runs.models import Run
from portal.runs.work import DONE, Outcome, RunInterruptedError, RunJob, Verdict
from portal.verdicts.voting_again import vote_again

NOT_THERE = "Plex no longer has this song: sync again."
ANOTHER_THERE = "Plex has another song under its key now: sync again, which finds its new one."


class Planning:
    """Arguments: `batch`, and `track_ids` (none: every song)."""

    songs_at_once = TRACKS_AT_ONCE

    def lay_out(self, job: RunJob) -> Iterable[int]:
        """Songs with a person's word, or with a verdict that is sure enough, by the thresholds in force."""
        vote_again(job.services, preferences())
        batch = WriteBatch.objects.get(pk=job.run.arguments["batch"])
        nobody_knows = Q(predictions__out_of_fold=True, predictions__outcome="")
        sure = ~nobody_knows & Q(
            analysis=Analysis.CLASSIFIED,
            predictions__current=True,
            predictions__confidence__gte=batch.min_confidence,
        )
        tracks = Track.objects.filter(Q(override__isnull=False) | sure, removed_time=None)
        tracks = tracks.exclude(in_plex=InPlex.EXCLUDED)
        chosen = job.run.arguments.get("track_ids")
        if chosen is not None:
            tracks = tracks.filter(pk__in=chosen)
        return tracks.order_by("pk").distinct().values_list("pk", flat=True).iterator()

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Compare up to 100 songs with their full metadata, and note the edits that are needed.

        What speaks against writing is asked of the tags that Plex has now: a sync may be long ago.
        """
        batch = WriteBatch.objects.filter(pk=job.run.arguments["batch"]).first()
        if batch is None:
            raise RunInterruptedError
        tracks = list(Track.objects.filter(pk__in=track_ids).order_by("pk").select_related("override__genre"))
        found = job.services.sync.get_tracks([track.rating_key for track in tracks])
        known = spellings()
        tags = {track.pk: found[track.rating_key].state for track in tracks if track.rating_key in found}
        objections = _objections(tags, known, unlearned(job.services.inference.learned()))
        wishes = _wishes(tracks, batch.min_confidence, objections)
        for track in tracks:
            in_plex, wished = found.get(track.rating_key), wishes.get(track.pk)
            if in_plex is None or is_another(track, in_plex):
                message = NOT_THERE if in_plex is None else ANOTHER_THERE
                yield track.pk, Outcome(verdict=Verdict.SKIPPED, message=message)
                continue
            _note(batch, track.pk, in_plex, wished, known)
            yield track.pk, DONE if wished else _left_alone(objections.get(track.pk, ""))

    def conclude(self, run: Run) -> str:
        """How many edits there would be; a batch without any leaves the ledger."""
        batch = WriteBatch.objects.get(pk=run.arguments["batch"])
        planned, left = batch.rows.count(), note_unknown_tags(run)
        if planned:
            return (
                f"Batch {batch.pk}: {planned} songs would be written. Nothing has been changed in Plex.{left}"
            )
        self.abandon(run)
        return (
            "Nothing to write: every song that is decided has its genre in Plex already, is left to people, or none is "
            f"decided.{left}"
        )

    def abandon(self, run: Run) -> None:
        """A half-made plan is no plan."""
        batch = WriteBatch.objects.get(pk=run.arguments["batch"])
        if not batch.rows.exists():
            run.result.pop("batch", None)
        put_away(batch)


def unlearned(learned: Collection[str]) -> dict[int, str]:
    """The names, by id, of the genres that are not among the learned ones."""
    known = {name.casefold() for name in learned}
    genres = Genre.objects.filter(retired=False).values_list("pk", "name")
    return {pk: name for pk, name in genres if name.casefold() not in known}


def _objections(
    states: Mapping[int, GenreState], known: Mapping[str, int], beyond: Mapping[int, str]
) -> dict[int, str]:
    edits = edits_of(states)
    return {
        pk: objection(original_genres(state.genres, edits.get(pk, ())), known, beyond)
        for pk, state in states.items()
    }


def _left_alone(message: str) -> Outcome:
    return Outcome(verdict=Verdict.SKIPPED, message=message) if message else DONE


def _wishes(tracks: Sequence[Track], min_confidence: float, objections: Mapping[int, str]) -> dict[int, Wish]:
    # Looked up anew: a verdict may have changed since the songs were laid out.
    said = {}
    current = Track.objects.filter(pk__in=[track.pk for track in tracks], predictions__current=True)
    predicted = {
        pk: ((genre_id, genre), confidence)
        for pk, genre_id, genre, confidence, retired in current.values_list(
            "pk",
            "predictions__genre",
            "predictions__genre__name",
            "predictions__confidence",
            "predictions__genre__retired",
        )
        if not retired
    }
    for track in tracks:
        override = getattr(track, "override", None)
        genre = override.genre if override and not override.genre.retired else None
        verdict, confidence = predicted.get(track.pk, (None, 0.0))
        said[track.pk] = Said(
            override=(genre.pk, genre.name) if genre else None,
            predicted=verdict,
            confidence=confidence,
            classified=track.analysis == Analysis.CLASSIFIED,
            objection=objections.get(track.pk, ""),
            excluded=track.in_plex == InPlex.EXCLUDED,
            removed=track.removed_time is not None,
        )
    wished = {pk: wish(each, min_confidence=min_confidence) for pk, each in said.items()}
    return {pk: each for pk, each in wished.items() if each is not None}


@transaction.atomic
def _note(
    batch: WriteBatch, track_id: int, in_plex: PlexTrack, wished: Wish | None, known: dict[str, int]
) -> None:
    plans = WriteBatch.objects.select_for_update(no_key=True)
    if plans.filter(pk=batch.pk, state=WriteBatch.State.PLANNED).first() is None:
        raise RunInterruptedError  # another job of this run has failed, and the plan was put away
    # Read anew: somebody may have excluded the song since the chunk began.
    track = Track.objects.select_for_update().get(pk=track_id)
    before = in_plex.state
    after = edit(before, wished, known) if wished and track.in_plex != InPlex.EXCLUDED else None
    track.plex_genres, track.plex_genres_locked = list(before.genres), before.locked
    if wished and after:
        _row(batch, track, before, after, wished)
        track.in_plex = InPlex.PLANNED
    track.save(update_fields=("plex_genres", "plex_genres_locked", "in_plex"))


def _row(batch: WriteBatch, track: Track, before: GenreState, after: GenreState, wished: Wish) -> None:
    WriteRow.objects.get_or_create(
        batch=batch,
        track=track,
        defaults={
            "rating_key": track.rating_key,
            "before_genres": list(before.genres),
            "before_locked": before.locked,
            "after_genres": list(after.genres),
            "after_locked": after.locked,
            "source": wished.source,
            "confidence": wished.confidence,
        },
    )
