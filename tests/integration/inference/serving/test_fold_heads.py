"""A song whose artist was in the training is scored, in the real Triton, by the head that has not learned from him."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from inference.classify.probabilities import softmax
from inference.classify.verdicts import NO_FOLD
from inference.registry.fold_files import ARTISTS_FILE, fold_file, read_artist_folds
from inference.registry.version_files import (
    CHECKSUM_FILE,
    HEAD_FILE,
    read_record,
    read_weights,
    write_checksums,
)
from inference_system import FMA, System, running_system, training
from numpy.typing import NDArray
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from runtime.triton import Triton, TritonError
from synthetic_library import SyntheticLibrary
from triton_server import TritonServer
from wire import packed

Request, Answer = inference_pb2.ClassifyTrackRequest, inference_pb2.ClassifyTrackResponse


def folder_of(system: System) -> Path:
    return system.triton.repository / system.version()


def unlabelled(library: SyntheticLibrary) -> NDArray[np.float32]:
    """[songs, n] for each song of a library another one by its artist, which nobody has labelled."""
    noise = np.random.default_rng(3).normal(size=library.vectors.shape)
    return (library.vectors + 0.2 * library.vectors.std(axis=0) * noise).astype(np.float32)


def request_of(values: NDArray[np.float32], artist: str = "") -> Request:
    return Request(
        vectors=[features_pb2.Vector(kind=FMA, version="test/1", values=packed(values))], artist=artist
    )


def streamed(system: System, requests: Sequence[Request]) -> list[Answer]:
    """Their answers in their order, from one stream, in which they share calls of the head."""
    asked = (
        inference_pb2.ClassifyTracksRequest(key=str(key), track=each) for key, each in enumerate(requests)
    )
    answers = {int(each.key): each.classification for each in system.stub.ClassifyTracks(asked)}
    return [answers[key] for key in range(len(requests))]


def sound(answer: Answer) -> NDArray[np.float32]:
    return np.frombuffer(answer.sound, dtype="<f4")


def test_an_unlabelled_song_of_a_training_artist_is_scored_by_the_head_of_its_fold(
    trained: System, library: SyntheticLibrary
) -> None:
    folder, vectors = folder_of(trained), unlabelled(library)
    record = read_record(folder)
    artists = read_artist_folds(folder, "")
    assert artists is not None
    folds = [artists.fold_of(f"artist {artist}", "") for artist in library.artists]
    assert set(folds) == {0, 1, 2, 3, 4}

    named = [
        request_of(values, f"Artist {artist} feat. a guest")
        for values, artist in zip(vectors, library.artists, strict=True)
    ]
    others = [request_of(values, "somebody else") for values in vectors]
    # All heads at once, so that batches mix them.
    answers = streamed(trained, [*named, *others, *map(request_of, vectors)])
    of_folds, of_others, without_names = np.split(np.array([sound(each) for each in answers]), 3)

    heads = {fold: read_weights(folder / fold_file(fold)) for fold in set(folds)}
    expected = [
        softmax(heads[fold].logits(values[np.newaxis]), record.temperature)[0]
        for fold, values in zip(folds, vectors, strict=True)
    ]
    serving = softmax(read_weights(folder / HEAD_FILE).logits(vectors), record.temperature)
    # float32 sums in another order.
    assert of_folds == pytest.approx(np.array(expected), abs=1e-3)
    assert of_others == pytest.approx(serving, abs=1e-3)
    assert without_names == pytest.approx(of_others, abs=1e-6)
    # They know their artists' labels less well than the head that has learned them, the wrong ones too.
    labels = (np.arange(len(vectors)), library.labels)
    assert of_folds[labels].mean() < serving[labels].mean() - 0.05
    said = [(each.out_of_fold, each.verdicts[-1].out_of_fold) for each in answers]
    assert said == [(True, True)] * len(vectors) + [(False, False)] * 2 * len(vectors)


def test_a_single_call_too_names_the_artist_of_the_song_or_of_its_album(
    trained: System, library: SyntheticLibrary
) -> None:
    (values, artist), classify = (library.vectors[0], library.artists[0]), trained.stub.ClassifyTrack
    by_artist = classify(request_of(values, f"artist {artist}"))
    by_album = request_of(values, "a guest")
    by_album.album_artist = f"artist {artist}"
    assert by_artist.out_of_fold
    assert classify(by_album).sound == by_artist.sound != classify(request_of(values)).sound


def test_a_fold_that_a_head_has_not_is_refused(trained: System, library: SyntheticLibrary) -> None:
    model, _, version = trained.version().partition("/")
    inputs = {"vectors": library.vectors[:2], "fold": np.array([[NO_FOLD], [7]], dtype=np.int32)}
    with pytest.raises(TritonError, match="no head of fold 7"):
        Triton(trained.triton.target).infer(model, inputs, ["logits"], version=version)


def test_a_model_that_kept_no_heads_of_folds_goes_on_answering(
    triton: TritonServer, library: SyntheticLibrary
) -> None:
    request = request_of(library.vectors[0], f"artist {library.artists[0]}")
    with running_system(triton) as before:
        before.train(training(library))
        folder = folder_of(before)
        assert before.stub.ClassifyTrack(request).out_of_fold
    for path in (folder / CHECKSUM_FILE, folder / ARTISTS_FILE, *folder.glob("fold-*.npz")):
        path.unlink()
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    write_checksums(folder)
    with running_system(triton) as after:
        answer = after.stub.ClassifyTrack(request)
        assert not answer.out_of_fold
        assert answer.sound == after.stub.ClassifyTrack(request_of(library.vectors[0])).sound != b""
