"""The page on which a person judges songs: one at a time, heard, and blind to what tags and model say."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from runtime.errors import RemoteError

from portal.counting import counted
from portal.decisions.album import album_mates
from portal.decisions.deciding import inputs_changed
from portal.decisions.judge import NotAskedError, judge
from portal.decisions.judged import MIDDLE_FROM, contradictions_judged
from portal.decisions.queue import (
    AGREEMENT,
    Question,
    is_anything_classified,
    is_contradiction_left,
    next_question,
)
from portal.decisions.reading import ENOUGH, current_reading, half_width, judgements_to_go
from portal.genres.models import Genre
from portal.library.models import InPlex, Track
from portal.library.presence import present
from portal.pages.genre_field import GenreField
from portal.pages.songs.audio import player
from portal.preferences.current import preferences
from portal.remote.decisions import decisions_at_hand
from portal.verdicts.judgements import as_said, judged_together, judgement_count
from portal.verdicts.models import Decision, Judgement, Prediction, Reading
from portal.verdicts.overrides import clear_override
from portal.writing.candidates import is_classified

SKIPPED = "judge_skipped"
LATEST = "judge_latest"
"""The song that was judged last in this session."""
MOST_SKIPPED = 500
"""Of one session; who skips more is asked about the first of them again."""
LATEST_READINGS = 30
_NO_SONG = "Which song was meant was not to be seen: nothing was changed."
_NO_GENRE = "That genre is not in use: nothing was changed."
_NONE_LEFT = (
    "No song is left whose tag contradicts the model, of an artist who was not asked about yet: more judgements would "
    "not make this narrower. New songs would, or a model that is trained anew."
)
_NOTHING_KNOWN = (
    "Nobody knows yet how many of the tags that contradict the model where it is sure are wrong: "
    "it cannot tell by itself."
)


class JudgeForm(forms.Form):
    """What the buttons send."""

    track = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    genre = GenreField(required=False)
    another = GenreField(required=False)
    whole_album = forms.BooleanField(required=False)


def act(request: HttpRequest) -> None:
    """Do what the pressed button says of the song that it was pressed for."""
    if "back" in request.POST:
        _take_back(request)
        return
    form = JudgeForm(request.POST)
    if not form.is_valid():
        messages.error(request, _NO_SONG if "track" in form.errors else _NO_GENRE)
        return
    track_id, chosen = form.cleaned_data["track"], form.cleaned_data["genre"]
    whole_album = form.cleaned_data["whole_album"]
    if "skip" in request.POST:
        request.session[SKIPPED] = [*_skipped(request), track_id][-MOST_SKIPPED:]
    elif "none" in request.POST:
        _judge(request, track_id, None, whole_album=whole_album)
    elif chosen or form.cleaned_data["another"]:
        _judge(request, track_id, chosen or form.cleaned_data["another"], whole_album=whole_album)
    else:
        messages.error(request, "Choose a genre from the list first: nothing was changed.")


def context(request: HttpRequest) -> dict[str, Any]:
    """What the page shows: the next song, and what is known so far."""
    question = next_question(_skipped(request), asker=str(request.user.pk))
    track = Track.objects.filter(pk=question.track_id).first() if question else None
    return {
        "title": "Judge songs",
        "track": track,
        "player": player(track, from_middle=True) if track else None,
        "choices": _choices(question) if question else (),
        "form": JudgeForm(auto_id=False),
        "album_songs": _album_songs(track) if track else 0,
        "judgements": judgement_count(),
        "judged_songs": Judgement.objects.count(),
        "latest": _latest_judgement(request),
        "is_all_asked": question is None and is_anything_classified(),
        "skipped": len(_skipped(request)),
        "buys": _buys(),
        "is_decided_anew_soon": inputs_changed() is not None,
        **_reading(),
    }


def _judge(request: HttpRequest, track_id: int, genre: Genre | None, *, whole_album: bool) -> None:
    try:
        said = judge(track_id, genre, by=request.user, whole_album=whole_album)
    except NotAskedError as error:
        messages.warning(request, str(error))
        return
    request.session[LATEST] = track_id
    others = len(judged_together([track_id]) - {track_id})
    messages.success(
        request,
        format_html(
            '“{}”{} {} {}. <a class="rc-link" href="{}">Its page</a> has what you said.',
            said.track.name,
            f" and {counted(others, 'other song')} of its album" if others else "",
            "are" if others else "is",
            genre or "of none of these genres",
            f"../{said.track.pk}/change/",
        ),
    )


def _take_back(request: HttpRequest) -> None:
    """What was judged last, with the songs that it was said of too."""
    latest = _latest_judgement(request)
    if latest is None or str(latest.track_id) != request.POST["back"]:
        stands = f" Your last judgement, of “{latest.track.name}”, stands." if latest else ""
        messages.warning(
            request, f"That was taken back already, or something else has been said since.{stands}"
        )
        return
    songs = judged_together([latest.track_id]) | {latest.track_id}
    clear_override([latest.track_id])
    del request.session[LATEST]
    messages.success(request, f"What you said of {counted(len(songs), 'song')} is taken back.")


def _latest_judgement(request: HttpRequest) -> Judgement | None:
    """Of this session, where it stands as it was said."""
    by = request.user.pk
    return as_said().filter(track=request.session.get(LATEST), by=by).select_related("track").first()


def _album_songs(track: Track) -> int:
    """What a word on the whole album holds for, the song included; 0 where it holds for the song alone."""
    mates = album_mates(track).count()
    return mates + 1 if mates else 0


def _skipped(request: HttpRequest) -> list[int]:
    found: list[int] = request.session.get(SKIPPED, [])
    return found


def _choices(question: Question) -> Sequence[Genre]:
    """Two genres, in an order that says nothing of whose word each is, and that stays when the page is loaded again."""
    ids = [question.tag_genre, question.sound_genre]
    genres = {genre.pk: genre for genre in Genre.objects.filter(pk__in=ids)}
    found = [genres[pk] for pk in dict.fromkeys(ids) if pk in genres]
    if question.stratum == AGREEMENT:
        found = [found[0], *_second(question, found[0])]
    digest = hashlib.md5(str(question.track_id).encode(), usedforsecurity=False).digest()
    return found if digest[0] % 2 else found[::-1]


def _second(question: Question, first: Genre) -> Sequence[Genre]:
    """What the model took for the next likely: with one button alone, everybody would know that both agree."""
    said = Prediction.objects.filter(track=question.track_id, current=True).first()
    tops = [stage[4] for stage in said.stages if stage[0] == said.deciding_stage] if said else []
    names = [name for top in tops for name in top[::2] if name.casefold() != first.name.casefold()]
    genres = {genre.name.casefold(): genre for genre in Genre.objects.filter(retired=False)}
    return [genres[name.casefold()] for name in names if name.casefold() in genres][:1]


def _reading() -> dict[str, Any]:
    try:
        with decisions_at_hand() as decisions:
            reading = current_reading(decisions)
    except RemoteError as error:
        return {"trouble": error.message}
    history = list(Reading.objects.filter(model=reading.model, judgements__lte=reading.judgements))
    latest = _latest([*history, reading])
    before = latest[-2] if len(latest) > 1 else None
    return {
        "reading": reading,
        "sentence": sentence(reading),
        "to_go": _to_go(reading),
        "contradictions": contradictions_judged(),
        "middle_from": MIDDLE_FROM,
        "before": before and ends(before),
        "now": ends(reading),
        "bars": [_bar(each) for each in latest],
    }


def _latest(history: Sequence[Reading]) -> Sequence[Reading]:
    """The last of each number of judgements, fewest first: who took judgements back has passed some numbers twice."""
    by_count = {each.judgements: each for each in history}
    return [by_count[count] for count in sorted(by_count)][-LATEST_READINGS:]


def ends(reading: Reading) -> str:
    """Of the interval, in percent."""
    return f"{100 * reading.wrong_share_low:.0f} to {100 * reading.wrong_share_high:.0f} %"


def sentence(reading: Reading) -> str:
    """What is known, for a person."""
    if not reading.judgements:
        return _NOTHING_KNOWN
    low, high = 100 * reading.wrong_share_low, 100 * reading.wrong_share_high
    return (
        f"Of 100 tags that contradict the model where it is sure, between {low:.0f} and {high:.0f} are wrong."
    )


def _to_go(reading: Reading) -> str:
    more = judgements_to_go(reading)
    if more and not is_contradiction_left():
        return _NONE_LEFT
    if reading.judgements < ENOUGH:
        return f"{counted(more, 'more judgement')} give a first interval that is worth something."
    if not more:
        return "That is known to within 5 points: nobody needs to judge on."
    return f"About {counted(more, 'more judgement')} and you know it to within 5 points."


def _buys() -> str:
    """What is to be gained, by the decisions that were made last; empty where none would gain."""
    settings = preferences()
    if not settings.write_corrections:
        return ""
    least = settings.write_confidence
    found = _correctable().aggregate(
        now=Count("pk", filter=Q(decision__confidence__gte=least)),
        narrow=Count("pk", filter=Q(decision__confidence_mean__gte=least)),
    )
    if found["narrow"] <= found["now"]:
        return ""
    return (
        f"When songs were decided last, {counted(found['now'], 'correction')} could be written; with an interval so "
        f"narrow that it is a point in the middle, {found['narrow']:,}."
    )


def _correctable() -> QuerySet[Track]:
    """Songs whose tags a plan could correct, and of which nobody has said anything, were the decision sure enough."""
    return Track.objects.filter(
        present(),
        is_classified(),
        predictions__random_weights=False,
        decision__prediction=F("predictions__pk"),
        decision__kind=Decision.Kind.CORRECTION,
        decision__genre__isnull=False,
        override__track__isnull=True,
        judgement__track__isnull=True,
    ).exclude(in_plex__in=(InPlex.WRITTEN, InPlex.EXCLUDED))


def _bar(reading: Reading) -> dict[str, Any]:
    width = 200 * half_width(reading)
    return {
        "judgements": reading.judgements,
        "left": f"{100 * reading.wrong_share_low:.1f}",
        "width": f"{width:.1f}",
        "ends": ends(reading),
    }
