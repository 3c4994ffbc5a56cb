"""The page Judge songs, as a person uses it, before real inference of a stand-in's words."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from portal.genres.models import Genre
from portal.library.models import Analysis, Library, Track
from portal.preferences.changing import change
from portal.verdicts.judgements import JUDGED
from portal.verdicts.models import Decision, Judgement, Override
from portal.verdicts.overrides import clear_override
from songs import THEN, add_prediction, make_library, make_serving_model, make_song

PAGE = "/admin/library/track/judge/"
pytestmark = pytest.mark.usefixtures("genres")


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a test says who does."""
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", "127.0.0.1:9")


@pytest.fixture
def library(db: None) -> Library:
    make_serving_model("genre_fma/3", ("Jazz", "Folk", "Rap"))
    return make_library()


def song(library: Library, number: int, *, tag: str = "Folk", sound: str = "Jazz", **more: Any) -> Track:
    genres = {genre.name: genre for genre in Genre.objects.all()}
    track = make_song(library, number, **{"artist": f"Artist {number}", "tag_genre": genres[tag], **more})
    add_prediction(track, genres[sound], 0.9, model_version="genre_fma/3", outcome="classified")
    return track


def choices(page: str) -> list[tuple[str, str]]:
    """Key and genre of the large buttons."""
    return re.findall(r'data-key="(\d)"><kbd>\d</kbd> ([^<]+)</button>', page)


