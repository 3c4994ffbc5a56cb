"""Predictions in the real database: one of a song's stands."""

import pytest
from django.db import IntegrityError, transaction
from portal.library.models import Library, Track
from portal.verdicts.models import Prediction


@pytest.mark.django_db
def test_a_song_has_one_current_prediction_whatever_is_stored(genres: dict[str, int]) -> None:
    library = Library.objects.create(server_id="s", key="1", title="Music")
    track = Track.objects.create(library=library, rating_key="1", title="A song", file="/a.mp3")
    said = {"track": track, "genre_id": genres["Jazz"], "confidence": 0.7, "deciding_stage": 1}
    Prediction.objects.create(model_version="f/1", **said)
    with pytest.raises(IntegrityError, match="prediction_one_current"), transaction.atomic():
        Prediction.objects.create(model_version="f/2", **said)
    Prediction.objects.create(model_version="f/2", current=False, **said)
