"""Predictions in the real database: how they are kept, and which one stands."""

import json

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from portal.library.models import Library, Track
from portal.verdicts.models import Prediction
from portal.verdicts.stages import stage_verdicts

OLD_STAGES = [
    {"stage": 1, "model_version": "f/1", "decided": False, "threshold": 0.8, "top": [["Jazz", 0.71239], ["Folk", 0.1]]},
    {"stage": 2, "model_version": "m/1", "decided": True, "threshold": 0.7, "top": []},
]  # fmt: skip
SHORT_STAGES = [[1, "f/1", False, 0.8, ["Jazz", 0.7124, "Folk", 0.1]], [2, "m/1", True, 0.7, []]]


@pytest.fixture
def track(genres: dict[str, int]) -> Track:
    library = Library.objects.create(server_id="s", key="1", title="Music")
    return Track.objects.create(library=library, rating_key="1", title="A song", file="/a.mp3")


@pytest.mark.django_db(transaction=True)
def test_a_database_of_the_version_before_keeps_what_its_stages_said(track: Track, genres: dict[str, int]):
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    Prediction.objects.create(
        track=track, genre_id=genres["Jazz"], confidence=0.7, model_version="m/1", deciding_stage=2
    )
    try:
        executor.migrate([("verdicts", "0001_initial")])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE verdicts_prediction SET stages = %s", [json.dumps(OLD_STAGES)])
    finally:
        MigrationExecutor(connection).migrate(leaves)
    kept = Prediction.objects.get()
    assert kept.stages == SHORT_STAGES
    assert stage_verdicts(kept.stages)[0].top[1].genre == "Folk"
    try:
        MigrationExecutor(connection).migrate([("verdicts", "0001_initial")])
        with connection.cursor() as cursor:
            cursor.execute("SELECT stages FROM verdicts_prediction")
            (text,) = cursor.fetchone()
    finally:
        MigrationExecutor(connection).migrate(leaves)
    assert [stage["top"] for stage in json.loads(text)] == [[["Jazz", 0.7124], ["Folk", 0.1]], []]