def shown(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def say(client: Client, track: Track, **pressed: Any) -> str:
    answer = client.post(PAGE, {"track": track.pk, **pressed})
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    return shown(client)


def genre_id(name: str) -> int:
    return Genre.objects.get(name=name).pk


def test_a_song_is_shown_with_two_alike_buttons_in_an_order_that_stays(
    admin_client: Client, library: Library
) -> None:
    song(library, 1)
    page = shown(admin_client)
    assert "data-player data-from-middle" in page
    assert {genre for _, genre in choices(page)} == {"Folk", "Jazz"}
    assert choices(shown(admin_client)) == choices(page)
    classes = re.findall(r'<button class="([^"]*)" name="genre"', page)
    assert len(set(classes)) == 1


def test_neither_genre_has_a_place_of_its_own(admin_client: Client, library: Library) -> None:
    firsts = set()
    for number in range(12):
        track = song(library, number)
        firsts.add(choices(shown(admin_client))[0][1])
        say(admin_client, track, genre=genre_id("Jazz"))
    assert firsts == {"Folk", "Jazz"}


def test_where_tag_and_sound_agree_two_buttons_stand_there_all_the_same(
    admin_client: Client, library: Library
) -> None:
    song(library, 1, tag="Jazz")
    assert {genre for _, genre in choices(shown(admin_client))} == {"Jazz", "Blues"}


@pytest.mark.parametrize(
    ("pressed", "kept", "overridden"),
    [
        (lambda: {"genre": genre_id("Jazz")}, ["Jazz"], ["Jazz"]),
        (lambda: {"other": "", "another": genre_id("Rap")}, ["Rap"], ["Rap"]),
        (lambda: {"none": ""}, [], []),
    ],
)
def test_each_button_keeps_what_it_says(
    admin_client: Client,
    library: Library,
    pressed: Callable[[], dict[str, Any]],
    kept: list[str],
    overridden: list[str],
) -> None:
    track = song(library, 1)
    page = say(admin_client, track, **pressed())
    said = Judgement.objects.get()
    assert (said.track, said.by.username) == (track, "admin")
    assert list(Genre.objects.filter(pk__in=said.genres).values_list("name", flat=True)) == kept
    assert list(Override.objects.values_list("genre__name", flat=True)) == overridden
    assert f"../{track.pk}/change/" in page


def album(library: Library, count: int) -> list[Track]:
    """Songs of one artist on one album."""
    return [
        song(library, number, artist="The Band", album_artist="The Band", album="Hits")
        for number in range(1, count + 1)
    ]


def test_a_whole_album_is_offered_judged_and_taken_back_at_once(
    admin_client: Client, library: Library
) -> None:
    songs = album(library, 3)
    page = shown(admin_client)
    assert 'name="whole_album"' in page
    assert "The whole album (3 songs)" in page
    page = say(admin_client, songs[0], genre=genre_id("Jazz"), whole_album="1")
    assert Override.objects.filter(genre__name="Jazz").count() == 3
    assert (not choices(page), 'name="back"' in page) == (True, True)
    assert re.search(r"data-judged>1</span>.*of 3 songs", page)
    assert 'name="track"' not in page, (
        "a program that judges must find the song that is asked about, and no other"
    )
    song_page = admin_client.get(f"/admin/library/track/{songs[1].pk}/change/").content.decode()
    assert "data-judged-with" in song_page
    page = say(admin_client, songs[0], back=songs[0].pk)
    assert not Override.objects.exists()
    assert not Judgement.objects.exists()
    assert (bool(choices(page)), 'name="back"' in page) == (True, False)


def test_clear_on_the_page_of_a_song_takes_back_its_whole_album(
    admin_client: Client, library: Library
) -> None:
    songs = album(library, 3)
    say(admin_client, songs[0], none="", whole_album="1")
    assert Judgement.objects.filter(genres=[]).count() == 3
    answer = admin_client.post(f"/admin/library/track/{songs[2].pk}/change/", {"clear": ""}, follow=True)
    assert "also of 2 other songs" in answer.content.decode()
    assert not Judgement.objects.exists()


def test_a_song_alone_on_its_album_is_offered_alone(admin_client: Client, library: Library) -> None:
    song(library, 1)
    assert 'name="whole_album"' not in shown(admin_client)


def another_session(client: Client, track: Track) -> None:
    client.force_login(User.objects.create_superuser("otto"))


def something_else(client: Client, track: Track, note: str = "") -> None:
    client.post(
        f"/admin/library/track/{track.pk}/change/", {"save": "", "genre": genre_id("Rap"), "note": note}
    )


def something_else_with_the_note_of_a_judgement(client: Client, track: Track) -> None:
    something_else(client, track, JUDGED)


@pytest.mark.parametrize(
    "meanwhile", [another_session, something_else, something_else_with_the_note_of_a_judgement]
)
def test_only_what_one_has_said_oneself_and_stands_is_taken_back_from_the_page(
    admin_client: Client, library: Library, meanwhile: Callable[[Client, Track], None]
) -> None:
    track = song(library, 1)
    say(admin_client, track, genre=genre_id("Jazz"))
    meanwhile(admin_client, track)
    assert 'name="back"' not in say(admin_client, track, back=track.pk)
    assert Override.objects.exists()


def test_what_is_taken_back_in_an_older_tab_is_not_the_newest_and_the_newest_is_named(
    admin_client: Client, library: Library
) -> None:
    older, newer = song(library, 1), song(library, 2)
    for track in (older, newer):
        say(admin_client, track, genre=genre_id("Jazz"))
    answer = admin_client.post(PAGE, {"back": older.pk}, follow=True)
    said = [str(message) for message in answer.context["messages"]]
    assert len(said) == 1
    assert newer.name in said[0]
    assert Judgement.objects.count() == 2


def test_judgements_that_do_not_tell_of_the_model_in_service_are_named(
    admin_client: Client, library: Library, portal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    one, other = song(library, 1), song(library, 2)
    for track in (one, other):
        page = say(admin_client, track, genre=genre_id("Jazz"))
    assert "data-telling" not in page
    one.predictions.update(outcome="out_of_distribution")
    assert 'data-telling="1"' in shown(admin_client)


def test_the_note_of_a_judgement_is_not_proposed_for_what_is_said_by_hand(
    admin_client: Client, library: Library
) -> None:
    track = song(library, 1)
    say(admin_client, track, genre=genre_id("Jazz"))
    page = admin_client.get(f"/admin/library/track/{track.pk}/change/")
    assert "note" not in page.context["form"].initial


def test_a_skipped_song_is_not_asked_again_in_this_session_and_nothing_is_kept(
    admin_client: Client, library: Library
) -> None:
    track = song(library, 1)
    assert not choices(say(admin_client, track, skip=""))
    assert not Judgement.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"track": "x"},
        {"track": str(2**70)},
        {"track": "1", "genre": "999999"},
        {"track": "1", "other": ""},
        {"track": "1", "back": "1"},
        {"back": "x"},
    ],
)
def test_nonsense_changes_nothing(admin_client: Client, library: Library, form: dict[str, str]) -> None:
    song(library, 1)
    answer = admin_client.post(PAGE, form, follow=True)
    assert answer.status_code == 200
    assert not Judgement.objects.exists()


