"""Genres and aliases in the admin, and the ones that a new system begins with."""

import pytest
import songs
from django.test import Client
from portal.genres.aliases import ALIASES
from portal.genres.models import NO_LETTER, Alias, Genre, spellings
from portal.genres.seeds import plant
from portal.genres.spelling import genres_of
from portal.labels.tags import relabel
from portal.library.models import Track
from portal.teaching.models import TaughtSet, TaughtSong
from portal.verdicts.models import Override

ALIAS = "/admin/genres/alias/add/"
GENRES = "/admin/genres/genre/"
pytestmark = pytest.mark.usefixtures("genres")


def test_a_new_system_has_sixteen_genres_and_planting_again_changes_nothing_that_a_person_changed() -> None:
    assert set(Genre.objects.values_list("name", flat=True)) == set(ALIASES)
    jazz = Genre.objects.get(name="Jazz")
    Genre.objects.filter(pk=jazz.pk).update(description="Mine.")
    moved = Alias.objects.get(spelling="Bebop")
    moved.genre = Genre.objects.get(name="Blues")
    moved.save()
    before = Alias.objects.count()
    plant(Genre, Alias)
    assert Genre.objects.get(pk=jazz.pk).description == "Mine."
    assert Alias.objects.get(spelling="Bebop").genre.name == "Blues"
    assert Alias.objects.count() == before


def test_spellings_hold_aliases_and_names_and_leave_out_retired_genres() -> None:
    jazz = Genre.objects.get(name="Jazz")
    assert genres_of(["bebop"], spellings()) == genres_of(["JAZZ"], spellings()) == (jazz.pk,)
    Genre.objects.filter(pk=jazz.pk).update(retired=True)
    assert genres_of(["bebop", "Jazz"], spellings()) == ()


@pytest.mark.parametrize(
    ("spelling", "said"),
    [
        ("be-bop", "It is known already: Bebop → Jazz"),
        ("jazz", "This is the name of another genre."),
        ("---", "at least one letter or digit"),
    ],
)
def test_an_ambiguous_or_empty_alias_is_refused_with_the_reason(
    admin_client: Client, spelling: str, said: str
) -> None:
    blues = Genre.objects.get(name="Blues")
    before = Alias.objects.count()
    html = admin_client.post(ALIAS, {"spelling": spelling, "genre": blues.pk}).content.decode()
    assert said in html
    assert Alias.objects.count() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ｊａｚｚ", "There is a genre Jazz already"),
        ("jazz", "There is a genre Jazz already"),
        ("pop rock", "There is a genre Pop_Rock already"),
        ("\u200b", NO_LETTER),
    ],
)
def test_a_genre_that_cannot_be_told_from_another_takes_no_songs_from_it(
    admin_client: Client, name: str, said: str
) -> None:
    track = songs.make_song(songs.make_library(), 1, plex_genres=["Jazz"])
    relabel()
    before = Genre.objects.count()
    form = {"name": name, "description": "", "aliases-TOTAL_FORMS": 0, "aliases-INITIAL_FORMS": 0}
    assert said in admin_client.post("/admin/genres/genre/add/", form).content.decode()
    taught = {"new_genre": name, "folder": "/music"}
    assert said in admin_client.post("/admin/teaching/taughtset/add/", taught).content.decode()
    assert Genre.objects.count() == before
    assert str(Track.objects.get(pk=track.pk).tag_genre) == "Jazz"


def test_a_new_alias_changes_at_once_what_the_tags_of_songs_stand_for(admin_client: Client) -> None:
    track = songs.make_song(songs.make_library(), 1, plex_genres=["Zorbing"])
    folk = Genre.objects.get(name="Folk")
    html = admin_client.post(ALIAS, {"spelling": "Zorbing", "genre": folk.pk}, follow=True).content.decode()
    assert "By tags 1 song has another genre now." in html
    assert Track.objects.get(pk=track.pk).tag_genre == folk


