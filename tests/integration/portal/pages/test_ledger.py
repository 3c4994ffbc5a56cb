"""Write batches and runs in the admin."""

from typing import Any

import pytest
import songs
from django.contrib.auth.models import Permission, User
from django.test import Client
from portal.ledger.models import WriteBatch, WriteRow
from portal.runs.models import Run, RunSong

BATCHES = "/admin/ledger/writebatch/"
RUNS = "/admin/runs/run/"
pytestmark = pytest.mark.usefixtures("genres")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, address: str, **data: Any) -> str:
    answer = client.post(address, data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def address_of(batch: WriteBatch) -> str:
    return f"{BATCHES}{batch.pk}/change/"


def test_a_batchs_page_marks_what_goes_and_what_comes_and_leaves_the_rest_plain(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    track.plex_genres = ["Jazz", "Polka"]
    batch = songs.make_batch([track])
    html = page(admin_client, address_of(batch))
    assert 'rc-tag rc-gone">Polka<' in html
    assert 'rc-tag">Jazz<' in html
    assert "Planned (dry run)" in html
    assert "1 song, confidence 70 %" in html


def test_a_planned_batch_is_applied_only_after_a_yes_that_names_the_number_of_songs(
    admin_client: Client,
) -> None:
    batch = songs.make_batch(songs.make_classified_songs(3))
    html = post(admin_client, address_of(batch), apply="")
    assert "The genres of 3 songs will be written to Plex" in html
    assert not Run.objects.exists()
    assert "Started:" in post(admin_client, address_of(batch), apply="", sure="yes")
    assert Run.objects.get().kind == Run.Kind.PUSH
    html = page(admin_client, address_of(batch))
    assert "is in progress" in html
    assert "Go on applying…" not in html
    Run.objects.update(state=Run.State.STOPPED)
    assert "Go on applying…" in page(admin_client, address_of(batch))


def test_an_applied_batch_is_rolled_back_only_after_a_yes_and_cannot_be_applied_again(
    admin_client: Client,
) -> None:
    batch = songs.make_batch(songs.make_classified_songs(2), WriteBatch.State.APPLIED)
    assert "Apply…" not in page(admin_client, address_of(batch))
    assert "is applied by now" in post(admin_client, address_of(batch), apply="", sure="yes")
    assert not Run.objects.exists()
    assert "The genres and locks of 2 songs will be put back" in post(
        admin_client, address_of(batch), roll_back=""
    )
    post(admin_client, address_of(batch), roll_back="", sure="yes")
    assert Run.objects.get().kind == Run.Kind.ROLLBACK


@pytest.mark.parametrize("state", WriteBatch.State.values)
def test_a_batch_in_every_state_can_be_looked_at_and_never_deleted(admin_client: Client, state: str) -> None:
    batch = songs.make_batch(songs.make_classified_songs(1), state)
    page(admin_client, address_of(batch))
    page(admin_client, BATCHES)
    assert admin_client.post(f"{BATCHES}{batch.pk}/delete/", {"post": "yes"}).status_code == 403
    assert WriteBatch.objects.filter(pk=batch.pk).exists()


def test_a_batchs_rows_are_shown_by_state_with_their_messages_and_in_pages(admin_client: Client) -> None:
    batch = songs.make_batch(songs.make_classified_songs(120))
    failed = batch.rows.order_by("pk")[0]
    WriteRow.objects.filter(pk=failed.pk).update(state=WriteRow.State.FAILED, message="Plex said no.")
    html = page(admin_client, address_of(batch))
    assert "Page 1 of 2" in html
    only_failed = page(admin_client, f"{address_of(batch)}?state=failed")
    assert "Plex said no." in only_failed
    assert only_failed.count("rc-tag rc-new") <= 1
    assert page(admin_client, f"{address_of(batch)}?p=2").count("<tr>") == 1 + 20


def test_a_run_shows_how_far_it_is_and_why_songs_failed(admin_client: Client) -> None:
    tracks = songs.make_classified_songs(3)
    run = Run.objects.create(
        kind=Run.Kind.CLASSIFY, state=Run.State.RUNNING, request_id="abc",
        song_count=4, done_count=1, skipped_count=1, failed_count=1,
    )  # fmt: skip
    states = (RunSong.State.FAILED, RunSong.State.SKIPPED, RunSong.State.PENDING)
    for track, state in zip(tracks, states, strict=True):
        message = "The file is cut short." if state == RunSong.State.FAILED else ""
        RunSong.objects.create(run=run, track=track, state=state, message=message)
    html = page(admin_client, f"{RUNS}{run.pk}/change/")
    assert "The file is cut short." in html
    assert "75 %" in html
    assert 'name="stop"' in html
    assert "3 of 4" in page(admin_client, RUNS)


def test_a_run_is_stopped_by_its_button_and_a_finished_one_has_none(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    run = Run.objects.create(
        kind=Run.Kind.CLASSIFY, state=Run.State.RUNNING, request_id="abc", songs_selected=True
    )
    RunSong.objects.create(run=run, track=track)
    post(admin_client, f"{RUNS}{run.pk}/change/", stop="")
    run.refresh_from_db()
    assert run.state in (Run.State.STOPPING, Run.State.STOPPED)
    Run.objects.update(state=Run.State.DONE)
    assert 'name="stop"' not in page(admin_client, f"{RUNS}{run.pk}/change/")


@pytest.mark.parametrize("state", Run.State.values)
def test_a_run_in_every_state_says_its_message(admin_client: Client, state: str) -> None:
    run = Run.objects.create(
        kind=Run.Kind.TRAIN, state=state, request_id="abc", message="Jazz needs more songs."
    )
    assert "Jazz needs more songs." in page(admin_client, f"{RUNS}{run.pk}/change/")
    assert "Jazz needs more songs." in page(admin_client, RUNS)


def test_who_may_only_look_can_neither_start_nor_stop_nor_write(
    client: Client, django_user_model: type[User]
) -> None:
    batch = songs.make_batch(songs.make_classified_songs(1))
    run = Run.objects.create(kind=Run.Kind.CLASSIFY, state=Run.State.RUNNING, request_id="abc")
    looker = django_user_model.objects.create_user("looker", password="pw", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    assert "Apply" not in page(client, address_of(batch))
    asked = {
        address_of(batch): {"apply": "", "sure": "yes"},
        f"{RUNS}{run.pk}/change/": {"stop": ""},
        f"{RUNS}start/train/": {},
    }
    assert {
        address: client.post(address, data).status_code for address, data in asked.items()
    } == dict.fromkeys(asked, 403)
    assert list(Run.objects.values_list("state", flat=True)) == [Run.State.RUNNING]


def test_a_library_cannot_be_deleted_for_the_ledger_would_go_with_it(admin_client: Client) -> None:
    (track,) = songs.make_classified_songs(1)
    answer = admin_client.post(f"/admin/library/library/{track.library_id}/delete/", {"post": "yes"})
    assert answer.status_code == 403
    assert track.library.tracks.exists()
