"""Models of other stages than the one before take its place and give it back: real gRPC, real Triton."""

from collections.abc import Iterator, Sequence

import grpc
import pytest
from inference_system import System, running_system
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2 as messages
from runtime.triton import Triton
from synthetic_library import SyntheticLibrary, synthetic_library
from triton_server import triton_server
from waiting import until
from wire import packed

FMA, MUSICNN, MERT, OWN = 1, features_pb2.VECTOR_KIND_MUSICNN, features_pb2.VECTOR_KIND_MERT, 1000
WIDTHS = {FMA: 518, MUSICNN: 40, MERT: 48, OWN: 24}
NEVER_SURE = messages.ClassifyOptions(stage_thresholds=[1.0, 1.0])


@pytest.fixture(scope="module")
def library() -> SyntheticLibrary:
    return synthetic_library(
        seed=5, genres=3, artists_per_genre=4, width=sum(WIDTHS.values()), separation=0.6, wrong=0
    )


def vectors(library: SyntheticLibrary, song: int) -> list[features_pb2.Vector]:
    """Of every kind."""
    found, start = [], 0
    for kind, width in WIDTHS.items():
        own = packed(library.vectors[song, start : start + width])
        found.append(features_pb2.Vector(kind=kind, version="test/1", values=own))  # type: ignore[arg-type]
        start += width
    return found


def train(system: System, library: SyntheticLibrary, embeddings: Sequence[int]) -> messages.TrainingReport:
    """The report of a training that adds these."""

    def requests() -> Iterator[messages.TrainRequest]:
        options = messages.TrainOptions(promotion=messages.PROMOTION_ALWAYS, embeddings=embeddings, folds=3)  # type: ignore[arg-type]
        yield messages.TrainRequest(options=options)
        for song, label in enumerate(library.labels):
            yield messages.TrainRequest(
                song=messages.TrainingSong(
                    song_id=str(song),
                    genre=library.genres[label],
                    artist=str(library.artists[song]),
                    vectors=vectors(library, song),
                )
            )

    return system.train(requests())[-1].report


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with triton_server(tmp_path_factory.mktemp("triton")) as server, running_system(server) as running:
        yield running


def decides(system: System, library: SyntheticLibrary) -> str:
    """The head that has the last word on a song of which no stage is sure."""
    request = messages.ClassifyTrackRequest(vectors=vectors(library, 0), options=NEVER_SURE)
    return system.stub.ClassifyTrack(request).model_version


def comes_to_serve(system: System, *heads: str) -> None:
    """Triton drops what is not in service any more when it has answered its last request."""
    triton = Triton(system.triton.target)

    def served() -> set[str]:
        ready = (each for each in triton.index() if each.get("state") == "READY")
        return {f"{each['name']}/{each['version']}" for each in ready if each["name"].startswith("genre_")}

    until(lambda: served() == set(heads))
    triton.close()


def test_before_the_first_training_there_is_the_first_stage(system: System) -> None:
    (stage,) = system.stub.GetStatus(messages.GetStatusRequest()).stages
    assert (list(stage.kinds), stage.ready, stage.stage) == ([FMA], False, 1)
    assert stage.message


@pytest.fixture(scope="module")
def two(system: System, library: SyntheticLibrary) -> tuple[messages.Model, messages.Model]:
    """A model of two stages, which was in service, and one of three others, which is."""
    first = train(system, library, [MERT]).model
    comes_to_serve(system, *first.heads)
    second = train(system, library, [MUSICNN, OWN]).model
    return first, second


def test_each_model_serves_its_own_stages_and_no_other_is_left_in_triton(
    system: System, library: SyntheticLibrary, two: tuple[messages.Model, messages.Model]
) -> None:
    first, second = two
    assert list(first.heads) == ["genre_fma/1", "genre_fma_mert/1"]
    assert list(second.heads) == ["genre_fma/2", "genre_fma_musicnn/2", "genre_fma_musicnn_kind1000/2"]
    assert second.comparison.songs > 0, "both models vote on the same songs, each by its own stages"
    comes_to_serve(system, *second.heads)
    assert decides(system, library) == "genre_fma_musicnn_kind1000/2"
    kinds = [list(stage.kinds) for stage in system.stub.GetStatus(messages.GetStatusRequest()).stages]
    assert kinds == [[FMA], [FMA, MUSICNN], [FMA, MUSICNN, OWN]]

    system.stub.RollbackModel(messages.RollbackModelRequest())
    comes_to_serve(system, *first.heads)
    assert decides(system, library) == "genre_fma_mert/1"

    system.stub.PromoteModel(messages.PromoteModelRequest(name=second.name))
    comes_to_serve(system, *second.heads)
    assert decides(system, library) == "genre_fma_musicnn_kind1000/2"


def test_what_a_switch_that_fails_has_loaded_is_dropped_again(
    system: System, library: SyntheticLibrary, two: tuple[messages.Model, messages.Model]
) -> None:
    first, second = two
    system.stub.PromoteModel(messages.PromoteModelRequest(name=first.name))
    last = system.triton.repository / second.heads[-1] / "head.npz"
    content = last.read_bytes()
    last.write_bytes(content[:-50])
    with pytest.raises(grpc.RpcError, match="is damaged"):
        system.stub.PromoteModel(messages.PromoteModelRequest(name=second.name))
    last.write_bytes(content)
    comes_to_serve(system, *first.heads)
    assert decides(system, library) == first.heads[-1]
