"""How many songs are in which state, for the dashboard."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from portal.first_guess.reading import FirstGuesses
from portal.genres.models import Genre
from portal.library.annotations import FIELDS, with_prediction
from portal.library.flags import Flag
from portal.library.models import Track
from portal.library.presence import present
from portal.pages import badges

FLAG_QUERIES: Mapping[Flag, str] = {
    Flag.STALE: "stale=yes",
    Flag.REMOVED: "presence=gone",
    Flag.RANDOM_WEIGHTS: "weights=random",
    Flag.NOT_CHOSEN: "presence=unchosen",
}
"""Of the list of songs, for the songs with each flag."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of a bar chart that leads to a list."""

    badge: badges.Badge | None = None
    name: str = ""
    count: int
    percent: float
    """Of the whole, or of the longest bar."""
    query: str
    """Of the list of songs that the bar leads to."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the dashboard counts. Songs that Plex no longer has, or in a library that is not chosen, stand apart."""

    songs: int
    tagged: int
    """Songs whose tags name a genre."""
    overridden: int
    suspected_label_errors: int
    """Songs whose tag looks wrong."""
    by_analysis: Mapping[str, int]
    by_in_plex: Mapping[str, int]
    by_agreement: Mapping[str, int]
    by_genre: Mapping[str, int]
    """By the name of the AI's genre, the most frequent first."""
    gone: int
    not_chosen: int
    """Songs in libraries that are not chosen."""
    stale: int
    """Songs whose verdict is an older model's."""
    random_weights: int
    """Songs whose verdict is a trial's."""


def count_songs(serving: Collection[str] = ()) -> Counts:
    """Count the songs of all libraries; `serving` are the model versions in service."""
    states, away = _states()
    said, stale = _said(serving)
    counted = sorted((-said["ai_genre_id"][pk], name) for pk, name in Genre.objects.values_list("pk", "name"))
    return Counts(
        songs=sum(states["analysis"].values()),
        tagged=states["tagged"][True],
        overridden=states["overridden"][True],
        suspected_label_errors=said["suspected_label_error"][True],
        by_analysis=dict(states["analysis"]),
        by_in_plex=dict(states["in_plex"]),
        by_agreement=dict(said["agreement"]),
        by_genre={name: -count for count, name in counted},
        gone=away["gone"],
        not_chosen=away["not_chosen"],
        stale=stale,
        random_weights=said["ai_random_weights"][True],
    )


# Two looks at 100,000 songs in place of one for each number. One for all is slower: PostgreSQL expects so many groups
# then that it sorts the songs on disk.
def _states() -> tuple[dict[str, Counter[Any]], Counter[str]]:
    """Songs that are there by what is known of themselves, and how many are gone, or left alone for their library."""
    asked = {
        "gone": Q(removed_time__isnull=False),
        "not_chosen": ~present(),
        "tagged": Q(tag_genre__isnull=False),
        "overridden": Q(override__isnull=False),
    }
    found: dict[str, Counter[Any]] = defaultdict(Counter)
    away = Counter[str]()
    for row in _groups(Track.objects.annotate(**asked), "analysis", "in_plex", *asked):
        if row["gone"] or row["not_chosen"]:
            away["gone" if row["gone"] else "not_chosen"] += row["songs"]
            continue
        for name in ("analysis", "in_plex", "tagged", "overridden"):
            found[name][row[name]] += row["songs"]
    return found, away


def _said(serving: Collection[str]) -> tuple[dict[str, Counter[Any]], int]:
    """Songs that are there by what the AI says of them, and how many of these verdicts are an older model's."""
    names = ("ai_genre_id", "ai_model", "ai_random_weights", "suspected_label_error")
    tracks = with_prediction(Track.objects.filter(present())).annotate(
        **{name: FIELDS[name] for name in names}
    )
    found: dict[str, Counter[Any]] = defaultdict(Counter)
    stale = 0
    for row in _groups(tracks.annotate(agreement=FIELDS["agreement"]), *names, "agreement"):
        for name in ("ai_genre_id", "ai_random_weights", "suspected_label_error", "agreement"):
            found[name][row[name]] += row["songs"]
        if serving and row["ai_model"] and row["ai_model"] not in serving:
            stale += row["songs"]
    return found, stale


def _groups(tracks: QuerySet[Any], *names: str) -> QuerySet[Any, dict[str, Any]]:
    found: QuerySet[Any, dict[str, Any]] = tracks.order_by().values(*names).annotate(songs=Count("pk"))
    return found


def bars(counts: Counts) -> dict[str, list[Bar]]:
    """Every chart of the dashboard, by its name there."""
    return {
        "analysis_bars": _states_bars(counts, counts.by_analysis, badges.ANALYSIS, "analysis__exact"),
        "agreement_bars": _states_bars(counts, counts.by_agreement, badges.AGREEMENT, "agreement"),
        "in_plex_bars": _states_bars(counts, counts.by_in_plex, badges.IN_PLEX, "in_plex__exact"),
        "flag_bars": _flag_bars(counts),
        "genre_bars": _genre_bars(counts),
    }


def guess_bars(guesses: FirstGuesses) -> list[Bar]:
    """Songs by their first guess; the longest bar is that of the most frequent genre."""
    longest = max((each.songs for each in guesses.genres), default=1)
    return [
        Bar(
            name=each.name,
            count=each.songs,
            percent=100 * each.songs / longest,
            query=f"first_guess={each.pk}",
        )
        for each in guesses.genres
    ]


def _states_bars(
    counts: Counts, by_state: Mapping[str, int], looks: Mapping[str, badges.Badge], parameter: str
) -> list[Bar]:
    """Songs by a state, in the order of its badges."""
    return [
        Bar(
            badge=badge,
            count=by_state[state],
            percent=100 * by_state[state] / (counts.songs or 1),
            query=f"{parameter}={state}",
        )
        for state, badge in looks.items()
        if by_state.get(state)
    ]


def _flag_bars(counts: Counts) -> list[Bar]:
    """Songs by what is true of them in addition to their states."""
    numbers = {
        Flag.STALE: counts.stale,
        Flag.REMOVED: counts.gone,
        Flag.RANDOM_WEIGHTS: counts.random_weights,
        Flag.NOT_CHOSEN: counts.not_chosen,
    }
    return [
        Bar(
            badge=badges.FLAGS[flag],
            count=count,
            percent=100 * count / (counts.songs + counts.gone + counts.not_chosen or 1),
            query=FLAG_QUERIES[flag],
        )
        for flag, count in numbers.items()
        if count
    ]


def _genre_bars(counts: Counts) -> list[Bar]:
    """Songs by the AI's genre; the longest bar is that of the most frequent one."""
    longest = max(counts.by_genre.values(), default=0) or 1
    ids = dict(Genre.objects.values_list("name", "pk"))
    return [
        Bar(name=name, count=count, percent=100 * count / longest, query=f"genre={ids[name]}")
        for name, count in counts.by_genre.items()
        if count
    ]
