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
from portal.pages.theme import UNFOLD
from portal.training.readiness import survey_genres
from portal.training.suggestions import suggestions
from portal.verdicts.models import Judgement, Override
from tagged_songs import TAGS, make_tagged_song, make_tagger

SONGS = "/admin/library/track/"
VOTES = "/admin/first_guess/tagvote/"
SHIPPED = f"{VOTES}shipped/"
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


def act(client, action: str, tracks: list[Track], **data: str) -> str:
    sent = {"action": action, "_selected_action": [track.pk for track in tracks], **data}
    return html.unescape(client.post(SONGS, sent, follow=True).content.decode())


def take(client, tracks: list[Track], **data: str) -> str:
    return act(client, "take_first_guess", tracks, asked="yes", **data)


def said_by_hand() -> list[tuple[str, str, str]]:
    overrides = Override.objects.order_by("track")
    return list(overrides.values_list("track__title", "genre__name", "note"))


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
    shown_guess = page[page.index("data-first-guess") :].split("</section>")[0]
    assert "Jazz" in shown_guess
    assert "%" not in shown_guess.splitlines()[0]
    assert ">From the tags of its sound" in shown_guess


def test_a_person_takes_guesses_as_genres_and_takes_that_back(tracks, admin_client, genres):
    Override.objects.create(track=tracks[1], genre_id=genres["Folk"])
    said = take(admin_client, [tracks[0], tracks[1], tracks[3], tracks[4]])
    assert "genre of 2 songs" in said
    assert "“Take back first guesses”" in said
    assert "2 songs were left as before" in said
    assert said_by_hand() == [("Song 1", "Jazz", NOTE), ("Song 2", "Folk", ""), ("Song 4", "Rap", NOTE)]
    assert Override.objects.get(track=tracks[0]).by.username == "admin"
    assert titles(admin_client, "override=guess") == {"Song 1", "Song 4"}
    assert "of 1 song" in act(admin_client, "take_back_first_guesses", tracks[:2])
    assert "Song 1" in titles(admin_client, "first_guess=any")


def test_taking_guesses_back_leaves_what_was_said_by_hand_before_and_since(tracks, admin_client, genres):
    Override.objects.create(track=tracks[2], genre_id=genres["Jazz"], note=NOTE)
    Judgement.objects.create(track=tracks[4], genres=[], kind="disagreement")
    take(admin_client, tracks)
    assert len(said_by_hand()) == 4
    changed = {"genre": genres["Blues"], "note": NOTE}
    admin_client.post(f"{SONGS}{tracks[0].pk}/change/", changed)
    assert titles(admin_client, "override=guess") == {"Song 2", "Song 4"}
    act(admin_client, "take_back_first_guesses", tracks)
    assert said_by_hand() == [("Song 1", "Blues", NOTE), ("Song 3", "Jazz", NOTE)]
    assert Judgement.objects.exists()


def test_a_genre_that_is_set_by_hand_is_not_offered_the_note_of_a_guess(tracks, admin_client):
    take(admin_client, tracks[:1])
    form = admin_client.get(f"{SONGS}{tracks[0].pk}/change/").context["form"]
    assert form.initial == {"genre": Genre.objects.get(name="Jazz").pk}


@pytest.fixture
def tagged(tracks, genres) -> list[Track]:
    """Of the three songs that are guessed to be Jazz one is tagged Blues, and one Jazz."""
    for track, genre in zip(tracks[1:], ("Blues", "Jazz"), strict=False):
        Track.objects.filter(pk=track.pk).update(tag_genre=genres[genre])
    return tracks


def test_taking_guesses_asks_first_and_counts_songs_whose_tag_says_otherwise(tagged, admin_client):
    page = act(admin_client, "take_first_guess", tagged)
    assert not Override.objects.exists()
    assert "for 2 songs" in page
    assert all(song in page for song in ("Song 1", "Song 4"))
    assert "2 songs have a tag that counts" in page
    assert "1 of them says another genre" in page


