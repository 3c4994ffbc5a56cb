"""The list of tags that stand for no genre, and the click that gives one to each."""

import html

import pytest
import songs
from django.core.exceptions import ValidationError
from portal.genres.models import NO_LETTER, Alias, Genre, IgnoredTag
from portal.labels.tags import relabel
from portal.labels.unmapped_tags import unknown_tag_songs, unmapped_tags
from portal.library.annotations import with_verdicts
from portal.library.models import Track

PAGE = "/admin/genres/alias/unmapped/"
pytestmark = pytest.mark.usefixtures("genres")


def a_library() -> None:
    library = songs.make_library()
    for number, tags in enumerate(
        (
            ["Klangkunst"],
            ["Schlagerchen"],
            ["Schlagerchen"],
            ["Jazz", "Live"],
            ["Jazz", "Live"],
            ["Jazz", "Live"],
        )
    ):
        songs.make_song(library, number, plex_genres=tags)
    songs.make_song(library, 9, plex_genres=["Gone"], removed_time=songs.THEN)
    relabel()


def shown(client, **data) -> str:
    answer = client.post(PAGE, data, follow=True) if data else client.get(PAGE)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_tags_of_this_library_that_map_to_nothing_are_listed_with_what_an_alias_would_gain():
    a_library()
    found = [(each.tag, each.songs, each.without_genre) for each in unmapped_tags()]
    assert found == [("Schlagerchen", 2, 2), ("Klangkunst", 1, 1), ("Live", 3, 0)]


def test_one_click_makes_an_alias_and_the_songs_have_their_genre(admin_client):
    a_library()
    assert "3 tags of this library stand for no genre" in shown(admin_client)
    vocal = Genre.objects.get(name="Vocal")

    said = shown(admin_client, tag="Schlagerchen", genre=vocal.pk)

    assert "“Schlagerchen” stands for Vocal now: 2 songs changed." in said
    assert Track.objects.filter(tag_genre=vocal).count() == 2
    assert "2 tags" in said


def test_without_a_genre_and_for_what_says_nothing_no_alias_is_made(admin_client):
    songs.make_song(songs.make_library(), 1, plex_genres=["???"])
    before = Alias.objects.count()
    assert "Choose the genre" in shown(admin_client, tag="Live", genre="")
    assert NO_LETTER in shown(admin_client, tag="???", genre=Genre.objects.get(name="Vocal").pk)
    assert Alias.objects.count() == before


def test_a_tag_can_become_a_genre_of_its_own(admin_client):
    a_library()
    said = shown(admin_client, tag="Schlagerchen", new_genre="")
    assert "“Schlagerchen” is a genre now; it is learned when you train again: 2 songs changed." in said
    assert Genre.objects.get(name="Schlagerchen").custom
    assert Track.objects.filter(tag_genre__name="Schlagerchen").count() == 2


def test_a_tag_can_be_ignored_and_used_again(admin_client):
    a_library()
    assert unknown_tag_songs().tags == (("Schlagerchen", 2), ("Klangkunst", 1))
    said = shown(admin_client, tag="Schlagerchen", ignore="")
    assert "“Schlagerchen” is ignored now" in said
    assert "2 tags" in said
    assert unknown_tag_songs().songs == 1
    assert "“Schlagerchen” is used again" in shown(admin_client, tag="Schlagerchen", use_again="")
    assert unknown_tag_songs().songs == 3


@pytest.mark.parametrize("tag", ["🎸", "/", "???"])
def test_a_tag_of_signs_alone_can_become_a_genre_and_an_empty_one_never_stands_for_it(admin_client, tag):
    library = songs.make_library()
    named, empty = (
        songs.make_song(library, number, plex_genres=tags) for number, tags in enumerate(([tag], [" "]))
    )
    assert f"“{tag}” is a genre" in shown(admin_client, tag=tag, new_genre="")
    named.refresh_from_db()
    empty.refresh_from_db()
    assert (named.tag_genre.name, empty.tag_genre) == (tag, None)


@pytest.mark.parametrize("step", ["ignore", "use_again", "alias"])
@pytest.mark.parametrize("tag", ["ﷺ" * 30, "ß" * 150, "½" * 199], ids=["ligature", "sharp s", "half"])
def test_a_tag_that_is_longer_once_it_is_spelled_out_is_refused_with_a_sentence(admin_client, tag, step):
    genre = Genre.objects.get(name="Vocal").pk
    said = shown(admin_client, tag=tag, **({"genre": genre} if step == "alias" else {step: ""}))
    assert "the tag is longer than 200 characters" in said
    with pytest.raises(ValidationError, match="too long once its signs are spelled out"):
        Alias(spelling=tag, genre_id=genre).full_clean()
    assert not IgnoredTag.objects.exists()


def test_an_alias_ends_that_a_tag_is_ignored(admin_client):
    a_library()
    shown(admin_client, tag="Schlagerchen", ignore="")
    Alias.objects.create(spelling="Schlagerchen", genre=Genre.objects.get(name="Vocal"))
    assert not IgnoredTag.objects.exists()


def test_dashboard_and_the_page_of_what_can_be_learned_lead_to_unknown_tags(admin_client):
    a_library()
    dashboard = html.unescape(admin_client.get("/admin/").content.decode())
    assert (
        "3 songs have tags of which nobody has said what they stand for: Schlagerchen (2), Klangkunst (1)."
        in dashboard
    )
    readiness = html.unescape(admin_client.get("/admin/genres/genre/readiness/").content.decode())
    assert "neither learned from nor written" in readiness
    assert PAGE in readiness


@pytest.mark.parametrize("tags", [["Folk", "Rock"], ["Rock, Folk"], ["Folk / Rock"]])
def test_a_verdict_agrees_with_any_of_the_genres_that_the_tags_name(tags):
    song = songs.make_song(songs.make_library(), 1, plex_genres=tags)
    relabel()
    for genre, found in (("Folk", "agrees"), ("Pop_Rock", "agrees"), ("Jazz", "differs")):
        song.predictions.all().delete()
        songs.add_prediction(song, Genre.objects.get(name=genre), 0.9)
        assert with_verdicts(Track.objects.filter(pk=song.pk)).get().agreement == found


def test_who_may_not_add_aliases_sees_the_list_without_the_button(client, django_user_model):
    from django.contrib.auth.models import Permission

    a_library()
    user = django_user_model.objects.create_user("somebody", is_staff=True)
    client.force_login(user)
    assert client.get(PAGE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_alias"))
    assert "Make an alias" not in shown(client)
    assert client.post(PAGE, {"tag": "Live", "genre": "1"}).status_code == 403


def test_the_menu_leads_there(admin_client):
    assert PAGE in admin_client.get("/admin/").content.decode()
