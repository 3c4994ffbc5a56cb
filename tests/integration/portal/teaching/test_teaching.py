"""Genres taught by example: sets made in the admin, kept in step with Plex, and what a training is given of them."""

import html
from typing import Any
from unicodedata import normalize

import pytest
import songs
from django.conf import settings
from portal.configuration import PortalSettings
from portal.genres.models import NO_LETTER, Genre
from portal.labels.precedence import Source, song_labels
from portal.labels.tags import relabel
from portal.library.models import Track
from portal.orchestration.start import start_extract, start_sync, start_train
from portal.teaching.models import TaughtSet
from portal.teaching.results import enough
from portal.training.readiness import survey_genres
from portal.verdicts.models import Judgement, Override
from reclass.inference.v1 import inference_pb2

ADD = "/admin/teaching/taughtset/add/"
SETS = "/admin/teaching/taughtset/"
SONGS = "/admin/library/track/"


def synced(portal):
    return portal.finish(start_sync(["Music"]))


def posted(client, address: str, **fields: Any) -> str:
    return html.unescape(client.post(address, fields, follow=True).content.decode())


def choice(song_list: Any) -> str:
    """As the form offers a playlist or collection."""
    return f"{song_list.type} {song_list.ratingKey} {song_list.guid}"


def keys_of(genre: str) -> set[str]:
    return set(
        Track.objects.filter(taught__taught_set__genre__name=genre).values_list("rating_key", flat=True)
    )


def folder_of(track: Track) -> str:
    return track.file.rpartition("/")[0]


def test_a_folder_teaches_a_new_genre_and_the_page_says_that_there_are_too_few_songs(
    portal, plex, admin_client
):
    synced(portal)
    folder = folder_of(Track.objects.exclude(file="").first())

    said = posted(admin_client, ADD, new_genre="City  Pop", folder=f" {folder}/ ")

    assert "City Pop is a genre now." in said
    assert "taught by 12 songs (too few to trust what is learned: 30 at least, 100 are better)" in said
    genre = Genre.objects.get(name="City Pop")
    assert genre.custom
    assert len(keys_of("City Pop")) == 12
    listed = admin_client.get(SETS).content.decode()
    assert folder in listed
    assert "too few" in listed
    taught_set = TaughtSet.objects.get()
    page = admin_client.get(f"{SETS}{taught_set.pk}/change/").content.decode()
    assert "The Band – Song 000" in html.unescape(page)


def test_a_song_that_comes_into_the_folder_is_taught_with_the_next_sync_and_one_that_goes_is_not(
    portal, plex, admin_client
):
    synced(portal)
    track = Track.objects.exclude(file="").first()
    posted(admin_client, ADD, new_genre="City Pop", folder=folder_of(track))
    other = f"{folder_of(track)}-not/x.mp3"
    new = {"title": "New", "file": f"{folder_of(track)}/deeper/x.mp3", "artist": "A", "album_artist": "A"}
    portal.plex.ask(
        "POST",
        "changes",
        {
            "put": {"2": [{"rating_key": 3001, **new}, {"rating_key": 3002, **new, "file": other}]},
            "remove": [1001],
        },
    )

    synced(portal)

    assert keys_of("City Pop") == {str(1000 + number) for number in range(2, 13)} | {"3001"}


@pytest.mark.parametrize(
    ("typed", "windows"),
    [
        ("/music/Azu\N{COMBINING ACUTE ACCENT}car", False),
        ("/music/Azúcar", False),
        (" /music//Azúcar/ ", False),
        ("D:\\Música\\Azúcar", True),
        ("d:/mu\N{COMBINING ACUTE ACCENT}sica/azúcar/", True),
    ],
)
def test_a_folder_is_the_same_in_whichever_form_it_was_typed_and_plex_reads_it(
    portal, plex, admin_client, typed, windows
):
    """Half of its songs have a name in one form of Unicode, half in the other, as after a move from a Mac."""
    synced(portal)
    folder = "D:\\Música\\Azúcar\\" if windows else "/music/Azúcar/"
    for number, track in enumerate(Track.objects.exclude(file="")):
        Track.objects.filter(pk=track.pk).update(
            file=normalize("NFC" if number % 2 else "NFD", f"{folder}{number}.mp3")
        )

    said = posted(admin_client, ADD, new_genre="City Pop", folder=typed)

    assert "taught by 12 songs" in said


def test_outside_windows_small_and_large_letters_are_two_folders(portal, plex, admin_client):
    synced(portal)
    Track.objects.exclude(file="").update(file="/music/Azúcar/x.mp3")
    said = posted(admin_client, ADD, new_genre="City Pop", folder="/music/azúcar")
    assert "“/music/azúcar”" in said


def test_a_new_genre_in_another_form_of_a_name_that_is_there_is_that_one(portal, plex, admin_client):
    synced(portal)
    Genre.objects.create(name="Música")
    folder = folder_of(Track.objects.exclude(file="").first())
    said = posted(admin_client, ADD, new_genre="mu\N{COMBINING ACUTE ACCENT}sica", folder=folder)
    assert "There is a genre Música already" in said


