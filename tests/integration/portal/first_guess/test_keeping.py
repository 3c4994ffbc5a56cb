"""First guesses in the real database: made of stored vectors, made anew when what they rest on changes, and gone."""

import pytest
import songs
from portal.first_guess import keeping
from portal.first_guess.keeping import refresh
from portal.first_guess.models import FirstGuess, TagVote
from portal.first_guess.reading import cannot_be_guessed, first_guesses
from portal.genres.models import Genre
from portal.library.models import Embedding, Library, Track, Vector
from portal.registry.models import TrainedModel
from portal.verdicts.models import Judgement, Override
from tagged_songs import KIND, TAGS, make_tagged_song, make_tagger, tag_song

pytestmark = pytest.mark.usefixtures("genres")


@pytest.fixture
def library() -> Library:
    """With an embedding that gives tags."""
    make_tagger()
    return songs.make_library()


def guessed() -> dict[str, str]:
    return dict(FirstGuess.objects.values_list("track__title", "genre__name"))


def a_jazz_song_and_a_rap(library: Library) -> list[Track]:
    return [make_tagged_song(library, 1, jazz=0.8), make_tagged_song(library, 2, Hip_Hop=0.9)]


def test_songs_with_tags_get_a_guess_and_others_none(library):
    a_jazz_song_and_a_rap(library)
    make_tagged_song(library, 3)  # nothing is as strong as usual
    songs.make_song(library, 4)  # no vector
    assert refresh().songs == 2
    assert guessed() == {"Song 1": "Jazz", "Song 2": "Rap"}
    assert all(0 < share <= 1 for share in FirstGuess.objects.values_list("share", flat=True))


def test_nothing_is_read_again_where_nothing_changed(library, monkeypatch):
    a_jazz_song_and_a_rap(library)
    refresh()
    monkeypatch.delattr(keeping, "mean_tags")
    assert refresh().songs == 0
    assert guessed() == {"Song 1": "Jazz", "Song 2": "Rap"}


def test_a_song_that_gets_its_vector_later_gets_its_guess_then(library):
    a_jazz_song_and_a_rap(library)
    late = songs.make_song(library, 3)
    refresh()
    tag_song(late, country=0.7)
    refresh()
    assert guessed() == {"Song 1": "Jazz", "Song 2": "Rap", "Song 3": "Country"}


def test_songs_that_share_a_recording_share_its_guess_and_a_lost_recording_takes_its_guess_along(library):
    jazz, _ = a_jazz_song_and_a_rap(library)
    copy = songs.make_song(library, 3, audio=jazz.audio)
    refresh()
    assert guessed()["Song 3"] == "Jazz"
    Track.objects.filter(pk=copy.pk).update(audio=None)
    assert refresh().songs == 1
    assert set(guessed()) == {"Song 1", "Song 2"}


def test_another_vote_changes_all_guesses_from_what_is_stored(library):
    a_jazz_song_and_a_rap(library)
    refresh()
    TagVote.objects.filter(tag="jazz").update(genre=Genre.objects.get(name="Lo-Fi"))
    assert refresh().songs == 1
    assert guessed() == {"Song 1": "Lo-Fi", "Song 2": "Rap"}
    TagVote.objects.filter(tag="Hip-Hop").delete()
    refresh()
    assert guessed() == {"Song 1": "Lo-Fi"}


def test_a_retired_genre_is_not_guessed_a_renamed_one_is_and_a_deleted_one_is_gone(library):
    a_jazz_song_and_a_rap(library)
    refresh()
    Genre.objects.filter(name="Jazz").update(retired=True)
    Genre.objects.filter(name="Rap").update(name="Hip-Hop")
    refresh()
    assert guessed() == {"Song 2": "Hip-Hop"}
    Genre.objects.get(name="Hip-Hop").delete()
    refresh()
    assert guessed() == {}


def test_guesses_end_with_a_model_in_service_and_come_back_without_one(library):
    a_jazz_song_and_a_rap(library)
    refresh()
    model = songs.make_serving_model("genre_fma/3", ["Jazz"])
    assert refresh().songs == 2
    assert guessed() == {}
    TrainedModel.objects.filter(pk=model.pk).update(state=TrainedModel.State.RETIRED)
    assert refresh().songs == 2
    assert guessed() == {"Song 1": "Jazz", "Song 2": "Rap"}


def test_vectors_outlive_an_embedding_that_is_switched_off_or_taken_away_and_so_do_guesses(library):
    a_jazz_song_and_a_rap(library)
    refresh()
    Embedding.objects.filter(kind=KIND).update(enabled=False, available=False, version="")
    refresh()
    assert guessed() == {"Song 1": "Jazz", "Song 2": "Rap"}


def test_random_weights_guess_nothing(library):
    a_jazz_song_and_a_rap(library)
    version = "tagger/1;weights=trial"
    Embedding.objects.filter(kind=KIND).update(version=version)
    Vector.objects.update(version=version)
    refresh()
    assert guessed() == {}


def test_only_songs_that_nobody_has_decided_count(library, genres):
    for number in range(1, 5):
        make_tagged_song(library, number, jazz=0.8)
    refresh()
    decided, classified, judged, _ = Track.objects.order_by("pk")
    Override.objects.create(track=decided, genre_id=genres["Folk"])
    songs.add_prediction(classified, Genre.objects.get(name="Rap"), 0.9)
    Judgement.objects.create(track=judged, genres=[], kind="disagreement")
    found = first_guesses()
    assert found.by_genre == {"Jazz": 1}
    assert found.songs == 1


def test_genres_that_no_tag_of_the_embedding_speaks_for_are_named(library):
    assert cannot_be_guessed() == (
        "Anime", "International", "K-Pop", "Latin", "Lo-Fi", "New Age", "Reggae",
    )  # fmt: skip
    TagVote.objects.create(tag="sad", genre=Genre.objects.get(name="Lo-Fi"))
    Genre.objects.filter(name="Anime").update(retired=True)
    Embedding.objects.update(tags=[list(tag) for tag in TAGS.items() if tag[0] != "jazz"])
    assert cannot_be_guessed() == ("International", "Jazz", "K-Pop", "Latin", "New Age", "Reggae")