def test_songs_whose_tag_counts_are_left_out_unless_a_person_ticks_them(tagged, admin_client):
    said = take(admin_client, tagged)
    assert said_by_hand() == [("Song 1", "Jazz", NOTE), ("Song 4", "Rap", NOTE)]
    assert "3 songs were left as before" in said
    assert "genre of 2 songs" in take(admin_client, tagged, tagged="on")
    assert {title for title, *_ in said_by_hand()} == {"Song 1", "Song 2", "Song 3", "Song 4"}


def test_where_no_song_has_a_guess_to_take_nothing_is_asked(tagged, admin_client):
    page = act(admin_client, "take_first_guess", tagged[4:])
    assert "1 song was left as before" in page
    assert 'name="asked"' not in page


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


def test_removing_votes_says_of_how_many_songs_a_guess_is_gone(tracks, admin_client):
    sent = {"action": "delete_selected", "post": "yes"}
    for left_out, said in ((TagVote.objects.filter(tag="jazz"), 3), (TagVote.objects.all(), 1)):
        chosen = {**sent, "_selected_action": list(left_out.values_list("pk", flat=True))}
        page = html.unescape(admin_client.post(VOTES, chosen, follow=True).content.decode())
        assert "no first guess any more" in page
        assert f"{said} song" in page
    assert "another first guess now" not in page
    assert not FirstGuess.objects.exists()


def test_the_shipped_votes_are_put_back_where_they_are_missing_and_others_stay(tracks, admin_client):
    shipped = TagVote.objects.count()
    assert SHIPPED not in shown(admin_client, VOTES)
    TagVote.objects.filter(tag="jazz").update(weight=2.5)
    TagVote.objects.exclude(tag="jazz").delete()
    TagVote.objects.create(tag="sad", genre=Genre.objects.get(name="Blues"))
    refresh()
    assert SHIPPED in shown(admin_client, VOTES)
    page = html.unescape(admin_client.post(SHIPPED, follow=True).content.decode())
    assert f"{shipped - 1} shipped votes are back" in page
    assert TagVote.objects.count() == shipped + 1
    assert TagVote.objects.get(tag="jazz").weight == 2.5
    assert FirstGuess.objects.filter(genre__name="Rap").count() == 1
    assert SHIPPED not in shown(admin_client, VOTES)


def test_only_who_may_add_votes_puts_the_shipped_ones_back(tracks, client, django_user_model):
    from portal.accounts.roles import Role, give

    reader = django_user_model.objects.create_user("reader", password="reader")
    give(reader, Role.READER)
    client.force_login(reader)
    TagVote.objects.filter(tag="jazz").delete()
    assert SHIPPED not in shown(client, VOTES)
    assert client.post(SHIPPED).status_code == 403
    assert client.get(SHIPPED).status_code in (403, 405)
    assert not TagVote.objects.filter(tag="jazz").exists()


def test_the_page_that_deletes_a_genre_counts_its_votes(tracks, admin_client, genres):
    klezmer = Genre.objects.create(name="Klezmer")
    TagVote.objects.create(tag="sad", genre=klezmer)
    page = shown(admin_client, f"/admin/genres/genre/{klezmer.pk}/delete/")
    assert "1 tag that votes for it" in page
    assert "Nothing uses it" not in page
    assert "votes would be deleted too" in page


def test_the_form_of_a_vote_says_the_bounds_of_its_weight(tracks, admin_client):
    told = admin_client.get(f"{VOTES}add/").context["adminform"].form.fields["weight"].help_text
    assert "0.01 to 10" in told


def test_the_menu_and_the_page_of_votes_have_one_name(tracks, admin_client):
    answer = admin_client.get(VOTES)
    assert answer.context["title"] == answer.context["opts"].verbose_name_plural.capitalize() == "Tag votes"
    entries = [entry for group in UNFOLD["SIDEBAR"]["navigation"] for entry in group["items"]]
    assert [entry["title"] for entry in entries if entry["link"] == VOTES] == ["Tag votes"]


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
