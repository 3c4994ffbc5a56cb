"""Whether the word that a planned row carries out still holds: people and models may have said another one since."""

from collections.abc import Collection, Mapping, Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Upper

from portal.counting import counted
from portal.genres.models import Genre, spellings
from portal.ledger.kinds import WriteKind
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import Analysis, InPlex
from portal.library.presence import unchosen_libraries
from portal.preferences.current import preferences
from portal.verdicts.judgements import judgement_count, none_is_right
from portal.verdicts.models import Decision, Judgement, Override, Prediction
from portal.writing.candidates import kinds_written
from portal.writing.policy import (
    AI,
    NONE_IS_RIGHT,
    PERSON,
    TAGS,
    UNLIKE_THE_TRAINING,
    WritingRules,
    translated,
)

_NOT_WRITTEN = "it was not written. Make another dry run."
_SET_BY_HAND = f"“{{genre}}” was set by hand since the dry run: {_NOT_WRITTEN}"
_NOT_CHOSEN = (
    "Its library is not among those that the setting plex_libraries names any more: it was not written. Choose it "
    "again, and make another dry run."
)


def overtaken(rows: Sequence[WriteRow]) -> dict[int, str]:
    """The rows, by id, that say something else than would be planned now, with the reason. `rows` have their tracks.

    1. A song of a library that is not chosen any more is left alone.
    2. A genre that is retired, renamed or gone is not written.
    3. A person's word that is another one now, or was taken back, is not written; nor is the AI's against it, nor a
       translation. It may be that the song is of none of our genres.
    4. The AI's word is not written where the song was decided anew, as another genre or not surely enough; nor where
       nothing is said of it at present.
    5. A translation is not written where its tags stand for something else by now.
    6. A kind of write that is switched off by now is not made, unless it is a person's word as well.
    """
    tracks = [row.track_id for row in rows]
    in_use = {name.casefold() for name in Genre.objects.filter(retired=False).values_list("name", flat=True)}
    by_hand = dict(Override.objects.filter(track__in=tracks).values_list("track_id", "genre__name"))
    decisions = _decisions(tracks)
    reasons = {
        row.pk: _reason(row, in_use, by_hand.get(row.track_id, ""), decisions)
        for row in rows
        if row.source != TAGS
    }
    reasons |= _translations(rows, by_hand)
    judged = none_is_right(row.track_id for row in rows if row.source != PERSON)
    reasons |= {row.pk: NONE_IS_RIGHT for row in rows if row.source != PERSON and row.track_id in judged}
    reasons |= _switched_off(rows, by_hand)
    unchosen = unchosen_libraries()
    reasons |= {row.pk: _NOT_CHOSEN for row in rows if row.track.library_id in unchosen}
    return {pk: reason for pk, reason in reasons.items() if reason}


def older_than_judgements(batch: WriteBatch) -> str:
    """What to say of a plan that people have judged songs since; empty where nobody has, or it is a plan no more."""
    if batch.state != WriteBatch.State.PLANNED:
        return ""
    since = judgement_count(Judgement.objects.filter(created_time__gt=batch.created_time))
    if not since:
        return ""
    is_older = counted(
        since, "judgement", verb=("was given since this dry run", "were given since this dry run")
    )
    return (
        f"{is_older}: what it shows does not rest on them, and is what is written, but for songs that are decided anew "
        "meanwhile, as another genre or with less confidence than the batch asks for, or that a person has said "
        "something else of. Make another dry run to have all decided by them."
    )


def rows_spoken_against(batch: WriteBatch) -> QuerySet[WriteRow]:
    """The rows still to be written against which a person has said something since the dry run, or that are excluded.

    Asked of the database, for a batch may have 100,000 rows; the other reasons are found as it is applied.
    """
    of_song = Override.objects.filter(track=OuterRef("track")).annotate(name=Upper("genre__name"))
    same = Exists(of_song.filter(name=Upper(OuterRef("after_genres__0")), genre__retired=False))
    none = Exists(Judgement.objects.filter(track=OuterRef("track"), genres=[]))
    taken_back = Q(source=PERSON) & ~same
    against = Q(source=AI) & Exists(of_song) & ~same | ~Q(source=PERSON) & none
    waiting = batch.rows.filter(state=WriteRow.State.PLANNED)
    return waiting.filter(Q(track__in_plex=InPlex.EXCLUDED) | taken_back | against)