def test_playlists_and_collections_are_offered_and_read_again_at_each_sync(portal, plex, admin_client):
    section = plex.library.section("Music")
    playlist = plex.createPlaylist("Seoul", items=plex.fetchItems([1001, 1002]))
    section.createCollection("Openings", items=plex.fetchItems([1003]))
    synced(portal)
    offered = html.unescape(admin_client.get(ADD).content.decode())
    assert "Seoul (2)" in offered
    assert "Music: Openings (1)" in offered

    kpop, anime = Genre.objects.get(name="K-Pop"), Genre.objects.get(name="Anime")
    posted(admin_client, ADD, genre=kpop.pk, plex_list=choice(playlist))
    posted(admin_client, ADD, genre=anime.pk, plex_list=choice(section.collections()[0]))
    assert (keys_of("K-Pop"), keys_of("Anime")) == ({"1001", "1002"}, {"1003"})
    assert set(TaughtSet.objects.values_list("title", flat=True)) == {"Seoul", "Openings"}

    playlist.addItems(plex.fetchItems([1004]))
    synced(portal)
    assert keys_of("K-Pop") == {"1001", "1002", "1004"}


def test_a_playlist_that_went_keeps_its_songs_and_the_sync_says_so(portal, plex, admin_client):
    playlist = plex.createPlaylist("Seoul", items=plex.fetchItems([1001, 1002]))
    synced(portal)
    genre = Genre.objects.get(name="K-Pop")
    posted(admin_client, ADD, genre=genre.pk, plex_list=choice(playlist))
    playlist.delete()

    run = synced(portal)

    assert "K-Pop: plex playlist Seoul could not be read, its songs stay as they were" in run.message
    assert keys_of("K-Pop") == {"1001", "1002"}
    assert "it was deleted" in TaughtSet.objects.get().trouble
    assert "it was deleted" in admin_client.get(SETS).content.decode()


def test_songs_are_chosen_in_the_list_and_more_are_added_to_them(portal, plex, admin_client):
    synced(portal)
    ids = list(Track.objects.order_by("rating_key").values_list("pk", flat=True)[:3])
    chosen = {"action": "teach", "asked": "yes", "select_across": "0"}
    asked = posted(admin_client, SONGS, action="teach", select_across="0", _selected_action=ids[:2])
    assert "Teach a genre for 2 songs" in asked

    said = posted(admin_client, SONGS, **chosen, new_genre="Vaporwave 2", _selected_action=ids[:2])
    assert "Vaporwave 2 is taught by 2 songs" in said
    genre = Genre.objects.get(name="Vaporwave 2")
    posted(admin_client, SONGS, **chosen, genre=genre.pk, _selected_action=ids[1:])
    assert keys_of("Vaporwave 2") == {"1001", "1002", "1003"}
    synced(portal)
    assert keys_of("Vaporwave 2") == {"1001", "1002", "1003"}, "nobody looks them up anew"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"folder": "/nowhere", "new_genre": "X"}, "No song is known below “/nowhere”"),
        ({"folder": "/nowhere"}, "Choose a genre, or write the name of a new one."),
        ({"new_genre": "X"}, "Name a folder, or choose a playlist or collection."),
        ({"new_genre": "jazz", "folder": "/nowhere"}, "There is a genre Jazz already: choose it above."),
        ({"new_genre": "---", "folder": "/nowhere"}, NO_LETTER),
    ],
)
def test_a_set_that_makes_no_sense_is_refused_with_the_reason(portal, plex, admin_client, fields, said):
    synced(portal)
    assert said in posted(admin_client, ADD, **fields)
    assert not TaughtSet.objects.exists()
    assert not Genre.objects.filter(name="X").exists()


def test_where_plex_cannot_be_asked_the_page_says_so_and_a_folder_works(
    genres, admin_client, monkeypatch, unused_port
):
    monkeypatch.setattr(settings, "RECLASS", PortalSettings(sync_target=f"127.0.0.1:{unused_port}"))
    songs.make_song(songs.make_library(), 1)
    assert "Plex could not be asked for its lists" in admin_client.get(ADD).content.decode()
    assert "taught by 1 song" in posted(admin_client, ADD, new_genre="City Pop", folder="/music")


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "too few"), (29, "too few"), (30, "100 are better"), (99, "100 are better"), (100, "")],
)
def test_thirty_songs_are_the_least_and_a_hundred_are_enough(count, said):
    assert enough(count).startswith(said)
    assert bool(enough(count)) == bool(said)


def teach(genre: str, *tracks: Track) -> TaughtSet:
    made = TaughtSet.objects.create(
        genre=Genre.objects.get(name=genre), source="selection", title=f"{genre} {len(tracks)}"
    )
    for track in tracks:
        made.songs.create(track=track)
    return made