def test_a_genre_in_use_is_not_deleted_and_what_hangs_on_it_is_said_in_a_sentence(
    admin_client: Client,
) -> None:
    (track,) = songs.make_classified_songs(1)
    genre = track.predictions.get().genre
    other = songs.make_song(track.library, 50)
    Override.objects.create(track=other, genre=genre)
    taught = TaughtSet.objects.create(genre=genre, source="folder", title="/music")
    TaughtSong.objects.create(taught_set=taught, track=other)
    address = f"/admin/genres/genre/{genre.pk}/delete/"
    for html in (admin_client.get(address), admin_client.post(address, {"post": "yes"})):
        said = html.content.decode()
        assert f"{genre} cannot be deleted" in said
        for part in (
            "1 song to which a person gave it", "1 taught set with 1 song", "1 song of which the AI says it",
            f"{genre.aliases.count()} spellings in tags that stand for it",
        ):  # fmt: skip
            assert part in said
        assert 'name="delete"' not in said
    assert Override.objects.filter(genre=genre).exists()


def test_a_genre_is_retired_from_the_page_that_was_to_delete_it_and_keeps_everything(
    admin_client: Client,
) -> None:
    jazz = Genre.objects.get(name="Jazz")
    track = songs.make_song(songs.make_library(), 1, plex_genres=["Bebop"], tag_genre=jazz)
    spelled = jazz.aliases.count()
    answer = admin_client.post(f"/admin/genres/genre/{jazz.pk}/delete/", {"retire": ""}, follow=True)
    assert "Jazz: retired: neither learned nor written any more." in answer.content.decode()
    jazz.refresh_from_db()
    assert (jazz.retired, jazz.aliases.count()) == (True, spelled)
    assert Track.objects.get(pk=track.pk).tag_genre is None
    action = {"action": "take_back", "_selected_action": [jazz.pk]}
    assert "Jazz: in use again." in admin_client.post(GENRES, action, follow=True).content.decode()
    assert Track.objects.get(pk=track.pk).tag_genre == jazz


def test_a_genre_on_which_only_spellings_and_votes_hang_is_deleted_when_a_person_says_so(
    admin_client: Client,
) -> None:
    jazz = Genre.objects.get(name="Jazz")
    address = f"/admin/genres/genre/{jazz.pk}/delete/"
    assert "The spellings and votes would be deleted too." in admin_client.get(address).content.decode()
    admin_client.post(address, {"post": "yes", "delete": ""})
    assert not Genre.objects.filter(name="Jazz").exists()


def test_genres_are_not_deleted_by_the_dozen(admin_client: Client) -> None:
    action = {"action": "delete_selected", "_selected_action": [each.pk for each in Genre.objects.all()]}
    admin_client.post(GENRES, action | {"post": "yes"})
    assert Genre.objects.count() == len(ALIASES)


def test_before_a_taught_set_is_deleted_its_songs_are_counted_and_not_listed(admin_client: Client) -> None:
    track = songs.make_song(songs.make_library(), 1)
    taught = TaughtSet.objects.create(genre=Genre.objects.get(name="Folk"), source="folder", title="/music")
    TaughtSong.objects.create(taught_set=taught, track=track)
    html = admin_client.get(f"/admin/teaching/taughtset/{taught.pk}/delete/").content.decode()
    assert "its songs are examples of Folk (1 in it)" in html
    assert track.title not in html


def test_the_lists_and_forms_of_the_other_pages_open(admin_client: Client) -> None:
    songs.make_classified_songs(2)
    genre = Genre.objects.get(name="Jazz")
    for address in (
        "genres/genre/", f"genres/genre/{genre.pk}/change/", "genres/genre/add/", "genres/alias/", "library/library/",
        "auth/user/", "auth/user/add/", "auth/group/", "genres/alias/?q=bop", "genres/genre/?q=bop",
        "callers/callertoken/", "callers/callertoken/?q=radio", "callers/callertoken/?role__exact=caller",
    ):  # fmt: skip
        assert admin_client.get(f"/admin/{address}").status_code == 200, address
