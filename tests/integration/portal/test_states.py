"""Every state of a song, reached the way a real song reaches it, and shown: a badge, a filter, a count."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from models_stand_in import IN_SERVICE, made
from portal.ledger.exclusion import exclude
from portal.ledger.models import WriteBatch
from portal.library.census import counts
from portal.library.flags import Flag
from portal.library.models import Analysis, InPlex, Track
from portal.orchestration.failed_songs import retry_due
from portal.orchestration.start import (
    start_classify,
    start_extract,
    start_plan,
    start_push,
    start_rollback,
    start_sync,
)
from portal.pages import badges
from portal.pages.dashboard.counts import FLAG_QUERIES
from portal.plex_sync.storing import NO_MEDIA_MESSAGE
from portal.preferences.changing import change
from portal.registry.mirror import reconcile
from portal.registry.serving import serving_versions
from portal.runs.models import Run
from reclass.inference.v1 import inference_pb2
from stand_in_services import BusyError, TooShortError

KEY = "1003"


@pytest.fixture(autouse=True)
def _asked_anew(portal, monkeypatch):
    """The pages ask the services of this test."""
    from django.conf import settings

    for name in ("sync_target", "features_target", "inference_target"):
        monkeypatch.setenv(f"PORTAL_{name.upper()}", portal.target)
        monkeypatch.setattr(settings.RECLASS, name, portal.target)


def song() -> Track:
    return Track.objects.get(rating_key=KEY)


def pending(portal) -> None:
    portal.finish(start_sync(["Music"]))


def extracted(portal) -> None:
    pending(portal)
    portal.finish(start_extract(track_ids=[song().pk]))


def classified(portal, outcome: int = inference_pb2.OUTCOME_CLASSIFIED) -> None:
    extracted(portal)
    portal.inference.outcome = outcome
    portal.finish(start_classify([song().pk]))


def provisional(portal) -> None:
    classified(portal, inference_pb2.OUTCOME_PROVISIONAL)


def out_of_distribution(portal) -> None:
    classified(portal, inference_pb2.OUTCOME_OUT_OF_DISTRIBUTION)


def failed(portal) -> None:
    pending(portal)
    portal.features.faults = {KEY: [BusyError("The service is busy.")] * 5}
    run = start_extract(track_ids=[song().pk])
    Run.objects.filter(pk=run.pk).update(state=Run.State.RUNNING)
    portal.work_off()
    from portal.orchestration import engine

    for _ in range(5):
        engine.work(run.pk, [song().pk], portal.equipment())
    portal.features.faults = {}


def skipped(portal) -> None:
    pending(portal)
    portal.features.faults = {KEY: [TooShortError("The song is 3 s long.")]}
    portal.finish(start_extract(track_ids=[song().pk]))


def untouched(portal) -> None:
    pending(portal)
    Track.objects.exclude(rating_key=KEY).update(in_plex=InPlex.EXCLUDED)


def planned(portal) -> WriteBatch:
    classified(portal)
    run = portal.finish(start_plan([song().pk], min_confidence=0.5))
    return run.batch


def written(portal) -> WriteBatch:
    batch = planned(portal)
    portal.finish(start_push(batch))
    return batch


def rolled_back(portal) -> None:
    portal.finish(start_rollback(written(portal)))


def conflict(portal) -> None:
    batch = planned(portal)
    portal.plex.ask("PUT", f"tracks/{KEY}/genres", {"genres": ["Mine"], "locked": True})
    portal.finish(start_push(batch))


def excluded(portal) -> None:
    pending(portal)
    exclude([song().pk])


def stale(portal) -> None:
    classified(portal)
    serves(portal, made(2, IN_SERVICE))


def serves(portal, *models) -> None:
    """inference has these models, and the portal has seen it."""
    portal.inference.model = "genre_test/2"
    portal.inference.models = list(models)
    reconcile(portal.services.models)


def classified_by_random_weights(portal) -> None:
    portal.inference.random_weights = True
    classified(portal)


def removed(portal) -> None:
    pending(portal)
    portal.plex.ask("DELETE", f"tracks/{KEY}")
    portal.finish(start_sync(["Music"]))


def not_chosen(portal) -> None:
    pending(portal)
    library = {"rating_key": int(KEY), "title": "Moved", "file": "/music/moved.mp3"}
    portal.plex.ask("DELETE", f"tracks/{KEY}")
    portal.plex.ask("POST", "tracks", {"library_key": 3, "tracks": [library]})
    portal.finish(start_sync())
    change({"plex_libraries": ["Music"]})


ANALYSIS: dict[str, Callable[[Any], object]] = {
    Analysis.PENDING: pending,
    Analysis.EXTRACTED: extracted,
    Analysis.CLASSIFIED: classified,
    Analysis.PROVISIONAL: provisional,
    Analysis.OUT_OF_DISTRIBUTION: out_of_distribution,
    Analysis.FAILED: failed,
    Analysis.SKIPPED: skipped,
}
IN_PLEX: dict[str, Callable[[Any], object]] = {
    InPlex.UNTOUCHED: untouched,
    InPlex.PLANNED: planned,
    InPlex.WRITTEN: written,
    InPlex.ROLLED_BACK: rolled_back,
    InPlex.CONFLICT: conflict,
    InPlex.EXCLUDED: excluded,
}
FLAGS: dict[str, Callable[[Any], object]] = {
    Flag.STALE: stale,
    Flag.REMOVED: removed,
    Flag.RANDOM_WEIGHTS: classified_by_random_weights,
    Flag.NOT_CHOSEN: not_chosen,
}


def listed(client: Client, query: str) -> list[str]:
    """The rating keys of the songs that the list shows with this filter."""
    answer = client.get(f"/admin/library/track/?{query}")
    assert answer.status_code == 200
    return [track.rating_key for track in answer.context["cl"].result_list]


def shown(client: Client) -> str:
    return client.get(f"/admin/library/track/{song().pk}/change/").content.decode()


def bars(client: Client) -> dict[str, int]:
    """What the dashboard counts, by the words of the badge."""
    context = client.get("/admin/").context
    names = ("analysis_bars", "in_plex_bars", "flag_bars")
    return {bar.badge.text: bar.count for name in names for bar in context[name]}


def test_every_state_has_a_way_to_it() -> None:
    assert set(ANALYSIS) == set(Analysis.values)
    assert set(IN_PLEX) == set(InPlex.values)
    assert set(FLAGS) == set(FLAG_QUERIES) == set(badges.FLAGS) == set(Flag.values)


@pytest.mark.parametrize("state", Analysis.values)
def test_a_song_comes_into_each_state_of_analysis_and_is_shown_filtered_and_counted(
    portal, admin_client, state
):
    ANALYSIS[state](portal)
    assert song().analysis == state
    assert KEY in listed(admin_client, f"analysis__exact={state}")
    assert badges.ANALYSIS[state].html in shown(admin_client)
    with_state = Track.objects.filter(analysis=state, removed_time=None).count()
    assert bars(admin_client)[badges.ANALYSIS[state].text] == with_state
    assert state == Analysis.EXTRACTED or counts()[state] == with_state


@pytest.mark.parametrize("state", InPlex.values)
def test_a_song_comes_into_each_state_in_plex_and_is_shown_filtered_and_counted(portal, admin_client, state):
    IN_PLEX[state](portal)
    assert song().in_plex == state
    assert KEY in listed(admin_client, f"in_plex__exact={state}")
    assert badges.IN_PLEX[state].html in shown(admin_client)
    with_state = Track.objects.filter(in_plex=state, removed_time=None).count()
    assert bars(admin_client)[badges.IN_PLEX[state].text] == with_state


@pytest.mark.parametrize("flag", list(FLAGS))
def test_a_song_has_each_flag_and_is_shown_filtered_and_counted(portal, admin_client, flag):
    FLAGS[flag](portal)
    assert listed(admin_client, FLAG_QUERIES[flag]) == [KEY]
    assert badges.FLAGS[flag].html in shown(admin_client)
    assert bars(admin_client)[badges.FLAGS[flag].text] == 1
    assert counts(serving_versions())[flag.name.lower()] == 1


def test_a_song_is_not_stale_once_the_model_in_service_has_classified_it_nor_while_none_serves(
    portal, admin_client
):
    stale(portal)
    portal.finish(start_classify([song().pk]))
    assert listed(admin_client, "stale=yes") == []
    assert counts(serving_versions())["stale"] == 0
    assert Flag.STALE.label not in bars(admin_client)
    serves(portal)
    assert listed(admin_client, "stale=yes") == []
    assert counts(serving_versions())["stale"] == 0


def test_a_failed_song_says_how_often_it_was_tried_and_when_again_and_a_button_does_it_at_once(
    portal, admin_client
):
    failed(portal)
    page = shown(admin_client)
    assert "The service is busy." in page
    assert "Tried 5 times." in page
    assert re.search(r"Tried again by itself after \d+ \w+ \d{4}, \d\d:\d\d", page)
    admin_client.post(f"/admin/library/track/{song().pk}/change/", {"again": ""})
    assert song().analysis == Analysis.PENDING
    portal.finish(Run.objects.latest("pk"))
    assert song().analysis == Analysis.EXTRACTED


def test_skipped_songs_are_tried_again_when_a_person_says_so(portal, admin_client):
    skipped(portal)
    portal.finish(start_extract())
    assert song().analysis == Analysis.SKIPPED
    data = {"action": "extract_again", "_selected_action": [song().pk]}
    admin_client.post("/admin/library/track/", data)
    portal.finish(Run.objects.latest("pk"))
    assert song().analysis == Analysis.EXTRACTED


def test_a_song_without_a_file_has_no_button_that_could_not_help(portal, admin_client):
    pending(portal)
    silent = Track.objects.get(rating_key="2001")
    page = admin_client.get(f"/admin/library/track/{silent.pk}/change/").content.decode()
    assert NO_MEDIA_MESSAGE in page
    assert 'name="again"' not in page


def test_a_failed_song_is_tried_again_by_itself_when_it_is_time_and_not_before(portal):
    failed(portal)
    Run.objects.filter(state=Run.State.RUNNING).update(state=Run.State.DONE)
    before = Run.objects.count()
    retry_due()
    assert Run.objects.count() == before
    Track.objects.filter(rating_key=KEY).update(next_try_time=song().last_synced)
    retry_due()
    run = portal.finish(Run.objects.latest("pk"))
    assert (run.kind, run.song_count, song().analysis) == (Run.Kind.EXTRACT, 1, Analysis.EXTRACTED)
