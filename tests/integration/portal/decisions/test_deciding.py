"""Which songs are decided anew, with whom together, and what is kept of it."""

from uuid import uuid4

import pytest
from django.db import connection
from portal.decisions import evidence
from portal.decisions.deciding import anything_outdated, decide_outdated, inputs_changed
from portal.decisions.storing import store_decisions
from portal.genres.models import Genre
from portal.library.models import Analysis, Track
from portal.orchestration.start import start_decide
from portal.preferences.changing import change
from portal.preferences.current import preferences
from portal.remote.decisions import SongDecision
from portal.runs.models import Run
from portal.verdicts.models import Decision, Judgement, Override, Prediction
from portal.verdicts.predictions import genres_by_name
from songs import add_prediction, make_library, make_song

NOBODY = "Various Artists"


@pytest.fixture
def decide(portal):
    """Decides what is out of date; how many songs, and whom inference was asked for."""

    def deed() -> tuple[int, list[list[tuple[str, str, set[int]]]]]:
        portal.inference.artists.clear()
        done = decide_outdated(portal.services.decisions, lambda step, progress: None)
        asked = [
            [
                (album.title, album.album_artist, {int(song.key.split()[0]) for song in album.songs})
                for album in each.albums
            ]
            for each in portal.inference.artists
        ]
        return done, asked

    return deed


@pytest.fixture
def library(portal):
    return make_library()


def said(library, number, *, genre="Jazz", confidence=0.9, **fields):
    """A song that was classified."""
    fields = {"album_artist": fields.get("artist", "One"), "artist": "One", "album": "A", **fields}
    song = make_song(library, number, analysis=Analysis.CLASSIFIED, **fields)
    add_prediction(song, Genre.objects.get(name=genre), confidence, outcome="classified")
    return song


def test_what_was_decided_is_kept_with_its_parts(portal, library, decide):
    rock = Genre.objects.get(name="Pop_Rock")
    song = said(library, 1, tag_genre=rock)
    assert decide()[0] == 1
    decision = Decision.objects.get(track=song)
    assert (decision.genre.name, decision.kind, decision.parts) == (
        "Jazz", "correction", [["sound", "Jazz", 0.9], ["tags", "Jazz", 0.9]],
    )  # fmt: skip
    assert (decision.confidence, decision.confidence_mean, decision.confidence_high) == pytest.approx(
        (0.9, 0.92, 0.95)
    )
    assert decision.tag_probability == pytest.approx(0.04)
    assert decision.prediction == song.predictions.get().pk


def test_nothing_is_decided_twice_when_nothing_has_changed(portal, library, decide):
    for number in range(3):
        said(library, number)
    assert anything_outdated()
    assert decide()[0] == 3
    assert not anything_outdated()
    assert decide() == (0, [])
    assert len(portal.inference.decide_options) == 1


def test_a_song_that_comes_changes_or_goes_has_its_whole_artist_decided_anew_and_nobody_else(library, decide):
    first, second = said(library, 1), said(library, 2, album="B")
    other = said(library, 3, artist="Two", title="Elsewhere")
    decide()
    third = said(library, 4, album="B")
    one = {first.pk, second.pk, third.pk}
    assert [set().union(*(songs for *_, songs in each)) for each in decide()[1]] == [one]
    Track.objects.filter(pk=first.pk).update(tag_genre=Genre.objects.get(name="Rap"))
    assert decide()[0] == 3
    Prediction.objects.filter(track=first).update(sound=b"\0\0\0?" * 16)
    assert decide()[0] == 3
    first.removed_time = first.first_seen_time
    first.save()
    assert decide()[0] == 2
    assert set(Decision.objects.values_list("track", flat=True)) == {second.pk, third.pk, other.pk}
    # Both the artist that it had and the one that it has now.
    Track.objects.filter(pk=second.pk).update(artist="Two", album_artist="Two")
    assert decide()[0] == 3


def test_the_last_song_of_an_artist_that_goes_takes_its_decision_along_and_nobody_is_asked(
    portal, library, decide
):
    song = said(library, 1)
    decide()
    Prediction.objects.filter(track=song).update(outcome=Analysis.OUT_OF_DISTRIBUTION)
    assert decide() == (0, [])
    assert not Decision.objects.exists()
    assert not anything_outdated()