def test_pressed_twice_it_counts_once_and_who_is_second_is_told(
    admin_client: Client, client: Client, library: Library
) -> None:
    track = song(library, 1)
    for _ in range(2):
        say(admin_client, track, genre=genre_id("Jazz"))
    client.force_login(User.objects.create_superuser("otto"))
    assert "admin has judged this song already" in say(client, track, genre=genre_id("Folk"))
    assert Override.objects.get().genre.name == "Jazz"


def test_who_may_only_look_judges_nothing(client: Client, library: Library) -> None:
    from portal.accounts.roles import Role, give

    reader = User.objects.create_user("reader", is_staff=True)
    give(reader, Role.READER)
    client.force_login(reader)
    track = song(library, 1)
    assert not choices(shown(client))
    assert client.post(PAGE, {"track": track.pk, "none": ""}).status_code == 403
    assert not Judgement.objects.exists()


def test_the_interval_is_shown_before_and_after(
    admin_client: Client, library: Library, portal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    tracks = [song(library, number) for number in range(3)]
    widths = []
    for track in tracks:
        page = shown(admin_client)
        low, high = (float(re.search(rf'data-{end}="([\d.]+)"', page)[1]) for end in ("low", "high"))
        widths.append(high - low)
        say(admin_client, track, genre=genre_id("Jazz"))
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3
    assert "Before your last judgement" in shown(admin_client)


def test_which_end_of_the_interval_decisions_use_is_said_by_the_contradictions_judged(
    admin_client: Client, library: Library, portal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    song(library, 9)
    say(admin_client, song(library, 1), genre=genre_id("Jazz"))
    page = say(admin_client, song(library, 2, tag="Jazz"), genre=genre_id("Jazz"))
    assert "data-judged>2<" in page
    assert 'data-contradictions="1"' in page
    assert "1 of the 30" in page
    monkeypatch.setattr("portal.pages.songs.judge_page.MIDDLE_FROM", 1)
    assert "the middle of this interval" in shown(admin_client)


def test_where_no_song_contradicts_any_more_nobody_is_sent_on_to_a_narrower_interval(
    admin_client: Client, library: Library, portal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    track = song(library, 1)
    song(library, 2, tag="Jazz")
    assert admin_client.get(PAGE).context["to_go"].startswith("30 more")
    say(admin_client, track, genre=genre_id("Jazz"))
    assert "No song is left" in admin_client.get(PAGE).context["to_go"]


def test_who_has_judged_all_is_not_told_to_train_and_who_has_no_model_is(
    admin_client: Client, library: Library
) -> None:
    assert "train a model and classify" in shown(admin_client)
    page = say(admin_client, song(library, 1), genre=genre_id("Jazz"))
    assert "train a model and classify" not in page
    assert "Each of these artists was asked about" in page


def test_while_inference_is_away_songs_are_judged_all_the_same(
    admin_client: Client, library: Library
) -> None:
    track = song(library, 1)
    page = say(admin_client, track, genre=genre_id("Jazz"))
    assert "cannot be said at present" in page
    assert Judgement.objects.exists()


def decided(library: Library, number: int, low: float = 0.4, mean: float = 0.9, **more: Any) -> Track:
    """A song whose tag would be corrected if no more were known than the middle."""
    track = song(library, number)
    Track.objects.filter(pk=track.pk).update(analysis=Analysis.CLASSIFIED)
    said = {
        "genre_id": genre_id("Jazz"),
        "kind": "correction",
        "prediction": track.predictions.get().pk,
        **more,
    }
    Decision.objects.create(
        track=track, confidence=low, confidence_mean=mean, confidence_high=mean, artist_group=UUID(int=1),
        evidence=UUID(int=1), decided_time=THEN, **said,
    )  # fmt: skip
    return track


def bought(client: Client) -> list[str]:
    """The numbers of the sentence."""
    said = re.search(r"data-buys>([^<]+)<", shown(client))
    return re.findall(r"\d+", said[1]) if said else []


def test_what_a_narrower_interval_would_buy_is_counted(admin_client: Client, library: Library) -> None:
    decided(library, 0, 0.9, 0.95)
    decided(library, 1, 0.4, 0.9)
    decided(library, 2, 0.3, 0.5)
    decided(library, 3, kind="fill")
    assert bought(admin_client) == ["1", "2"]


def of_a_song(**fields: Any) -> Callable[[Track], object]:
    return lambda track: Track.objects.filter(pk=track.pk).update(**fields)


def of_its_prediction(**fields: Any) -> Callable[[Track], object]:
    return lambda track: track.predictions.update(**fields)


def of_its_decision(**fields: Any) -> Callable[[Track], object]:
    return lambda track: Decision.objects.filter(track=track).update(**fields)


@pytest.mark.parametrize(
    "never",
    [
        of_a_song(in_plex="written"),
        of_a_song(in_plex="excluded"),
        of_a_song(analysis="provisional"),
        of_its_prediction(outcome="provisional"),
        of_its_prediction(random_weights=True),
        of_its_prediction(current=False),
        of_its_decision(genre=None),
        of_its_decision(prediction=1),
        lambda track: Override.objects.create(track=track, genre_id=genre_id("Jazz")),
        lambda track: Judgement.objects.create(
            track=track, genres=[], kind="disagreement", stratum="from 0.85"
        ),
        lambda track: change({"write_corrections": False}),
    ],
)
def test_what_no_plan_could_write_is_not_bought(
    admin_client: Client, library: Library, never: Callable[[Track], object]
) -> None:
    track = decided(library, 1)
    assert bought(admin_client) == ["0", "1"]
    never(track)
    assert bought(admin_client) == []


def test_bars_are_in_the_order_of_judgements_also_where_some_were_taken_back(
    admin_client: Client, library: Library, portal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_INFERENCE_TARGET", portal.target)
    tracks = [song(library, number) for number in range(3)]
    shown(admin_client)
    for track in tracks[:2]:  # but one reading, of two judgements
        admin_client.post(PAGE, {"track": track.pk, "genre": genre_id("Jazz")})
    shown(admin_client)
    clear_override([tracks[1].pk])
    shown(admin_client)
    say(admin_client, tracks[2], genre=genre_id("Jazz"))
    page = shown(admin_client)
    assert re.findall(r'title="After (\d) judgement', page) == ["0", "1", "2"]
    assert re.search(r"Before your last judgement: ([^;]+);", page)[1] in bar_of(page, 1)


def bar_of(page: str, judgements: int) -> str:
    return re.search(rf'title="After {judgements} judgements?: ([^"]+)"', page)[1]


def test_names_in_tags_are_text(admin_client: Client, library: Library) -> None:
    track = song(library, 1)
    track.title = '"><script>alert(1)</script>'
    track.save()
    assert "<script>alert" not in shown(admin_client)


def test_the_page_asks_the_database_as_often_for_many_songs_as_for_few(
    admin_client: Client, library: Library, queries_of: Any
) -> None:
    for number in range(2):
        song(library, number)
    few = queries_of(lambda: shown(admin_client))
    for number in range(2, 40):
        song(library, number)
    assert queries_of(lambda: shown(admin_client)) == few


def test_the_menu_has_the_page(admin_client: Client) -> None:
    assert PAGE in admin_client.get("/admin/").content.decode()
