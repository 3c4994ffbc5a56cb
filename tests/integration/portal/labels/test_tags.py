"""The labels that tags give: what our own ledger wrote is never one."""

from portal.genres.models import Alias, Genre
from portal.labels.tags import relabel
from portal.ledger.models import WriteRow
from portal.library.models import Track
from portal.orchestration import engine
from portal.orchestration.start import (
    start_push,
    start_rollback,
    start_sync,
)
from portal.remote.plex import GenreState
from write_batches import classified, classify_all, in_plex, planned, row_states, tag


def test_genres_that_we_wrote_are_never_labels_and_those_before_us_are(portal):
    classified(portal)
    portal.finish(start_push(planned(portal)))
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    portal.finish(start_push(planned(portal)))
    portal.finish(start_sync(["Music"], full=True))
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Blues"]
    assert song.tag_genre.name == "Pop_Rock"
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Reggae"], "locked": True})
    portal.finish(start_sync(["Music"]))
    song.refresh_from_db()
    assert song.tag_genre.name == "Reggae"


def test_new_aliases_change_the_labels_of_songs(portal):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Schlagerchen"], "locked": True})
    portal.finish(start_sync(["Music"]))
    assert Track.objects.get(rating_key="1001").tag_genre is None
    Alias.objects.create(spelling="Schlagerchen", genre=Genre.objects.get(name="Vocal"))
    assert relabel() == 1
    assert Track.objects.get(rating_key="1001").tag_genre.name == "Vocal"


def test_an_edit_that_plex_ignored_did_nothing_so_the_same_genre_of_a_persons_is_a_label(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.behave(ignores_edits=True)
    portal.finish(start_push(batch))
    portal.plex.behave(ignores_edits=False)
    assert row_states(batch) == {WriteRow.State.FAILED}
    assert not batch.rows.exclude(attempted_time=None).exists()
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Jazz"


def test_a_conflict_at_the_first_attempt_did_nothing(portal):
    classified(portal)
    batch = planned(portal)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Mine"], "locked": True})
    portal.finish(start_push(batch))
    assert batch.rows.get(rating_key="1001").attempted_time is None
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Jazz"


def begun(portal, batch, key):
    """A push that died after the edit of one song, before it could note that."""
    row = batch.rows.get(rating_key=key)
    WriteRow.objects.filter(pk=row.pk).update(attempted_time=batch.created_time)
    was, wanted = GenreState(genres=tuple(row.before_genres)), GenreState(genres=("Jazz",), locked=True)
    portal.services.sync.write_genres(key, wanted, expected=was, meant=row.track)


def test_an_edit_that_a_crash_has_hidden_is_no_label_and_is_rolled_back_with_its_batch(portal):
    classified(portal)
    before = in_plex(portal)
    batch = planned(portal)
    run = start_push(batch)
    begun(portal, batch, "1001")
    engine.fail(run.pk, "The end of the world.")
    portal.finish(start_sync(["Music"], full=True))
    song = Track.objects.get(rating_key="1001")
    assert song.plex_genres == ["Jazz"]
    assert tag(song) == "Pop_Rock"
    portal.finish(start_rollback(batch))
    assert in_plex(portal) == before
    assert batch.rows.get(rating_key="1001").state == WriteRow.State.ROLLED_BACK


def test_a_rollback_finds_out_that_a_hidden_edit_was_never_made(portal):
    classified(portal)
    batch = planned(portal)
    run = start_push(batch)
    batch.rows.filter(rating_key="1001").update(attempted_time=batch.created_time)
    engine.fail(run.pk, "The end of the world.")
    edits = len(portal.plex.edits())
    portal.finish(start_rollback(batch))
    assert len(portal.plex.edits()) == edits
    row = batch.rows.get(rating_key="1001")
    assert (row.state, row.attempted_time) == (WriteRow.State.PLANNED, None)
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Jazz"


def test_what_an_older_batch_wrote_is_no_label_when_plex_is_put_back_to_it(portal):
    classified(portal)
    portal.finish(start_push(planned(portal)))
    classify_all(Track.objects.exclude(file=""), "Blues", "genre_test/2")
    portal.finish(start_push(planned(portal)))
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz"], "locked": True})
    portal.finish(start_sync(["Music"], full=True))
    assert tag(Track.objects.get(rating_key="1001")) == "Pop_Rock"
