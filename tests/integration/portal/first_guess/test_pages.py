"""First guesses on pages: shown as what they are, filtered, taken by a person, and their votes edited."""

import html

import pytest
import songs
from portal.first_guess.keeping import refresh
from portal.first_guess.models import FirstGuess, TagVote
from portal.genres.models import Genre
from portal.labels.taken_guesses import NOTE
from portal.library.census import counts, songs_as_data
from portal.library.models import Track
from portal.training.readiness import survey_genres
from portal.training.suggestions import suggestions
from portal.verdicts.models import Override
from tagged_songs import TAGS, make_tagged_song, make_tagger

SONGS = "/admin/library/track/"
VOTES = "/admin/first_guess/tagvote/"
pytestmark = pytest.mark.usefixtures("genres")


@pytest.fixture
def tracks() -> list[Track]:
    """Three songs that are guessed to be Jazz and one to be Rap; one without a guess."""
    make_tagger()
    library = songs.make_library()
    found = [make_tagged_song(library, number, jazz=0.8) for number in (1, 2, 3)]
    found += [make_tagged_song(library, 4, Hip_Hop=0.9), make_tagged_song(library, 5)]
    refresh()
    return found


def shown(client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def titles(client, query: str) -> set[str]:
    found = client.get(f"{SONGS}?{query}").context["cl"].result_list
    return {track.title for track in found}


def act(client, action: str, tracks: list[Track]) -> str:
    sent = {"action": action, "_selected_action": [track.pk for track in tracks]}
    return html.unescape(client.post(SONGS, sent, follow=True).content.decode())


def test_the_list_marks_a_guess_and_filters_by_it(tracks, admin_client, genres):
    page = shown(admin_client, SONGS)
    assert page.count(">First guess</span>") == 4
    assert titles(admin_client, "first_guess=any") == {"Song 1", "Song 2", "Song 3", "Song 4"}
    assert titles(admin_client, f"first_guess={genres['Rap']}") == {"Song 4"}
    assert titles(admin_client, "first_guess=nonsense") == {f"Song {number}" for number in range(1, 6)}


def test_a_song_that_was_decided_shows_that_and_is_in_no_list_of_guesses(tracks, admin_client, genres):
    Override.objects.create(track=tracks[0], genre_id=genres["Folk"])
    songs.add_prediction(tracks[1], Genre.objects.get(name="Blues"), 0.9)
    assert titles(admin_client, "first_guess=any") == {"Song 3", "Song 4"}
    assert shown(admin_client, SONGS).count(">First guess</span>") == 2
    for track in tracks[:2]:
        assert "data-first-guess" not in shown(admin_client, f"{SONGS}{track.pk}/change/")


def test_the_page_of_a_song_shows_its_guess_without_a_percentage(tracks, admin_client):
    page = shown(admin_client, f"{SONGS}{tracks[0].pk}/change/")
    (guess,) = [line for line in page.splitlines() if "data-first-guess" in line]
    assert "Jazz" in guess
    assert "%" not in guess


def test_a_person_takes_guesses_as_genres_and_takes_that_back(tracks, admin_client, genres):
    Override.objects.create(track=tracks[1], genre_id=genres["Folk"])
    said = act(admin_client, "take_first_guess", [tracks[0], tracks[1], tracks[3], tracks[4]])
    assert "genre of 2 songs" in said
    assert "2 songs were left as before" in said
    overrides = Override.objects.order_by("track").values_list("track__title", "genre__name", "note")
    assert list(overrides) == [("Song 1", "Jazz", NOTE), ("Song 2", "Folk", ""), ("Song 4", "Rap", NOTE)]
    assert Override.objects.get(track=tracks[0]).by.username == "admin"
    act(admin_client, "clear_genre", tracks[:1])
    assert "Song 1" in titles(admin_client, "first_guess=any")


def test_the_dashboard_shows_guesses_by_genre_until_a_model_serves(tracks, admin_client, genres):
    page = shown(admin_client, "/admin/")
    assert f"?first_guess={genres['Jazz']}" in page
    assert "Anime, International, K-Pop, Latin, Lo-Fi, New Age, Reggae" in page
    songs.make_serving_model("genre_fma/3", ["Jazz"])
    assert "data-first-guesses" not in shown(admin_client, "/admin/")


def test_what_can_be_learned_and_teaching_lead_to_the_songs_that_are_guessed(tracks, admin_client, genres):
    for address in ("/admin/genres/genre/readiness/", "/admin/teaching/taughtset/add/"):
        assert f"?first_guess={genres['Jazz']}" in shown(admin_client, address)
    jazz = next(each for each in survey_genres().genres if each.genre == "Jazz")
    assert (jazz.first_guesses, bool(jazz.why_not)) == (3, True)
    assert "Jazz 3, Rap 1" in " ".join(map(str, suggestions(survey_genres())))


def test_an_export_has_the_guess_in_a_column_of_its_own_and_status_counts_them(tracks, genres):
    rows = {row["title"]: row for row in songs_as_data()}
    assert [(row["first_guess"], row["genre"]) for row in rows.values()] == [
        ("Jazz", None), ("Jazz", None), ("Jazz", None), ("Rap", None), (None, None),
    ]  # fmt: skip
    assert counts()["first_guesses"] == 4
    Override.objects.create(track=tracks[0], genre_id=genres["Folk"])
    assert next(songs_as_data())["first_guess"] is None
    assert counts()["first_guesses"] == 3


def test_a_vote_is_chosen_from_known_tags_and_changes_guesses_at_once(tracks, admin_client, genres):
    page = shown(admin_client, f"{VOTES}add/")
    assert all(f'<option value="{tag}"' in page for tag in TAGS)
    jazz = TagVote.objects.get(tag="jazz")
    sent = {"tag": "jazz", "genre": genres["Lo-Fi"], "weight": "1"}
    admin_client.post(f"{VOTES}{jazz.pk}/change/", sent)
    assert set(FirstGuess.objects.values_list("genre__name", flat=True)) == {"Lo-Fi", "Rap"}
    admin_client.post(f"{VOTES}{jazz.pk}/delete/", {"post": "yes"})
    assert set(FirstGuess.objects.values_list("genre__name", flat=True)) == {"Rap"}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"tag": "klezmer"}, "klezmer"),
        ({"weight": "0"}, "0.01"),
        ({"weight": "nan"}, "number"),
        ({"weight": "11"}, "10"),
        ({"genre": "0"}, "valid choice"),
        ({"tag": "jazz"}, "already"),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused_by_name(changed, word, tracks, admin_client, genres):
    before = TagVote.objects.count()
    sent = {"tag": "sad", "genre": str(genres["Jazz"]), "weight": "1"} | changed
    page = html.unescape(admin_client.post(f"{VOTES}add/", sent).content.decode())
    assert TagVote.objects.count() == before
    assert word in page


def test_the_page_of_votes_says_which_genres_cannot_be_guessed_and_which_tags_say_nothing(
    tracks, admin_client
):
    TagVote.objects.filter(tag="folk").delete()
    TagVote.objects.create(tag="klezmer", genre=Genre.objects.get(name="International"))
    page = shown(admin_client, VOTES)
    assert "Anime, Folk, International, K-Pop, Latin, Lo-Fi, New Age, Reggae" in page
    assert "folk, sad" in page
    assert "not given" in page


def test_a_reader_sees_votes_and_changes_none(tracks, client, django_user_model):
    from portal.accounts.roles import Role, give

    reader = django_user_model.objects.create_user("reader", password="reader")
    give(reader, Role.READER)
    client.force_login(reader)
    shown(client, VOTES)
    assert client.get(f"{VOTES}add/").status_code == 403
