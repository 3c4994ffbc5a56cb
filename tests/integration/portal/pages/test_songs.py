"""The list of songs and the page of a song, as a person uses them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import songs
from django.contrib.auth.models import User
from django.test import Client
from portal.genres.models import Genre
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import Analysis, InPlex, Track
from portal.runs.models import Run
from portal.teaching.models import TaughtSet
from portal.verdicts.models import Judgement, Override

LIST = "/admin/library/track/"
pytestmark = pytest.mark.usefixtures("genres")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, address: str, **data: Any) -> str:
    answer = client.post(address, data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def titles(html: str) -> set[str]:
    return set(re.findall(r">(Song \d+)</a>", html))


def address_of(track: Track) -> str:
    return f"{LIST}{track.pk}/change/"


def test_the_list_asks_the_database_as_often_for_fifty_songs_as_for_five(
    admin_client: Client, queries_of: Callable[[Callable[[], object]], int]
) -> None:
    def queries_for(count: int) -> int:
        found: list[set[str]] = []
        queries = queries_of(lambda: found.append(titles(page(admin_client, LIST))))
        assert len(found[0]) == count
        return queries

    songs.make_classified_songs(5)
    few = queries_for(5)
    Track.objects.all().delete()
    songs.make_classified_songs(50, songs.make_library("Other"))
    assert queries_for(50) == few <= 13


def test_songs_are_found_by_title_artist_album_and_file(admin_client: Client) -> None:
    library = songs.make_library()
    songs.make_song(library, 1, artist="Nina", album="Blue", file="/music/x/one.mp3")
    songs.make_song(library, 2, artist="Miles", album="Red", file="/music/y/two.flac")
    for text, found in (("Song 1", 1), ("miles", 2), ("blue", 1), ("/y/two", 2)):
        assert titles(page(admin_client, f"{LIST}?q={text}")) == {f"Song {found}"}


def test_the_genre_shown_is_the_persons_where_there_is_one_and_else_the_ais(admin_client: Client) -> None:
    one, two = songs.make_classified_songs(2)
    Override.objects.create(track=one, genre=Genre.objects.get(name="Reggae"))
    html = page(admin_client, LIST)
    assert "set by a person" in html
    assert re.search(r'rc-genre">Reggae<', html)
    ai = two.predictions.get(current=True)
    assert f"{100 * ai.confidence:.0f} %" in html


def test_each_filter_leaves_the_songs_that_it_names(admin_client: Client) -> None:
    library = songs.make_library()
    jazz, blues = Genre.objects.get(name="Jazz"), Genre.objects.get(name="Blues")
    agrees = songs.make_song(library, 1, tag_genre=jazz, analysis=Analysis.CLASSIFIED)
    differs = songs.make_song(library, 2, tag_genre=blues)
    untagged = songs.make_song(library, 3)
    songs.make_song(library, 4, removed_time=songs.THEN)
    put_right = songs.make_song(library, 5, tag_genre=blues, in_plex=InPlex.WRITTEN)
    decided = songs.make_song(library, 6, tag_genre=blues)
    for settled in (put_right, decided):
        songs.add_prediction(settled, jazz, 0.55, suspected_label_error=True)
    Override.objects.create(track=decided, genre=blues)
    songs.add_prediction(agrees, jazz, 0.95)
    songs.add_prediction(differs, jazz, 0.75, suspected_label_error=True)
    songs.add_prediction(untagged, blues, 0.4)
    Override.objects.create(track=untagged, genre=blues)
    for query, expected in {
        "": {1, 2, 3, 5, 6},
        f"genre={jazz.pk}": {1, 2, 5, 6},
        "confidence=90": {1},
        "confidence=70": {2},
        "confidence=0": {3},
        "agreement=agrees": {1},
        "agreement=differs": {2, 6},
        "agreement=no tag": {3},
        "agreement=put right": {5},
        "suspected_label_error=yes": {2},
        "analysis__exact=classified": {1},
        "in_plex__exact=written": {5},
        "override=yes": {3, 6},
        "override=no": {1, 2, 5},
        f"library__id__exact={library.pk}": {1, 2, 3, 5, 6},
        "presence=gone": {4},
        "presence=all": {1, 2, 3, 4, 5, 6},
        "genre=nonsense": {1, 2, 3, 5, 6},
    }.items():
        assert titles(page(admin_client, f"{LIST}?{query}")) == {f"Song {n}" for n in expected}, query


def test_every_state_of_songs_can_be_listed_and_looked_at(admin_client: Client) -> None:
    library = songs.make_library()
    for number, state in enumerate(Analysis):
        track = songs.make_song(library, number, analysis=state, analysis_message="Put the file back.")
        html = page(admin_client, address_of(track))
        if state in (Analysis.FAILED, Analysis.SKIPPED):
            assert "Put the file back." in html
    for number, in_plex in enumerate(InPlex):
        page(admin_client, address_of(songs.make_song(library, 100 + number, in_plex=in_plex)))
    assert len(titles(page(admin_client, LIST))) == len(Analysis) + len(InPlex)


def test_columns_can_be_sorted_by(admin_client: Client) -> None:
    songs.make_classified_songs(6)
    for column in range(1, 9):
        assert len(titles(page(admin_client, f"{LIST}?o={column}"))) == 6


def action(client: Client, name: str, tracks: list[Track], **data: Any) -> str:
    return post(client, LIST, action=name, _selected_action=[track.pk for track in tracks], **data)


def test_a_genre_is_set_for_the_ticked_songs_after_asking_and_cleared_again(
    admin_client: Client, admin_user: User
) -> None:
    one, two, other = songs.make_classified_songs(3)
    jazz = Genre.objects.get(name="Jazz")
    html = action(admin_client, "set_genre", [one, two])
    assert "Set the genre for 2 songs" in html
    assert not Override.objects.exists()

    action(admin_client, "set_genre", [one, two], asked="yes", genre=jazz.pk, note="by ear")
    assert set(Override.objects.values_list("track", "genre__name", "note", "by__username")) == {
        (one.pk, "Jazz", "by ear", admin_user.username),
        (two.pk, "Jazz", "by ear", admin_user.username),
    }
    action(admin_client, "clear_genre", [one, other])
    assert set(Override.objects.values_list("track", flat=True)) == {two.pk}


def test_setting_no_genre_asks_again_and_changes_nothing(admin_client: Client) -> None:
    (one,) = songs.make_classified_songs(1)
    assert "Choose a genre" in action(admin_client, "set_genre", [one], asked="yes", genre="")
    assert not Override.objects.exists()


def test_songs_are_excluded_and_come_back_in_the_state_of_their_last_write(admin_client: Client) -> None:
    never, written = songs.make_classified_songs(2)
    songs.make_batch([written], WriteBatch.State.APPLIED)
    action(admin_client, "exclude", [never, written])
    assert set(Track.objects.values_list("in_plex", flat=True)) == {InPlex.EXCLUDED}
    action(admin_client, "include", [never, written])
    assert dict(Track.objects.values_list("pk", "in_plex")) == {
        never.pk: InPlex.UNTOUCHED,
        written.pk: InPlex.WRITTEN,
    }


def test_classify_again_starts_a_run_once_and_then_says_that_one_is_running(admin_client: Client) -> None:
    tracks = songs.make_classified_songs(2)
    assert "Started:" in action(admin_client, "classify_again", tracks)
    run = Run.objects.get()
    assert run.kind == Run.Kind.CLASSIFY
    assert "already running" in action(admin_client, "classify_again", tracks)
    assert Run.objects.count() == 1


def test_a_plan_asks_for_the_least_confidence_and_starts_a_dry_run(admin_client: Client) -> None:
    tracks = songs.make_classified_songs(2)
    assert "Minimum confidence" in action(admin_client, "plan", tracks)
    assert not Run.objects.exists()
    assert "less than or equal to 100" in action(admin_client, "plan", tracks, asked="yes", percent="130")
    assert not Run.objects.exists()
    action(admin_client, "plan", tracks, asked="yes", percent="82.5")
    run = Run.objects.get()
    assert run.kind == Run.Kind.PLAN
    assert run.batch.min_confidence == pytest.approx(0.825)


def test_a_songs_page_shows_every_stage_the_tags_the_writes_and_no_raw_json(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    track.plex_genres, track.plex_genres_locked, track.file_genres = ["Old Tag"], True, ["File Tag"]
    track.save()
    songs.make_batch([track], WriteBatch.State.APPLIED)
    prediction = track.predictions.get()
    prediction.out_of_fold = prediction.suspected_label_error = True
    prediction.save()
    html = page(admin_client, address_of(track))
    for text in (
        "Stage 1 · FMA", "Stage 2 · FMA + MERT", "below 80.0 %", "genre_fma_mert/2", "Old Tag", "locked", "File Tag",
        "had no song of this artist in its training", "Worth a listen", "Batch ", "flac, 44100 Hz, 2 channels",
        track.audio.content_key, "rc-gone",
    ):  # fmt: skip
        assert text in html, text
    assert html.count('class="rc-stage"') == 2
    assert "&#x27;stage&#x27;" not in html
    assert "Badge(" not in html


def test_a_song_that_was_written_has_no_wrong_tag_any_more_and_shows_what_was_there_before(
    admin_client: Client,
) -> None:
    blues = Genre.objects.get(name="Blues")
    track = songs.make_song(
        songs.make_library(), 1, plex_genres=["Delta Blues"], tag_genre=blues, in_plex=InPlex.WRITTEN
    )
    songs.add_prediction(track, Genre.objects.get(name="Jazz"), 0.9, suspected_label_error=True)
    songs.make_batch([track], WriteBatch.State.APPLIED)
    Track.objects.update(plex_genres=["Jazz"])
    html = page(admin_client, address_of(track))
    assert "Before us" in html
    assert '<span class="rc-tag">Delta Blues</span>' in html
    assert "Put right" in html
    assert "Worth a listen" not in html
    assert "rc-alert" not in page(admin_client, LIST)


def test_the_guess_for_a_song_unlike_the_training_is_shown_as_one(admin_client: Client) -> None:
    track = songs.make_song(songs.make_library(), 1, analysis=Analysis.OUT_OF_DISTRIBUTION)
    songs.add_prediction(track, Genre.objects.get(name="Jazz"), 0.97)
    shown = page(admin_client, LIST)
    assert ">Jazz?</span>" in shown
    assert "rc-fill rc-quiet" in shown
    html = page(admin_client, address_of(track))
    assert ">Jazz?</div>" in html
    assert "Jazz is only the nearest of what it knows" in html


def test_an_override_is_saved_on_the_songs_page_with_who_said_it_and_cleared(
    admin_client: Client, admin_user: User
) -> None:
    (track,) = songs.make_classified_songs(1)
    folk = Genre.objects.get(name="Folk")
    html = post(admin_client, address_of(track), genre=folk.pk, note="acoustic", save="")
    assert f"set by {admin_user.username}" in html
    assert Override.objects.get().by == admin_user
    assert "Choose a genre" in post(admin_client, address_of(track), genre="", note="", save="")
    post(admin_client, address_of(track), clear="")
    assert not Override.objects.exists()


def test_that_none_of_our_genres_is_right_stands_on_the_songs_page_and_is_taken_back_there(
    admin_client: Client, admin_user: User
) -> None:
    (track,) = songs.make_classified_songs(1)
    assert 'name="clear"' not in admin_client.get(address_of(track)).content.decode()
    Judgement.objects.create(track=track, genres=[], kind="disagreement", stratum="from 0.85", by=admin_user)
    html = admin_client.get(address_of(track)).content.decode()
    assert "data-none-is-right" in html
    assert f"judged by {admin_user.username}" in html
    assert 'name="clear"' in html
    assert "data-none-is-right" not in post(admin_client, address_of(track), clear="")
    assert not Judgement.objects.exists()


def test_buttons_of_the_songs_page_classify_exclude_and_include(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    post(admin_client, address_of(track), classify="")
    assert Run.objects.get().kind == Run.Kind.CLASSIFY
    post(admin_client, address_of(track), exclude="")
    assert Track.objects.get().in_plex == InPlex.EXCLUDED
    post(admin_client, address_of(track), include="")
    assert Track.objects.get().in_plex == InPlex.UNTOUCHED


def test_a_retired_genre_cannot_be_chosen(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    Genre.objects.filter(name="Latin").update(retired=True)
    post(admin_client, address_of(track), genre=Genre.objects.get(name="Latin").pk, save="")
    assert not Override.objects.exists()


def test_a_song_that_does_not_exist_leads_back_to_the_list_with_a_sentence(admin_client: Client) -> None:
    html = admin_client.get(f"{LIST}999999/change/", follow=True).content.decode()
    assert "There is no song 999999." in html


def test_songs_cannot_be_added_or_deleted_by_hand(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{track.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in page(admin_client, LIST)


def test_who_may_only_look_sees_the_page_and_changes_nothing(client: Client, django_user_model: Any) -> None:
    from django.contrib.auth.models import Permission

    (track,) = songs.make_classified_songs(1)
    looker = django_user_model.objects.create_user("looker", password="pw", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_track"))
    client.force_login(looker)
    assert "Save the genre" not in page(client, address_of(track))
    assert client.post(address_of(track), {"exclude": ""}).status_code == 403
    assert WriteRow.objects.count() == 0


def may(user: Any, *names: str) -> None:
    """Give these rights, and forget what was known of the others."""
    from django.contrib.auth.models import Permission

    user.user_permissions.set(Permission.objects.filter(codename__in=names))


def test_who_may_change_songs_starts_no_run_and_teaches_nothing_by_that_right(
    client: Client, django_user_model: Any
) -> None:
    """As on the dashboard and on the page of taught sets, whatever is posted by hand."""
    (track,) = songs.make_classified_songs(1)
    person = django_user_model.objects.create_user("person", password="pw", is_staff=True)
    client.force_login(person)
    may(person, "view_track", "change_track")
    listed = page(client, LIST)
    for name in ("classify_again", "extract_again", "plan", "teach"):
        assert f'value="{name}"' not in listed
        form = {
            "action": name,
            "_selected_action": [track.pk],
            "asked": "",
            "percent": "50",
            "new_genre": "Zeuhl",
        }
        assert client.post(LIST, form).status_code < 500
    for button in ("classify", "again"):
        assert f'name="{button}"' not in page(client, address_of(track))
        assert client.post(address_of(track), {button: ""}).status_code == 403
    assert (Run.objects.count(), TaughtSet.objects.count()) == (0, 0)
    assert not Genre.objects.filter(name="Zeuhl").exists()
    assert client.post(address_of(track), {"exclude": ""}).status_code == 302

    may(person, "view_track", "change_track", "change_run", "add_taughtset")
    listed = page(client, LIST)
    assert all(f'value="{name}"' in listed for name in ("classify_again", "extract_again", "plan", "teach"))
    assert 'name="classify"' in page(client, address_of(track))


def test_a_new_genre_is_made_by_who_may_make_genres(client: Client, django_user_model: Any) -> None:
    (track,) = songs.make_classified_songs(1)
    person = django_user_model.objects.create_user("person", password="pw", is_staff=True)
    client.force_login(person)
    form = {"action": "teach", "_selected_action": [track.pk], "asked": "", "new_genre": "Zeuhl"}
    rights = ("view_track", "change_track", "add_taughtset", "view_taughtset")
    may(person, *rights)
    asked = client.post(LIST, form).content.decode()
    assert "Choose a genre" in asked
    assert 'name="new_genre"' not in asked
    assert 'name="new_genre"' not in page(client, "/admin/teaching/taughtset/add/")
    client.post("/admin/teaching/taughtset/add/", {"new_genre": "Zeuhl", "folder": "/music"})
    assert not Genre.objects.filter(name="Zeuhl").exists()
    may(person, *rights, "add_genre")
    assert client.post(LIST, form).status_code == 302
    assert Genre.objects.filter(name="Zeuhl").exists()


def test_markup_in_a_songs_name_is_shown_and_not_obeyed(admin_client: Client) -> None:
    track = songs.make_song(songs.make_library(), 1, title="<script>x</script>", plex_genres=["<i>"])
    for address in (LIST, address_of(track)):
        html = page(admin_client, address)
        assert "<script>x" not in html
        assert "<i>" not in html


def test_a_list_offers_to_show_all_only_where_something_is_left_out(admin_client: Client) -> None:
    songs.make_classified_songs(2)
    for address in ("/admin/library/track/", "/admin/runs/run/", "/admin/ledger/writebatch/"):
        assert "Show all" not in admin_client.get(address).content.decode()
    assert "Show all" in admin_client.get("/admin/library/track/?q=1").content.decode()
