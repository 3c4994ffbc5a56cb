"""Vectors in the real database: what precision they keep, and where they lie."""

from array import array

import numpy as np
import pytest
from django.db import connection
from portal.library.models import Audio, Vector
from portal.library.vectors import store_vectors, stored_vectors
from portal.remote.audio import VectorValues

RANDOM = np.random.default_rng(1)


def kept(kind: str, values: np.ndarray) -> np.ndarray:
    """The values after they were stored and read."""
    audio = Audio.objects.create(content_key=f"content {kind}")
    store_vectors({audio.pk: [VectorValues(kind=kind, version="test/1", values=array("f", values))]})
    (vector,) = stored_vectors([audio.pk])[audio.pk]
    assert (vector.kind, vector.version, vector.values.typecode) == (kind, "test/1", "f")
    return np.array(vector.values, np.float32)


@pytest.mark.django_db
def test_fma_values_come_back_bit_by_bit():
    values = (RANDOM.normal(size=518) * 10.0 ** RANDOM.integers(-6, 4, size=518)).astype(np.float32)
    assert kept("fma", values).tobytes() == values.tobytes()


@pytest.mark.django_db
def test_embeddings_come_back_within_half_precision():
    values = RANDOM.normal(size=1024).astype(np.float32)
    np.testing.assert_array_equal(kept("mert", values), values.astype(np.float16).astype(np.float32))


@pytest.mark.django_db
def test_an_embedding_beyond_half_precision_stays_as_it_is():
    values = np.array([1.0, 70_000.0], np.float32)
    np.testing.assert_array_equal(kept("mert", values), values)


@pytest.mark.django_db
def test_a_vector_that_is_there_stays_when_it_is_stored_again():
    audio = Audio.objects.create(content_key="content")
    for number in (1.0, 2.0):
        values = array("f", [number])
        store_vectors({audio.pk: [VectorValues(kind="fma", version="test/1", values=values)]})
    assert [vector.values.tolist() for vector in stored_vectors([audio.pk])[audio.pk]] == [[1.0]]


@pytest.mark.django_db
def test_vectors_lie_in_their_rows_and_not_beside_them():
    kept("fma", RANDOM.normal(size=518).astype(np.float32))
    kept("mert", RANDOM.normal(size=1024).astype(np.float32))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = %s", [Vector._meta.db_table]
        )
        assert cursor.fetchone() == (0,)
