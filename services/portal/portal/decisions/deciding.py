"""Decides anew the songs of every artist of whom something has changed: what runs do before they use decisions."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from django.db import connection
from runtime.errors import RemoteError

from portal.decisions.evidence import (
    Outdated,
    SharedInputs,
    changed_artists,
    model_in_service,
    outdated,
    rests_on_something_else,
    shared_inputs,
)
from portal.decisions.judged import as_artists, judged_songs
from portal.decisions.storing import forget_decisions, store_decisions
from portal.preferences.current import preferences
from portal.preferences.values import Preferences
from portal.remote.decisions import NO_MODEL, ArtistEvidence, DecisionsClient
from portal.verdicts.models import Decision
from portal.verdicts.predictions import genres_by_name

# Songs that are asked for in a call and stored together: few enough to be held in memory, and to be decided again after
# a crash. A call costs what it takes to read all that people have said of songs.
SONGS_AT_ONCE = 10_000
# Any number that nothing else of ours locks: two that decide at once would ask for the same.
LOCK = 0x6465636964
STEP = "Deciding from sound, albums, artists and tags"
Report = Callable[[str, float], None]


def anything_outdated() -> bool:
    """Whether `decide_outdated` would have anything to do."""
    found = outdated(shared_inputs(preferences()))
    return bool(found.songs or found.gone)


def inputs_changed() -> SharedInputs | None:
    """What decisions are to rest on now, where any rests on something else: other judgements, sources, names of genres,
    or another model. Told in a blink, also of 100,000 songs; what has changed of single songs is not looked at."""
    now = shared_inputs(preferences())
    return now if rests_on_something_else(now) else None


def decide_outdated(decisions: DecisionsClient, report: Report, *, judged_counts: bool = True) -> int:
    """Decide the songs of every artist of whom something has changed since; how many songs were decided.

    1. Where nothing has changed nobody is asked: a batch can be applied while inference is away.
    2. What is stored is stored as it comes. Broken off, the rest is still out of date, and is decided the next time.
    3. Without a trained model nothing is decided, which is no failure: people's own genres can be written.
    4. Unless `judged_counts`, what people have judged since is no reason.
    """
    with _alone():
        settings = preferences()
        now = shared_inputs(settings, judged_counts=judged_counts)
        found = outdated(now)
        done = 0
        try:
            if found.songs:
                done = _decide(decisions, settings, now, found, report)
        except RemoteError as error:
            if error.reason != NO_MODEL:
                raise
            Decision.objects.all().delete()
        forget_decisions(found.gone)
    return done


def _decide(
    client: DecisionsClient, settings: Preferences, now: SharedInputs, found: Outdated, report: Report
) -> int:
    genres, model, done = genres_by_name(), model_in_service(), 0
    judged = as_artists(judged_songs())
    report(STEP, 0.0)
    # By this thread: gRPC would read a database in one of its own, whose connection nobody else could close.
    with closing(changed_artists(now)) as artists:
        while portion := _portion(artists):
            decided = list(client.decide(portion, settings, model=model, judged=judged))
            store_decisions(decided, genres=genres, model=model, inputs=now)
            done += len(decided)
            report(STEP, min(done / found.songs, 1.0))
    return done


def _portion(artists: Iterator[ArtistEvidence]) -> list[ArtistEvidence]:
    portion: list[ArtistEvidence] = []
    songs = 0
    while songs < SONGS_AT_ONCE and (artist := next(artists, None)):
        portion.append(artist)
        songs += artist.song_count
    return portion


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        # A connection that is broken, or was opened anew, holds nothing any more.
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
