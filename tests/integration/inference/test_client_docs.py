"""The examples of docs/api.md and docs/client.md that decide on songs, as they stand there, by the real service."""

import re
from pathlib import Path

import pytest
import reclass_client
from inference_system import System, fma
from reclass.inference.v1 import inference_pb2
from synthetic_library import SyntheticLibrary

DOCS = Path(__file__).parents[3] / "docs"


def example(name: str, word: str) -> str:
    """The one block of Python in a document that has this word."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), flags=re.DOTALL)
    (found,) = (block for block in blocks if word in block)
    return str(found)


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of an example, without those of the services' logs."""
    return [line for line in capsys.readouterr().out.splitlines() if "[info " not in line]


@pytest.fixture
def said(trained: System, library: SyntheticLibrary) -> dict[str, inference_pb2.ClassifyTrackResponse]:
    return {str(song): trained.classify(fma(library, song)) for song in range(4)}


def test_a_song_is_decided_with_its_tags_and_album(
    trained: System,
    library: SyntheticLibrary,
    said: dict[str, inference_pb2.ClassifyTrackResponse],
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {
        "inference": trained.stub, "inference_pb2": inference_pb2, "vectors": [fma(library, 0)],
        "tags": [library.genres[0]], "others": {key: each for key, each in said.items() if key != "0"},
    }  # fmt: skip
    exec(example("api.md", "inference.ClassifyTrack("), names)  # noqa: S102 # our own
    first, *parts = printed(capsys)
    assert re.fullmatch(r"genre \d\d 0\.\d+ WRITE_KIND_(NONE|CORRECTION) 0\.\d+", first)
    assert [line.split()[0] for line in parts] == [
        f"EVIDENCE_SOURCE_{source}" for source in ("SOUND", "ALBUM", "ARTIST", "TAGS")
    ]


def test_many_songs_are_decided_and_judgements_are_read(
    trained: System,
    said: dict[str, inference_pb2.ClassifyTrackResponse],
    capsys: pytest.CaptureFixture[str],
) -> None:
    songs = [
        inference_pb2.SongEvidence(key=key, model_version=each.model_version, sound=each.sound)
        for key, each in said.items()
    ]
    artist = inference_pb2.ArtistSongs(albums=[inference_pb2.AlbumSongs(title="album", songs=songs)])
    judged = inference_pb2.ArtistSongs()
    judged.CopyFrom(artist)
    for song in judged.albums[0].songs:
        song.judgement.genres.append(said[song.key].genre)
    names = {
        "inference": trained.stub,
        "inference_pb2": inference_pb2,
        "artists": [artist],
        "judged": [judged],
    }
    exec(example("api.md", "inference.DecideTracks("), names)  # noqa: S102 # our own
    first, *decisions = printed(capsys)
    assert first.startswith("4 judgements:")
    assert [line.split()[0] for line in decisions] == list(said)


def test_the_client_decides_a_library(
    trained: System, library: SyntheticLibrary, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [f"/music/{song}.flac" for song in range(3)]
    for song, path in enumerate(paths):
        trained.features.audio[path] = {1: library.vectors[song]}
    code = example("client.md", "reclass.decide(").replace("127.0.0.1:50053", trained.target)
    exec(code, {**vars(reclass_client), "library": {path: [library.genres[0]] for path in paths}})  # noqa: S102 # our own
    first, *decisions = printed(capsys)
    assert first == "0 judgements say 5% at least"
    assert [line.split()[0] for line in decisions] == paths
