"""Songs that are classified, and batches of edits to them, as tests of the ledger need them."""

from portal.genres.models import Genre
from portal.labels.tags import relabel
from portal.ledger.models import WriteBatch
from portal.library.models import Analysis, Track
from portal.orchestration.start import (
    start_plan,
    start_push,
    start_sync,
)
from portal.runs.models import Run
from portal.verdicts.models import Override, Prediction
from portal.verdicts.overrides import set_override
from songs import add_prediction

SONGS = 12
KEYS = range(1001, 1001 + SONGS)


def classified(portal, genre="Jazz", confidence=0.9):
    """Songs as a sync, an extract and a classify run leave them."""
    portal.finish(start_sync(["Music"]))
    songs = Track.objects.exclude(file="")
    songs.update(analysis=Analysis.CLASSIFIED)
    classify_all(songs, genre, "genre_test/1", confidence)


def classify_all(songs, genre, version, confidence=0.9):
    Prediction.objects.update(current=False)
    for song in songs:
        add_prediction(song, Genre.objects.get(name=genre), confidence, model_version=version)


def planned(portal, min_confidence=0.7, track_ids=None) -> WriteBatch:
    run = portal.finish(start_plan(track_ids, min_confidence=min_confidence))
    assert run.state == Run.State.DONE
    return run.batch


def in_plex(portal):
    return {key: portal.plex.state(key) for key in KEYS}


def row_states(batch):
    return set(batch.rows.values_list("state", flat=True))


def set_by_hand(song, genre="Folk"):
    set_override([song.pk], Genre.objects.get(name=genre), note="", user=None)


def unknown_tags(portal):
    """Songs whose tags nobody knows, one of them beside a known one, and one that a person has decided."""
    for key, genres in ((1001, ["Classical"]), (1002, ["Disco", "Classical"]), (1003, ["Classical", "Rock"])):
        portal.plex.ask("PUT", f"tracks/{key}/genres", {"genres": genres, "locked": False})
    portal.plex.ask("PUT", "tracks/1004/genres", {"genres": ["Classical"], "locked": False})
    classified(portal)
    song = Track.objects.get(rating_key="1004")
    Override.objects.create(track=song, genre=Genre.objects.get(name="Folk"))


def tag(song):
    """What the song's tags claim, read anew from what is stored."""
    relabel()
    song.refresh_from_db()
    return song.tag_genre.name if song.tag_genre else None


def written_over(portal) -> tuple[WriteBatch, WriteBatch]:
    """Two batches that wrote the same songs, one over the other."""
    classified(portal)
    first = planned(portal)
    portal.finish(start_push(first))
    classify_all(Track.objects.exclude(file=""), "Folk", "genre_test/2")
    second = planned(portal)
    portal.finish(start_push(second))
    assert in_plex(portal)[1001] == (["Folk"], True)
    return first, second


def standing() -> set[str]:
    return set(Track.objects.exclude(file="").values_list("in_plex", flat=True))
