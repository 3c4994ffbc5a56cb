"""What Prometheus reads of the portal: right numbers, no secrets, and nothing for strangers."""

import pytest
from django.conf import settings
from django.test import Client
from portal.library.models import Track
from portal.orchestration.start import start_extract, start_sync
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

SONGS = 12


def figures(answer):
    """Every sample by its name and labels."""
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.fixture
def token(monkeypatch):
    known = settings.RECLASS.model_copy(update={"metrics_token": SecretStr("sesame")})
    monkeypatch.setattr(settings, "RECLASS", known)
    return "sesame"


def test_songs_runs_and_jobs_are_counted_by_their_state(portal, admin_client):
    portal.finish(start_sync(["Music"]))
    portal.finish(start_extract())
    Track.objects.filter(rating_key="1001").update(analysis="pending")
    start_extract()
    seen = figures(admin_client.get("/metrics"))
    assert seen["reclass_songs", "extracted"] == SONGS - 1
    assert seen["reclass_songs", "pending"] == 1
    assert seen["reclass_songs", "failed"] == 0
    assert seen["reclass_songs_in_plex", "untouched"] == SONGS + 1
    assert seen["reclass_runs", "sync", "done"] == 1
    assert seen["reclass_runs", "extract", "waiting"] == 1
    assert seen["reclass_jobs", "todo"] >= 1
    assert seen["reclass_workers",] == 0
    assert seen["process_resident_memory_bytes",] > 0


def test_a_program_with_the_token_may_read_them(db, token):
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert ("reclass_jobs", "todo") in figures(answer)
    assert token not in answer.content.decode()


@pytest.mark.parametrize("sent", ["", "Bearer wrong", "sesame", "Bearer "])
def test_a_stranger_may_not(db, token, sent):
    answer = Client().get("/metrics", headers={"Authorization": sent})
    assert answer.status_code == 403
    assert b"PORTAL_METRICS_TOKEN" in answer.content


def test_without_a_token_there_is_no_way_in_for_programs(db):
    assert Client().get("/metrics", headers={"Authorization": "Bearer None"}).status_code == 403


def test_a_user_who_is_not_of_staff_may_not(db, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("visitor"))
    assert client.get("/metrics").status_code == 403


def test_a_scrape_asks_as_much_of_the_database_however_many_songs_there_are(
    portal, admin_client, django_assert_num_queries
):
    portal.finish(start_sync(["Music"]))
    with django_assert_num_queries(8):  # two find out who asks, one which libraries are chosen
        admin_client.get("/metrics")