def test_an_artist_is_known_in_any_spelling_and_has_his_albums_in_one_message(library, decide):
    one = said(library, 1, artist="Björk", album="Post")
    two = said(library, 2, artist="björk  ", album="POST")
    guest = said(library, 3, artist="Somebody", album_artist="BJÖRK", album="Debut")
    without = said(library, 4, artist="Björk", album_artist="", album="")
    (albums,) = decide()[1]
    assert [(title.casefold(), songs) for title, _, songs in albums] == [
        ("", {without.pk}), ("debut", {guest.pk}), ("post", {one.pk, two.pk}),
    ]  # fmt: skip


def test_a_compilation_is_nobodys_and_stands_alone(library, decide):
    hits = [said(library, n, artist=f"A {n}", album_artist=NOBODY, album="Hits") for n in range(2)]
    more = [said(library, n, artist=f"A {n}", album_artist=NOBODY, album="More hits") for n in range(2, 4)]
    loose = [said(library, n, artist=f"A {n}", album_artist=NOBODY, album="") for n in range(4, 6)]
    nameless = [said(library, n, artist="", album_artist="", album="") for n in range(6, 8)]
    asked = sorted((each for each in decide()[1]), key=lambda each: min(each[0][2]))
    assert asked == [
        [("Hits", NOBODY, {song.pk for song in hits})],
        [("More hits", NOBODY, {song.pk for song in more})],
        *([("", NOBODY, {song.pk})] for song in loose),
        *([("", "", {song.pk})] for song in nameless),
    ]


def test_who_is_the_album_artist_of_many_and_sings_nothing_is_called_nobody(library, decide):
    for n in range(6):
        said(library, n, artist=f"A {n}", album_artist="Now", album="Now 1")
    said(library, 7, artist="Somebody", album_artist="Now", album="Now 2")
    assert {(title, owner) for ((title, owner, _),) in decide()[1]} == {("Now 1", NOBODY), ("Now 2", NOBODY)}


def test_an_album_of_a_series_is_decided_anew_when_its_name_becomes_one(library, decide):
    for n in range(5):
        said(library, n, artist=f"A {n}", album_artist="Now", album="Now 1")
    decide()
    said(library, 7, artist="Somebody", album_artist="Now", album="Now 2")
    assert {(title, owner) for ((title, owner, _),) in decide()[1]} == {("Now 1", NOBODY), ("Now 2", NOBODY)}


def test_what_random_weights_decided_tells_no_other_song_anything(library, decide):
    real = said(library, 1, artist="Björk", album="Post")
    trial = said(library, 2, artist="Björk", album="Post")
    Prediction.objects.filter(track=trial).update(random_weights=True)
    assert sorted(sorted(songs) for ((_, _, songs),) in decide()[1]) == [[real.pk], [trial.pk]]


def test_without_a_model_nothing_stays_decided(portal, library, decide):
    song = said(library, 1)
    decide()
    assert Decision.objects.filter(track=song).exists()
    portal.inference.ready = False
    said(library, 2)
    assert decide()[0] == 0
    assert not Decision.objects.exists()


def test_tags_are_sent_as_they_were_before_we_wrote_and_those_of_retired_genres_are_not(
    portal, library, decide
):
    genres = {genre.name: genre for genre in Genre.objects.all()}
    Genre.objects.filter(name="Rap").update(retired=True)
    tags = [genres["Rap"].pk, genres["Folk"].pk]
    song = said(library, 1, plex_genres=["Jazz"], tag_genre=genres["Blues"], additional_tag_genres=tags)
    decide()
    (sent,) = portal.inference.artists[0].albums[0].songs
    assert (list(sent.tags), sent.content_key) == (["Blues", "Folk"], song.audio.content_key)


def test_settings_of_sources_travel_and_another_setting_genre_name_or_model_decides_all_anew(
    portal, library, decide
):
    for number in range(2):
        said(library, number, artist=f"A {number}")
    decide()
    change({"evidence_albums": False, "evidence_artists": False})
    assert decide()[0] == 2
    options = portal.inference.decide_options[-1]
    assert (options.without_tags, options.without_albums, options.without_artists) == (False, True, True)
    Genre.objects.filter(name="Rap").update(name="Hip-Hop")
    assert decide()[0] == 2


