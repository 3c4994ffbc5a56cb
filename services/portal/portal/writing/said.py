"""What is said of songs when a plan is made: by people, by decisions, and what speaks against writing these."""

from collections.abc import Collection, Mapping, Sequence

from portal.genres.models import Genre
from portal.genres.spelling import genres_of
from portal.labels.tags import tags_of
from portal.ledger.kinds import WriteKind
from portal.library.models import Analysis, InPlex, Track
from portal.remote.inference import Stage
from portal.remote.plex import GenreState
from portal.verdicts.judgements import none_is_right
from portal.verdicts.models import Decision, Prediction
from portal.writing.overtaken import is_sure
from portal.writing.policy import (
    AI,
    NONE_IS_RIGHT,
    RANDOM_WEIGHTS,
    TAGS_CHANGED,
    UNDECIDED,
    Said,
    TargetGenre,
    objection,
)


def said_of(
    tracks: Sequence[Track],
    states: Mapping[int, GenreState],
    known: Mapping[str, int],
    stages: Sequence[Stage],
    *,
    random_weights: bool,
) -> dict[int, Said]:
    """By track. `states`: what Plex has now, of those that it shows; `random_weights`: also what models for trials
    decided is written."""
    verdicts = _verdicts(tracks, {stage.model_version for stage in stages if stage.is_for_trials})
    decisions = _decisions(tracks, verdicts)
    learned = {genre for stage in stages for genre in stage.genres}
    objections = _objections(tracks, states, known, unlearned(learned))
    none_right = none_is_right(track.pk for track in tracks)
    said = {}
    for track in tracks:
        verdict, decision = verdicts.get(track.pk), decisions.get(track.pk)
        override = getattr(track, "override", None)
        genre = override.genre if override else None
        is_classified = track.analysis == Analysis.CLASSIFIED and verdict is not None and is_sure(verdict)
        trial = RANDOM_WEIGHTS if verdict and verdict.random_weights and not random_weights else ""
        undecided = UNDECIDED if is_classified and decision is None else ""
        by_a_person = _silenced(genre) or (NONE_IS_RIGHT if track.pk in none_right else "")
        said[track.pk] = Said(
            override=(genre.pk, genre.name) if genre and not genre.retired else None,
            decided=_decided(decision, verdict),
            classified=is_classified,
            objection=by_a_person or trial or objections.get(track.pk, "") or undecided,
            left_alone=bool(by_a_person),
            excluded=track.in_plex == InPlex.EXCLUDED,
            removed=track.removed_time is not None,
        )
    return said


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
    by_id = {track.pk: track for track in tracks}
    return {
        pk: objection(of_song, known, beyond) or _changed(by_id[pk], genres_of(of_song, known))
        for pk, of_song in tags.items()
    }


def _changed(track: Track, named: Sequence[int]) -> str:
    """What the song was decided with are the tags of its last sync."""
    decided_with = (track.tag_genre_id, *track.additional_tag_genres) if track.tag_genre_id else ()
    return "" if decided_with == tuple(named) else TAGS_CHANGED


def _silenced(genre: Genre | None) -> str:
    """A person's word for a genre that is retired silences the AI's, as it does in a training."""
    if genre is None or not genre.retired:
        return ""
    return f"A person has set “{genre}”, which is retired, so it is left alone: set another genre by hand."


def _verdicts(tracks: Sequence[Track], trial_heads: Collection[str]) -> dict[int, Prediction]:
    """What the AI says of these songs, by track. Marked as a trial's, unsaved."""
    # Looked up anew: a verdict may have changed since the songs were selected.
    current = Prediction.objects.filter(track__in=tracks, current=True)
    verdicts = {said.track_id: said for said in current.defer("stages", "sound")}
    for said in verdicts.values():
        # Of before there was the mark, the head that serves tells.
        said.random_weights |= said.model_version in trial_heads
    return verdicts


def _decisions(tracks: Sequence[Track], verdicts: Mapping[int, Prediction]) -> dict[int, Decision]:
    """The decisions of these songs that rest on their current verdicts, by track."""
    found = Decision.objects.filter(track__in=tracks).select_related("genre").defer("parts")
    return {
        decision.track_id: decision
        for decision in found
        if decision.track_id in verdicts and decision.prediction == verdicts[decision.track_id].pk
    }


def _decided(decision: Decision | None, verdict: Prediction | None) -> TargetGenre | None:
    """The AI's genre; none where it is retired, or nothing was known that the model in service can use."""
    if decision is None or decision.genre is None or decision.genre.retired:
        return None
    return TargetGenre(
        genre_id=decision.genre.pk,
        genre=decision.genre.name,
        source=AI,
        confidence=decision.confidence,
        confidence_mean=decision.confidence_mean,
        confidence_high=decision.confidence_high,
        tag_probability=decision.tag_probability,
        kind=None if decision.kind == Decision.Kind.NONE else WriteKind(decision.kind),
        random_weights=verdict.random_weights if verdict else False,
    )
