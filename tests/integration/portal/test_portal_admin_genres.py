"""Genres and aliases in the admin, and the ones that a new system begins with."""

import pytest
import songs
from django.test import Client
from portal.genres.aliases import ALIASES
from portal.genres.models import Alias, Genre, spellings
from portal.genres.seeds import plant
from portal.genres.spelling import genres_of
from portal.library.models import Track

ALIAS = "/admin/genres/alias/add/"
pytestmark = pytest.mark.usefixtures("genres")


def test_a_new_system_has_sixteen_genres_and_planting_again_changes_nothing_that_a_person_changed() -> None:
    assert set(Genre.objects.values_list("name", flat=True)) == set(ALIASES)
    jazz = Genre.objects.get(name="Jazz")
    Genre.objects.filter(pk=jazz.pk).update(description="Mine.")
    moved = Alias.objects.get(spelling="Bebop")
    moved.genre = Genre.objects.get(name="Blues")
    moved.save()
    before = Alias.objects.count()
    plant()
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


def test_a_new_alias_changes_at_once_what_the_tags_of_songs_stand_for(admin_client: Client) -> None:
    track = songs.make_song(songs.make_library(), 1, plex_genres=["Zorbing"])
    folk = Genre.objects.get(name="Folk")
    html = admin_client.post(ALIAS, {"spelling": "Zorbing", "genre": folk.pk}, follow=True).content.decode()
    assert "1 song has another genre by its tags now." in html
    assert Track.objects.get(pk=track.pk).tag_genre == folk


def test_a_genre_in_use_is_not_deleted(admin_client: Client) -> None:
    (track,) = songs.make_judged_songs(1)
    genre = track.predictions.get().genre
    html = admin_client.post(f"/admin/genres/genre/{genre.pk}/delete/", {"post": "yes"}).content.decode()
    assert "protected" in html
    assert Genre.objects.filter(pk=genre.pk).exists()


def test_the_lists_and_forms_of_the_other_pages_open(admin_client: Client) -> None:
    songs.make_judged_songs(2)
    genre = Genre.objects.get(name="Jazz")
    for address in (
        "genres/genre/", f"genres/genre/{genre.pk}/change/", "genres/genre/add/", "genres/alias/", "library/library/",
        "auth/user/", "auth/user/add/", "auth/group/", "genres/alias/?q=bop", "genres/genre/?q=bop",
    ):  # fmt: skip
        assert admin_client.get(f"/admin/{address}").status_code == 200, address