def judged(track, genre="Rap"):
    Judgement.objects.create(
        track=track, genres=[Genre.objects.get(name=genre).pk], kind="disagreement", stratum="from 0.85"
    )


def test_judgements_decide_all_anew_but_not_where_they_are_no_reason(portal, library, decide):
    songs = [said(library, number, artist=f"A {number}") for number in range(3)]
    decide()
    assert inputs_changed() is None
    judged(songs[0])
    assert inputs_changed() is not None
    assert decide_outdated(portal.services.decisions, lambda *_: None, judged_counts=False) == 0
    Track.objects.filter(pk=songs[1].pk).update(tag_genre=Genre.objects.get(name="Rap"))
    assert decide_outdated(portal.services.decisions, lambda *_: None, judged_counts=False) == 1
    assert decide()[0] == 2, "the one that was decided meanwhile rests on the judgement"
    assert inputs_changed() is None


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda: change({"evidence_tags": False}),
        lambda: Genre.objects.filter(name="Rap").update(retired=True),
        lambda: Judgement.objects.all().delete(),
    ],
)
def test_other_sources_names_of_genres_and_judgements_that_are_taken_back_are_seen_in_a_blink(
    library, decide, meanwhile, queries_of
):
    judged(said(library, 1))
    decide()
    assert inputs_changed() is None
    meanwhile()
    assert inputs_changed() is not None
    assert queries_of(inputs_changed) <= 6


def test_songs_that_another_model_has_classified_get_no_genre_and_are_not_asked_for_again(
    portal, library, decide
):
    song = said(library, 1)
    portal.inference.unknown_heads = ("genre_fma_mert/2",)
    assert decide()[0] == 1
    assert Decision.objects.get(track=song).genre is None
    assert decide()[0] == 0


def test_many_songs_of_one_artist_go_in_several_messages(portal, library, decide, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_SONGS", 3)
    for number in range(10):
        said(library, number, album=f"Album {number // 2}" if number < 6 else "Long")
    done, asked = decide()
    assert (done, [[len(songs) for *_, songs in each] for each in asked]) == (10, [[2], [2], [2], [3], [1]])


def test_a_song_that_goes_while_it_is_decided_takes_nothing_along(library):
    going, staying = said(library, 1), said(library, 2)
    decided = [
        SongDecision(
            key=str(evidence.Key(song.pk, 1, uuid4(), uuid4())), genre="Jazz", confidence=0.9, confidence_mean=0.9,
            confidence_high=0.9, kind="fill", tag_probability=0.0, parts=(),
        )
        for song in (going, staying)
    ]  # fmt: skip
    Track.objects.filter(pk=going.pk).delete()
    inputs = evidence.shared_inputs(preferences())
    store_decisions(decided, genres=genres_by_name(), model="model-1", inputs=inputs)
    decision = Decision.objects.get()
    assert (decision.track, decision.genre.name, decision.model) == (staying, "Jazz", "model-1")


def test_a_decide_run_says_how_many_songs_it_has_decided(portal, library):
    said(library, 1)
    run = portal.finish(start_decide())
    assert (run.state, run.result["decided"]) == (Run.State.DONE, 1)
    assert portal.finish(start_decide()).result["decided"] == 0


def test_a_name_is_the_same_in_sql_as_in_python(transactional_db):
    from portal.library.names import name_key

    names = ["Björk", "BJÖRK", " The  Band ", "ＡＢＣ", "Ⅳ", "", "  ", "Ænima", "Élan"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {evidence._name('n')} FROM unnest(%s::text[]) AS t (n)", [names])  # noqa: S608
        assert [name for (name,) in cursor.fetchall()] == [name_key(name) for name in names]


def test_what_a_person_says_of_a_song_has_its_artist_decided_anew_and_tells_the_album(
    portal, library, decide
):
    first, second = said(library, 1), said(library, 2)
    said(library, 3, artist="Two", title="Elsewhere")
    decide()
    Override.objects.create(track=first, genre=Genre.objects.get(name="Rap"))
    assert decide()[0] == 2
    (artist,) = portal.inference.artists
    told = {
        int(song.key.split()[0]): [*song.judgement.genres] if song.HasField("judgement") else None
        for album in artist.albums
        for song in album.songs
    }
    assert told == {first.pk: ["Rap"], second.pk: None}
    assert decide()[0] == 0
