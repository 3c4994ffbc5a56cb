"""The dashboard: with services down, with services up, and its buttons."""

import re
from typing import Any

import pytest
import songs
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from portal.genres.models import Genre
from portal.library.models import Analysis
from portal.pages.dashboard.services import look_around
from portal.registry.models import TrainedModel
from portal.runs.models import Run
from portal.verdicts.models import Override
from runtime.testing import running_server

pytestmark = pytest.mark.usefixtures("genres")


@pytest.fixture(autouse=True)
def _targets_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sync_target", "features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, "127.0.0.1:1")
    monkeypatch.setattr("portal.pages.dashboard.services.HEALTH_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("portal.training.preparing.TIMEOUT_SECONDS", 0.3)


def dashboard(client: Client) -> str:
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_services_that_are_down_are_said_plainly_and_the_rest_of_the_page_is_there(
    admin_client: Client,
) -> None:
    songs.make_classified_songs(6)
    html = dashboard(admin_client)
    assert html.count("Does not answer at 127.0.0.1:1.") == 3
    assert "Genres, as the AI classifies" in html
    assert "Badge(" not in html


def test_a_service_that_serves_is_up_and_one_that_cannot_tell_its_stages_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_server({}) as server:
        monkeypatch.setattr(settings.RECLASS, "features_target", f"127.0.0.1:{server.port}")
        found = look_around()
    assert {service.name: service.serving for service in found.services} == {
        "sync": False, "features": True, "inference": False,
    }  # fmt: skip
    assert found.stages == ()
    assert found.model_ready is None


def test_a_plex_that_is_silent_is_named_and_not_the_sync_service_that_waits_for_it(
    portal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.RECLASS, "sync_target", portal.target)
    monkeypatch.setattr("portal.pages.dashboard.services.HEALTH_TIMEOUT_SECONDS", 30)
    monkeypatch.setattr("portal.pages.dashboard.services.PLEX_TIMEOUT_SECONDS", 0.5)
    portal.plex.fail("hang", path="/")
    assert look_around().plex_trouble == "it has not answered within 0.5 seconds"


def test_the_dashboard_counts_states_agreement_and_genres_without_songs_that_are_gone(
    admin_client: Client,
) -> None:
    library = songs.make_library()
    tracks = songs.make_classified_songs(9, library)
    songs.make_song(library, 100, analysis=Analysis.FAILED)
    gone = tracks[0]
    gone.removed_time = songs.THEN
    gone.save()
    context = admin_client.get("/admin/").context
    counts = context["counts"]
    assert (counts.songs, counts.gone) == (9, 1)
    assert counts.by_analysis == {"classified": 8, "failed": 1}
    assert counts.by_agreement == {
        "agrees": 2, "put right": 2, "differs": 3, "no tag": 1, "no verdict": 1,
    }  # fmt: skip
    assert sum(counts.by_genre.values()) == 8


def primary(html: str) -> list[str]:
    """The words on the buttons that stand out."""
    return re.findall(r'class="rc-button rc-main"[^>]*>([^<]+)<', html)


def test_the_one_button_that_stands_out_is_the_next_step_and_none_does_while_a_run_is_at_work(
    portal: Any, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sync_target", "features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, portal.target)
    monkeypatch.setattr("portal.pages.dashboard.services.HEALTH_TIMEOUT_SECONDS", 30)
    assert primary(dashboard(admin_client)) == ["Sync now"]
    admin_client.post("/admin/runs/run/start/sync/")
    html = dashboard(admin_client)
    assert primary(html) == []
    run = Run.objects.get()
    assert f'href="/admin/runs/run/{run.pk}/change/">{run}</a>' in html
    portal.finish(run)
    portal.inference.ready = False
    cache.clear()
    assert primary(dashboard(admin_client)) == ["Analyse"]
    batch = songs.make_batch(songs.make_classified_songs(1, songs.make_library("Another")))
    assert f"Batch {batch.pk} is planned and waits to be applied." in dashboard(admin_client)


def test_a_dry_run_is_the_next_step_again_once_a_verdict_is_newer_than_the_last_one(
    portal: Any, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sync_target", "features_target", "inference_target"):
        monkeypatch.setattr(settings.RECLASS, name, portal.target)
    monkeypatch.setattr("portal.pages.dashboard.services.HEALTH_TIMEOUT_SECONDS", 30)
    (track,) = songs.make_classified_songs(1)

    def ran(kind: str, **fields: Any) -> None:
        now = timezone.now()
        Run.objects.create(
            kind=kind, state=Run.State.DONE, request_id="r", started_time=now, finished_time=now, **fields
        )

    assert "Dry run" in offered(admin_client)
    ran("plan")
    ran("classify", done_count=0)
    ran("train", model=trained_model("model-2"))
    assert "Dry run" not in offered(admin_client)
    ran("classify", done_count=1)
    assert "Dry run" in offered(admin_client)
    ran("plan")
    ran("promote", model=trained_model("model-3", promoted_time=timezone.now()))
    assert "Dry run" in offered(admin_client)
    ran("plan")
    assert "Dry run" not in offered(admin_client)
    Override.objects.create(track=track, genre=Genre.objects.get(name="Folk"))
    assert "Dry run" in offered(admin_client)


def trained_model(name: str, **fields: Any) -> TrainedModel:
    """A row as the mirror makes it."""
    lists = {name: [] for name in ("heads", "feature_versions", "genres")}
    numbers = {"song_count": 0, "group_count": 0, "random_weights": False, "is_rollback_target": False}
    return TrainedModel.objects.create(name=name, created_time=timezone.now(), **lists, **numbers, **fields)


def offered(client: Client) -> list[str]:
    """The buttons beside what is to do next."""
    return [one.button for one in client.get("/admin/").context["advice"]]


def test_a_step_that_cannot_be_taken_is_no_live_button(admin_client: Client) -> None:
    html = dashboard(admin_client)
    assert 'disabled title="No song is known yet: sync first."' in html
    assert primary(html) == []


def test_somebody_who_may_only_look_is_offered_no_run(client: Client, django_user_model: Any) -> None:
    viewer = django_user_model.objects.create_user("viewer", password="pw", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(viewer)
    songs.make_classified_songs(2)
    assert "/admin/runs/run/start/" not in dashboard(client)


@pytest.mark.parametrize("kind", ["sync", "extract", "classify", "train", "train-as-is", "plan"])
def test_a_button_starts_a_run_and_a_second_press_says_that_one_is_running(
    admin_client: Client, kind: str
) -> None:
    address = f"/admin/runs/run/start/{kind}/"
    assert "Started:" in admin_client.post(address, follow=True).content.decode()
    assert Run.objects.get().kind == kind.partition("-")[0]
    assert "already running" in admin_client.post(address, follow=True).content.decode()
    assert Run.objects.count() == 1


def test_a_run_is_not_started_by_a_link_by_nobody_or_under_another_name(
    admin_client: Client, client: Client
) -> None:
    assert admin_client.get("/admin/runs/run/start/sync/").status_code == 404
    assert admin_client.post("/admin/runs/run/start/nonsense/").status_code == 404
    assert client.post("/admin/runs/run/start/sync/").status_code == 302
    assert not Run.objects.exists()
