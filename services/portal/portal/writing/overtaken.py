"""Whether the word that a planned row carries out still holds: people and models may have said another one since."""

from collections.abc import Collection, Mapping, Sequence

from portal.genres.models import Genre
from portal.ledger.models import WriteRow
from portal.library.models import Analysis
from portal.library.presence import unchosen_libraries
from portal.verdicts.models import Override, Prediction
from portal.writing.policy import PERSON, UNLIKE_THE_TRAINING

_NOT_WRITTEN = "it was not written. Make another dry run."
_NOT_CHOSEN = (
    "Its library is not among those that the setting plex_libraries names any more: it was not written. Choose it "
    "again, and make another dry run."
)


def overtaken(rows: Sequence[WriteRow]) -> dict[int, str]:
    """The rows, by id, that say something else than would be planned now, with the reason. `rows` have their tracks.

    1. A song of a library that is not chosen any more is left alone.
    2. A genre that is retired, renamed or gone is not written.
    3. A person's word that is another one now, or was taken back, is not written; nor is the AI's against it.
    4. The AI's word is not written where it has classified the song anew, and says another genre or is not sure enough
       any more; nor where nothing is said of the song at present.
    """
    tracks = [row.track_id for row in rows]
    in_use = {name.casefold() for name in Genre.objects.filter(retired=False).values_list("name", flat=True)}
    by_hand = dict(Override.objects.filter(track__in=tracks).values_list("track_id", "genre__name"))
    current = Prediction.objects.filter(track__in=tracks, current=True).select_related("genre")
    said = {each.track_id: each for each in current.defer("stages")}
    reasons = {row.pk: _reason(row, in_use, by_hand.get(row.track_id, ""), said) for row in rows}
    unchosen = unchosen_libraries()
    reasons |= {row.pk: _NOT_CHOSEN for row in rows if row.track.library_id in unchosen}
    return {pk: reason for pk, reason in reasons.items() if reason}


def is_sure(verdict: Prediction) -> bool:
    """Whether it may be written, by what the vote came to.

    Of what was said out of fold before outcomes were kept, nobody knows whether the song is like the training.
    """
    return verdict.outcome == Analysis.CLASSIFIED or (verdict.outcome == "" and not verdict.out_of_fold)


def _reason(row: WriteRow, in_use: Collection[str], by_hand: str, said: Mapping[int, Prediction]) -> str:
    genre = "".join(row.after_genres[:1])
    if genre.casefold() not in in_use:
        return f"“{genre}” was retired or renamed since the dry run: {_NOT_WRITTEN}"
    if by_hand:
        same = by_hand.casefold() == genre.casefold()
        return "" if same else f"“{by_hand}” was set by hand since the dry run: {_NOT_WRITTEN}"
    if row.source == PERSON:
        return f"The genre set by hand was taken back since the dry run: {_NOT_WRITTEN}"
    if row.track.analysis == Analysis.OUT_OF_DISTRIBUTION:
        return UNLIKE_THE_TRAINING
    verdict = said.get(row.track_id)
    if verdict is None:
        return f"What was said of it was of another recording, or is gone since the dry run: {_NOT_WRITTEN}"
    if verdict.genre.name.casefold() != genre.casefold():
        return f"It was classified anew since the dry run, as {verdict.genre}: {_NOT_WRITTEN}"
    sure = row.track.analysis == Analysis.CLASSIFIED and is_sure(verdict)
    if not sure or verdict.confidence < row.batch.min_confidence:
        return f"Its verdict is not sure enough any more since the dry run: {_NOT_WRITTEN}"
    return ""
