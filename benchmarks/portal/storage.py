"""What a large library takes on disk, table by table, beside the plain layout in the same database."""

import time

import numpy as np

from benchmarks.support.big_database import SONGS, big_database
from benchmarks.support.targets import at_most

MOST_GIGABYTES = 1.2
MB = 1e6
GENRES, TAUGHT, CLASSIFIED = 16, 5000, 20_000
# As Django's own field types keep it: full precision, the usual limit for large rows, stages as objects, and the twin
# of each indexed text that serves LIKE.
PLAIN = """
    CREATE TABLE plain_vector (id bigserial PRIMARY KEY, audio_id bigint, kind varchar(10), version varchar(200),
        "values" vector, created_time timestamptz);
    INSERT INTO plain_vector (audio_id, kind, version, "values", created_time)
        SELECT audio_id, kind, version, COALESCE("values", half_values::vector), created_time FROM library_vector;
    CREATE UNIQUE INDEX ON plain_vector (audio_id, kind, version);
    CREATE INDEX ON plain_vector (audio_id);
    CREATE TABLE plain_prediction AS SELECT id, track_id, genre_id, confidence, model_version, deciding_stage,
        out_of_fold, suspected_label_error, provisional_reason, current, created_time, (
            SELECT jsonb_agg(jsonb_build_object('stage', s -> 0, 'model_version', s -> 1, 'decided', s -> 2,
                'threshold', s -> 3, 'top', (
                    SELECT jsonb_agg(jsonb_build_array(part, (s -> 4 ->> place::int)::numeric + 0.00001234567890123))
                    FROM jsonb_array_elements(s -> 4) WITH ORDINALITY AS parts (part, place) WHERE place % 2 = 1)))
            FROM jsonb_array_elements(stages) s) AS stages FROM verdicts_prediction;
    ALTER TABLE plain_prediction ADD PRIMARY KEY (id);
    CREATE UNIQUE INDEX ON plain_prediction (track_id, model_version);
    CREATE UNIQUE INDEX ON plain_prediction (track_id) WHERE current;
    CREATE INDEX ON plain_prediction (track_id);
    CREATE INDEX ON plain_prediction (genre_id);
"""
COMPARED = {"library_vector": "plain_vector", "verdicts_prediction": "plain_prediction"}
SIMILAR = """
    CREATE INDEX similar_songs ON library_vector USING hnsw ((half_values::halfvec(1024)) halfvec_cosine_ops)
    WITH (m = 16, ef_construction = 64) WHERE kind = 'mert'
"""
SIZES = """
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_total_relation_size(oid) > 100000
    ORDER BY pg_total_relation_size(oid) DESC
"""
INDEXES = """
    SELECT tablename, indexname, pg_relation_size(indexname::regclass) FROM pg_indexes
    WHERE schemaname = 'public' AND pg_relation_size(indexname::regclass) > 1000000
    ORDER BY 3 DESC
"""


def main() -> None:
    """Print the sizes, the ratio to the plain layout, what half precision costs, and what similar songs would cost."""
    with big_database():
        total = _value("SELECT pg_database_size(current_database())")
        print(f"the database of {SONGS:,} songs, MB")
        _print_sizes()
        _print_ratio()
        _print_half_precision()
        print(at_most(f"the database of {SONGS:,} songs", total / 1e9, MOST_GIGABYTES, "GB"))
        started = time.perf_counter()
        _execute("SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 0", SIMILAR)
        size = _value("SELECT pg_relation_size('similar_songs')")
        print(
            f"an index for similar songs (HNSW over MERT) would add {size / MB:,.0f} MB, "
            f"made in {time.perf_counter() - started:.0f} s: {(total + size) / 1e9:.2f} GB in all"
        )


def _print_sizes() -> None:
    print(f"{'table':32}{'rows':>10}{'indexes':>10}")
    for name, table, indexes in _rows(SIZES):
        print(f"{name:32}{table / MB:10.1f}{indexes / MB:10.1f}")
    print(f"\n{'index':64}{'MB':>10}")
    for table, name, size in _rows(INDEXES):
        print(f"{table + '.' + name:64}{size / MB:10.1f}")


def _print_ratio() -> None:
    _execute(PLAIN)
    print(f"\n{'table with its indexes':32}{'plain':>10}{'ours':>10}{'ratio':>8}")
    for ours, plain in COMPARED.items():
        sizes = [_value(f"SELECT pg_total_relation_size('{name}')") / MB for name in (plain, ours)]
        print(f"{ours:32}{sizes[0]:10.1f}{sizes[1]:10.1f}{sizes[0] / sizes[1]:8.2f}")
    _execute("DROP TABLE plain_vector, plain_prediction")


def _print_half_precision() -> None:
    """Verdicts of one trained head on songs of other artists, their embeddings in full and in half precision."""
    from big_library import ALBUMS_PER_ARTIST, SONGS_PER_ALBUM
    from big_vectors import VectorMaker
    from inference.classify.probabilities import softmax
    from inference.training.dataset import single_label_dataset
    from inference.training.fitting import LOGISTIC, Recipe, fit_head

    songs_per_artist = ALBUMS_PER_ARTIST * SONGS_PER_ALBUM
    artists = np.random.default_rng(1).integers(0, GENRES, (TAUGHT + CLASSIFIED) // songs_per_artist + 1)
    maker = VectorMaker(artists, songs_per_artist, 1, separation=0.55)  # genres as near as real ones
    numbers = np.arange(TAUGHT + CLASSIFIED)
    fma, mert = maker.fma(numbers), maker.mert(numbers)
    full = np.concatenate([fma, mert], axis=1)
    half = np.concatenate([fma, mert.astype(np.float16).astype(np.float32)], axis=1)
    artist = numbers // songs_per_artist
    labels, names = artists[artist], tuple(map(str, range(GENRES)))
    songs = single_label_dataset(full[:TAUGHT], labels[:TAUGHT], artist[:TAUGHT], names)
    head = fit_head(songs, Recipe(algorithm=LOGISTIC, strength=0.01), seed=0)
    exact, rounded = (softmax(head.logits(vectors[TAUGHT:])) for vectors in (full, half))
    changed = int((exact.argmax(axis=1) != rounded.argmax(axis=1)).sum())
    right = (exact.argmax(axis=1) == labels[TAUGHT:]).mean()
    print(
        f"\nhalf precision of embeddings: {changed} of {CLASSIFIED:,} genres change ({right:.0%} of them right), "
        f"a probability by {np.abs(exact - rounded).max():.5f} at most\n"
    )


def _rows(query: str) -> list[tuple[str, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _value(query: str) -> int:
    return int(_rows(query)[0][0])


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
