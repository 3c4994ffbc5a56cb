"""With no model yet: what there is to learn from, genre by genre, why not, and what would help."""

import io

import pytest
import songs
from inference.decision import credits as credits_of_inference
from inference.decision.credits import Credit, leads_and_owners
from inference.training.labels import MIN_GENRES, why_not
from portal.commands.songs.learning import show_readiness
from portal.commands.terminal import Terminal
from portal.genres.models import Alias, Genre
from portal.labels.tags import relabel
from portal.library import names
from portal.library.models import Analysis, Track, Vector
from portal.library.names import name_key
from portal.pages.dashboard.advice import Situation, advice
from portal.remote.inference import TrainingSong
from portal.teaching.models import TaughtSet
from portal.training import readiness
from portal.training.dataset import present_versions, training_songs
from portal.training.readiness import GenreCount, survey_genres
from portal.training.suggestions import suggestions
from portal.verdicts.models import Override

pytestmark = pytest.mark.usefixtures("genres")


def a_song(library, number, tag="", artist="", **fields) -> Track:
    """A song that was analysed, with this tag."""
    tags = [tag] if tag else []
    made = {"plex_genres": tags, "artist": artist or f"Artist {number}", "analysis": Analysis.EXTRACTED}
    song = songs.make_song(library, number, **(made | fields))
    if song.audio is not None:
        Vector.objects.create(audio=song.audio, kind="fma", version="test/1", values=[1.0, 2.0])
    return song


def a_library() -> None:
    """Jazz that can be learned, Folk of one artist, Blues that was not analysed, and tags that nobody knows."""
    library = songs.make_library()
    for number in range(6):
        a_song(library, number, "Jazz")
        a_song(library, 10 + number, "Folk", artist="Nobody  Else" if number % 2 else "NOBODY ELSE")
        a_song(library, 20 + number, "Blues", audio=None, analysis=Analysis.PENDING)
        a_song(library, 30 + number, "Schlagerchen")
    a_song(library, 40, "Klangkunst")
    relabel()


def of(name: str) -> GenreCount:
    return next(each for each in survey_genres().genres if each.genre == name)


def numbers(each: GenreCount) -> tuple[int, int, int, int]:
    return each.labelled, each.extracted, each.usable, each.artists


def test_each_genre_is_counted_with_the_reason_why_it_cannot_be_learned():
    a_library()
    assert numbers(of("Jazz")) == (6, 6, 6, 6)
    assert of("Jazz").why_not == ""
    assert numbers(of("Folk")) == (6, 6, 6, 1)
    assert of("Folk").why_not == "songs of 1 artist, 2 are needed"
    assert numbers(of("Blues")) == (6, 0, 0, 0)
    assert of("Blues").why_not == "0 usable songs, 5 are needed"
    assert numbers(of("Rap")) == (0, 0, 0, 0)
    assert not survey_genres().enough


def test_a_persons_word_an_old_vector_a_changed_file_and_a_song_that_is_gone_are_counted_as_they_count():
    a_library()
    jazz = list(Track.objects.filter(tag_genre__name="Jazz").order_by("pk"))
    Override.objects.create(track=jazz[0], genre=Genre.objects.get(name="Folk"))
    Track.objects.filter(pk=jazz[1].pk).update(analysis=Analysis.PENDING)
    Vector.objects.filter(audio=jazz[2].audio).update(version="another/1")
    Track.objects.filter(pk=jazz[3].pk).update(removed_time=songs.THEN)
    assert numbers(of("Jazz")) == (4, 3, 2, 2)
    assert numbers(of("Folk")) == (7, 7, 7, 2)


def test_what_is_counted_as_usable_is_what_a_training_is_given():
    a_library()
    given = list(training_songs(present_versions()))
    assert all(isinstance(each, TrainingSong) for each in given)
    for name in ("Jazz", "Folk"):
        mine = [each for each in given if each.genre == name]
        artists = {name_key(each.artist or each.album_artist) or each.song_id for each in mine}
        assert (len(mine), len(artists)) == numbers(of(name))[2:]