def test_a_persons_word_is_stronger_than_a_taught_set_and_that_than_the_tags(genres):
    library = songs.make_library()
    tagged, taught, set_by_hand, silent = (
        songs.make_song(library, number, plex_genres=["Jazz; Blues", "Reggae"] if number < 3 else [])
        for number in range(4)
    )
    relabel()
    teach("K-Pop", taught, set_by_hand)
    teach("Anime", taught)
    Override.objects.create(track=set_by_hand, genre=Genre.objects.get(name="Folk"))

    labels = song_labels([tagged.pk, taught.pk, set_by_hand.pk, silent.pk])

    said = {pk: (label.source, {label.genre, *label.additional_genres}) for pk, label in labels.items()}
    assert said == {
        tagged.pk: (Source.TAG, {"Jazz", "Blues", "Reggae"}),
        taught.pk: (Source.TAUGHT, {"K-Pop", "Anime"}),
        set_by_hand.pk: (Source.OVERRIDE, {"Folk"}),
    }
    assert labels[tagged.pk].genre == "Jazz", "the first one that is named"
    counted = {each.genre: (each.labelled, each.by_people, each.taught) for each in survey_genres().genres}
    assert counted["K-Pop"] == (1, 1, 1)
    assert counted["Folk"] == (1, 1, 0)
    assert counted["Blues"] == (1, 0, 0)


def test_a_song_that_was_taught_a_genre_that_is_retired_counts_for_nothing_its_tags_say(genres):
    track = songs.make_song(songs.make_library(), 1, plex_genres=["Jazz"])
    relabel()
    teach("K-Pop", track)
    Genre.objects.filter(name="K-Pop").update(retired=True)
    assert song_labels([track.pk]) == {}


def test_of_a_song_that_a_person_said_is_of_none_of_our_genres_neither_tag_nor_set_is_learned(genres):
    library = songs.make_library()
    rejected, taught, judged = (songs.make_song(library, number, plex_genres=["Jazz"]) for number in range(3))
    relabel()
    teach("K-Pop", taught)
    for track, said in ((rejected, []), (taught, []), (judged, [Genre.objects.get(name="Jazz").pk])):
        Judgement.objects.create(track=track, genres=said, kind="disagreement", stratum="from 0.85")
    labels = song_labels([rejected.pk, taught.pk, judged.pk])
    assert {pk: label.genre for pk, label in labels.items()} == {judged.pk: "Jazz"}


def test_a_training_is_given_the_source_of_each_label_and_the_further_genres(portal):
    portal.plex.ask("PUT", "tracks/1001/genres", {"genres": ["Jazz; Blues"]})
    synced(portal)
    portal.finish(start_extract())
    by_key = {track.rating_key: track for track in Track.objects.all()}
    teach("K-Pop", by_key["1002"])
    Override.objects.create(track=by_key["1003"], genre=Genre.objects.get(name="Folk"))

    portal.finish(start_train())

    given = {int(song.song_id): song for song in portal.inference.taught}
    said = {
        key: (song.genre, list(song.additional_genres), song.source)
        for key in ("1001", "1002", "1003", "1004")
        for song in (given[by_key[key].pk],)
    }
    assert said == {
        "1001": ("Jazz", ["Blues"], inference_pb2.LABEL_SOURCE_TAG),
        "1002": ("K-Pop", [], inference_pb2.LABEL_SOURCE_TAUGHT),
        "1003": ("Folk", [], inference_pb2.LABEL_SOURCE_OVERRIDE),
        "1004": ("Pop_Rock", [], inference_pb2.LABEL_SOURCE_TAG),
    }


def test_a_training_looks_up_the_sets_anew_and_says_which_it_could_not(portal, plex, admin_client):
    playlist = plex.createPlaylist("Seoul", items=plex.fetchItems([1001]))
    gone = plex.createPlaylist("Gone", items=plex.fetchItems([1002]))
    synced(portal)
    portal.finish(start_extract())
    for genre, each in (("K-Pop", playlist), ("Anime", gone)):
        pk = Genre.objects.get(name=genre).pk
        posted(admin_client, ADD, genre=pk, plex_list=choice(each))
    playlist.addItems(plex.fetchItems([1003]))
    gone.delete()

    run = portal.finish(start_train())

    taught = [song for song in portal.inference.taught if song.source == inference_pb2.LABEL_SOURCE_TAUGHT]
    assert sorted(song.genre for song in taught) == ["Anime", "K-Pop", "K-Pop"]
    assert "Anime: plex playlist Gone could not be read" in run.message


def test_a_list_with_the_longest_title_is_taught(portal, plex, admin_client):
    playlist = plex.createPlaylist("Seoul " * 200, items=plex.fetchItems([1001]))
    synced(portal)
    genre = Genre.objects.get(name="K-Pop")

    posted(admin_client, ADD, genre=genre.pk, plex_list=choice(playlist))

    assert keys_of("K-Pop") == {"1001"}
