"""The tables of the FMA data set: read as they are published, and refused with a reason where they are not."""

import csv
from pathlib import Path

import numpy as np
import pandas
import pytest
from features.fma import vector
from fma_tables_made import COLUMNS, changed, made_library, rewrite, track_id, write_fma
from portal.commands.models.official_split import said_of
from portal.public.fma_layout import VALUES, VERSION
from portal.public.fma_tables import tables_in
from portal.public.table_rows import TableError
from synthetic_library import SyntheticLibrary

LIBRARY = made_library(artists_per_genre=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fma(tmp_path / "fma_metadata", LIBRARY)


@pytest.fixture
def library() -> SyntheticLibrary:
    return LIBRARY


def test_the_layout_is_that_of_the_features_service() -> None:
    assert VALUES == vector.COLUMNS
    assert VERSION == vector.NATIVE_VERSION


def test_every_track_with_a_genre_comes_with_its_values(folder: Path, library: SyntheticLibrary) -> None:
    tables = tables_in(folder.parent)
    tables.read_tracks()
    read = list(tables.read_values())
    assert [track.track_id for track, _ in read] == [track_id(song) for song in range(len(library.labels))]
    assert np.allclose([values for _, values in read], library.vectors, rtol=1e-6)
    assert (tables.without_genre, tables.without_values, tables.not_finite) == (2, 0, 0)
    first, _ = read[0]
    assert (first.artist, first.genre, first.split, first.subset) == (
        "100",
        "Electronic",
        "training",
        "small",
    )


def test_a_subset_contains_the_smaller_one(folder: Path) -> None:
    numbers = {name: set(tables_in(folder).read_tracks(name)) for name in ("small", "medium", "large")}
    assert numbers["small"] < numbers["medium"] < numbers["large"]


def test_columns_are_found_by_their_names_in_any_order(folder: Path, library: SyntheticLibrary) -> None:
    path = folder / "features.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rewrite(path, [[row[0], *row[:0:-1]] for row in csv.reader(file)])
    tables = tables_in(folder)
    tables.read_tracks()
    assert np.allclose([values for _, values in tables.read_values()], library.vectors, rtol=1e-6)


def test_pandas_reads_the_made_tables_as_the_data_sets_own_reader_does(folder: Path) -> None:
    tracks = pandas.read_csv(folder / "tracks.csv", index_col=0, header=[0, 1])
    features = pandas.read_csv(folder / "features.csv", index_col=0, header=[0, 1, 2])
    assert set(tracks["set", "split"]) == {"training", "validation", "test"}
    assert tuple(features.columns) == VALUES


def read_all(folder: Path) -> None:
    tables = tables_in(folder)
    tables.read_tracks()
    list(tables.read_values())


@pytest.mark.parametrize(
    ("file", "row", "column", "text", "said"),
    [
        ("tracks.csv", 1, 12, "part", r"tracks\.csv, row 3: the columns \(set, subset\) are missing"),
        ("tracks.csv", 2, 0, "id", r"row 3: the third row must name the first column 'track_id'"),
        ("tracks.csv", 5, 11, "train", r"row 6: the column \(set, split\) says 'train'"),
        ("tracks.csv", 5, 12, "tiny", r"row 6: the column \(set, subset\) says 'tiny'"),
        ("tracks.csv", 5, 0, "two", r"row 6: the column track_id says 'two'"),
        ("features.csv", 0, 0, "features", r"features\.csv, row 4: the first column of its four rows"),
        (
            "features.csv",
            2,
            9,
            "99",
            r"1 of the 518 columns are missing, the first is chroma_cens kurtosis 09",
        ),
        ("features.csv", 6, 1, "loud", r"row 7: chroma_cens kurtosis 01 is 'loud', no number"),
    ],
)
def test_what_is_wrong_is_said_with_file_row_and_column(
    folder: Path, file: str, row: int, column: int, text: str, said: str
) -> None:
    changed(folder / file, row, column, text)
    with pytest.raises(TableError, match=said):
        read_all(folder)


def test_a_row_with_a_value_that_is_missing_or_not_finite_is_passed_over_and_named(folder: Path) -> None:
    changed(folder / "features.csv", 6, 1, "")
    changed(folder / "features.csv", 7, 2, "inf")
    tables = tables_in(folder)
    tables.read_tracks()
    read = {track.track_id for track, _ in tables.read_values()}
    assert not read & {track_id(2), track_id(3)}
    assert tables.not_finite == 2
    assert tables.first_not_finite.endswith("features.csv, row 7, chroma_cens kurtosis 01")


def test_a_file_that_was_cut_off_is_refused(folder: Path) -> None:
    path = folder / "features.csv"
    path.write_text(path.read_text()[:-3000])
    with pytest.raises(
        TableError, match=r"breaks off in the middle of its last row.*unpack fma_metadata.zip again"
    ):
        read_all(folder)


@pytest.mark.parametrize("file", ["tracks.csv", "features.csv"])
def test_a_last_value_that_lacks_its_end_is_seen_though_no_field_is_missing(folder: Path, file: str) -> None:
    path = folder / file
    path.write_text(path.read_text().rstrip("\n")[:-2])
    with pytest.raises(TableError, match=rf"{file} breaks off"):
        read_all(folder)


def test_a_row_that_lost_fields_is_named(folder: Path) -> None:
    rows = (folder / "features.csv").read_text().splitlines(keepends=True)
    rows[6] = rows[6][-3000:]
    (folder / "features.csv").write_text("".join(rows))
    with pytest.raises(TableError, match=r"features\.csv, row 7 has \d+ fields instead of 519"):
        read_all(folder)


@pytest.mark.parametrize(("file", "row"), [("tracks.csv", 3), ("features.csv", 4)])
def test_a_second_row_of_one_track_is_refused(folder: Path, file: str, row: int) -> None:
    changed(folder / file, row + 2, 0, str(track_id(0)))
    with pytest.raises(TableError, match=rf"{file}, row {row + 3}: the track {track_id(0)} had a row before"):
        read_all(folder)


def test_numbers_may_be_quoted(folder: Path, library: SyntheticLibrary) -> None:
    path = folder / "features.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    tables = tables_in(folder)
    tables.read_tracks()
    assert np.allclose([values for _, values in tables.read_values()], library.vectors, rtol=1e-6)


def test_rows_of_tracks_that_the_other_file_lacks_are_counted(folder: Path) -> None:
    path = folder / "tracks.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rewrite(path, [*rows[:3], *rows[6:]])
    tables = tables_in(folder)
    tables.read_tracks("small")
    list(tables.read_values())
    assert tables.unknown == 3
    assert said_of(tables)[-1].startswith(
        "3 rows of features.csv are about tracks that tracks.csv does not have"
    )


def test_a_name_that_the_database_does_not_take_is_refused(folder: Path) -> None:
    changed(folder / "tracks.csv", 5, COLUMNS.index(("artist", "name")) + 1, "A\0B")
    with pytest.raises(TableError, match=r"row 6: a name has a character of code 0"):
        read_all(folder)


def test_a_track_without_a_row_of_features_is_counted(folder: Path) -> None:
    path = folder / "features.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-4]))
    tables = tables_in(folder)
    tables.read_tracks()
    assert len(list(tables.read_values())) == len(LIBRARY.labels) - 2
    assert tables.without_values == 2


def test_features_of_other_tracks_are_refused(folder: Path) -> None:
    path = folder / "features.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    with pytest.raises(TableError, match="no usable row"):
        read_all(folder)


def test_an_empty_file_is_refused(folder: Path) -> None:
    (folder / "tracks.csv").write_text("")
    with pytest.raises(TableError, match="does not begin with 3 rows of names"):
        read_all(folder)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "tracks.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(TableError, match="is no text"):
        read_all(folder)


def test_a_folder_of_something_else_is_refused_with_what_to_download(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"there is no tracks\.csv.*fma_metadata\.zip \(342 MiB"):
        tables_in(tmp_path)