def test_songs_with_guests_are_songs_of_one_artist_as_in_a_training():
    library = songs.make_library()
    credits = ["X & Q", "X feat. Y", "x & Z", "Simon & Garfunkel", "SIMON & GARFUNKEL (ft. W)"]
    for number, artist in enumerate(credits):
        a_song(library, number, "Jazz", artist=artist)
    a_song(library, 20, "Folk", artist="X")
    relabel()
    leads, _ = leads_and_owners([Credit(song_id=artist, artist=artist) for artist in credits])
    assert of("Jazz").artists == len(set(leads)) == 2
    assert (names._GUESTS.pattern, names._AND.pattern) == (
        credits_of_inference._GUESTS.pattern,
        credits_of_inference._AND.pattern,
    )


@pytest.mark.parametrize("usable", [0, 4, 5, 6])
@pytest.mark.parametrize("artists", [0, 1, 2, 3])
def test_a_genre_can_be_learned_here_when_inference_says_so(usable, artists):
    counted = GenreCount(genre="Jazz", labelled=9, extracted=9, usable=usable, artists=artists)
    assert bool(counted.why_not) == bool(why_not(usable, artists, readiness.FEWEST_SONGS))
    assert readiness.FEWEST_GENRES == MIN_GENRES


def test_the_most_frequent_tags_that_no_alias_knows_are_named_until_one_does():
    a_library()
    assert survey_genres().unknown_tags == (("Schlagerchen", 6), ("Klangkunst", 1))
    said = " ".join(map(str, suggestions(survey_genres())))
    assert "“Schlagerchen” (6)" in said
    assert "under Unknown tags" in said
    assert "reclass extract" in said
    Alias.objects.create(spelling="Schlagerchen", genre=Genre.objects.get(name="Vocal"))
    relabel()
    assert survey_genres().unknown_tags == (("Klangkunst", 1),)
    assert survey_genres().enough


def test_tags_are_offered_before_taught_sets_each_with_the_genres_that_it_cannot_give():
    a_library()
    genre = Genre.objects.get(name="Anime")
    chosen = TaughtSet.objects.create(genre=genre, source="selection", title="chosen")
    chosen.songs.create(track=Track.objects.get(plex_genres=["Klangkunst"]))
    tags, taught, _ = suggestions(survey_genres())
    assert "18 labels come from tags" in str(tags)
    every = set(Genre.objects.values_list("name", flat=True))
    assert set(tags.cannot_give) == every - {"Jazz", "Folk", "Blues"}
    assert taught.cannot_give == ()
    assert "Anime" in str(taught)
    assert "Jazz" not in str(taught)


def test_the_command_shows_the_table_and_what_helps():
    a_library()
    output = io.StringIO()
    show_readiness(Terminal(file=output, width=200))
    printed = output.getvalue()
    assert f"no: {of('Folk').why_not}" in printed
    assert "“Schlagerchen” (6)" in printed
    assert (
        printed.index("1. The tags") < printed.index("2. A taught set") < printed.index("3. The public FMA")
    )


def test_the_page_shows_every_genre_and_the_menu_leads_there(admin_client):
    a_library()
    page = admin_client.get("/admin/genres/genre/readiness/").content.decode()
    assert "1 of 16 genres can be learned" in page
    assert of("Folk").why_not in page
    assert "“Schlagerchen” (6)" in page
    assert page.index("1. The tags that are there") < page.index("2. A taught set for each genre")
    assert "/admin/genres/alias/unmapped/" in page
    assert "/admin/teaching/taughtset/add/" in page
    assert "/admin/genres/genre/readiness/" in admin_client.get("/admin/").content.decode()


def test_the_page_is_for_those_who_may_look_at_genres(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("somebody", is_staff=True))
    assert client.get("/admin/genres/genre/readiness/").status_code == 403


def test_the_advice_leads_to_the_page_while_there_is_too_little_to_learn_from():
    situation = {
        "songs": 10, "by_analysis": {}, "by_in_plex": {}, "tagged": 9, "running": frozenset(),
        "model_ready": False,
    }  # fmt: skip
    (one,) = advice(Situation(**situation, trainable=1))
    assert (one.kind, one.page) == ("", "genres/genre/readiness/")
    assert "1 of the 2 genres" in one.text
    assert [one.kind for one in advice(Situation(**situation, trainable=2))] == ["train"]