def spoken_against(batch: WriteBatch) -> str:
    """What to say of these; empty where there are none, or the batch is not to be applied."""
    is_to_do = batch.state in (WriteBatch.State.PLANNED, WriteBatch.State.APPLYING)
    songs = rows_spoken_against(batch).count() if is_to_do else 0
    if not songs:
        return ""
    left = counted(songs, "song", verb=("is", "are"))
    return (
        f"{left} left alone: since this dry run a person has set another genre, taken the genre back, said that none "
        "is right, or excluded the song."
    )


def is_sure(verdict: Prediction) -> bool:
    """Whether it may be written, by what the vote came to.

    Of what was said out of fold before outcomes were kept, nobody knows whether the song is like the training.
    """
    return verdict.outcome == Analysis.CLASSIFIED or (verdict.outcome == "" and not verdict.out_of_fold)


def _decisions(track_ids: Sequence[int]) -> dict[int, tuple[Prediction, Decision | None]]:
    """What is said of these songs at present, and what was decided from it."""
    current = Prediction.objects.filter(track__in=track_ids, current=True).defer("stages", "sound")
    decided = Decision.objects.filter(track__in=track_ids).select_related("genre").defer("parts")
    by_prediction = {each.prediction: each for each in decided}
    return {each.track_id: (each, by_prediction.get(each.pk)) for each in current}


def _reason(
    row: WriteRow,
    in_use: Collection[str],
    by_hand: str,
    decisions: Mapping[int, tuple[Prediction, Decision | None]],
) -> str:
    genre = "".join(row.after_genres[:1])
    if genre.casefold() not in in_use:
        return f"“{genre}” was retired or renamed since the dry run: {_NOT_WRITTEN}"
    if by_hand:
        same = by_hand.casefold() == genre.casefold()
        return "" if same else _SET_BY_HAND.format(genre=by_hand)
    if row.source == PERSON:
        return f"The genre set by hand was taken back since the dry run: {_NOT_WRITTEN}"
    if row.track.analysis == Analysis.OUT_OF_DISTRIBUTION:
        return UNLIKE_THE_TRAINING
    if row.track_id not in decisions:
        return f"What was said of it was of another recording, or is gone since the dry run: {_NOT_WRITTEN}"
    return _reason_of_decision(row, genre, *decisions[row.track_id])


def _reason_of_decision(row: WriteRow, genre: str, verdict: Prediction, decision: Decision | None) -> str:
    too_low = f"Its verdict is not sure enough any more since the dry run: {_NOT_WRITTEN}"
    if row.track.analysis != Analysis.CLASSIFIED or not is_sure(verdict):
        return too_low
    if decision is None or decision.genre is None:
        return f"It was classified anew since the dry run, and is not decided yet: {_NOT_WRITTEN}"
    if decision.genre.name.casefold() != genre.casefold():
        return f"It was decided anew since the dry run, as {decision.genre}: {_NOT_WRITTEN}"
    return "" if decision.confidence >= row.batch.min_confidence else too_low


def _switched_off(rows: Sequence[WriteRow], by_hand: Collection[int]) -> dict[int, str]:
    """Those of a kind that is not written any more. What a person has set is written all the same; a translation is
    not what they have set, even where its tags say so too."""
    written = kinds_written(preferences())
    return {
        row.pk: f"{row.kind.capitalize()}s are switched off since the dry run (write_{row.kind}s): {_NOT_WRITTEN}"
        for row in rows
        if WriteKind(row.kind) not in written and (row.source == TAGS or row.track_id not in by_hand)
    }


def _translations(rows: Sequence[WriteRow], by_hand: Mapping[int, str]) -> dict[int, str]:
    """Of the translations, those whose tags would be written in another way now, or that a person contradicts."""
    translations = [row for row in rows if row.source == TAGS]
    if not translations:
        return {}
    names = dict(Genre.objects.filter(retired=False).values_list("pk", "name"))
    rules = WritingRules(genres_by_spelling=spellings(), names=names, kinds=(WriteKind.TRANSLATION,))
    other = f"What its tags stand for, or how that is spelled, has changed since the dry run: {_NOT_WRITTEN}"
    reasons = {
        row.pk: other
        for row in translations
        if translated(row.before_genres, rules) != tuple(row.after_genres)
    }
    for row in translations:
        said = by_hand.get(row.track_id, "")
        if said and said.casefold() not in {genre.casefold() for genre in row.after_genres}:
            reasons[row.pk] = _SET_BY_HAND.format(genre=said)
    return reasons
