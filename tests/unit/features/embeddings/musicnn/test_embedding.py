"""MusiCNN as an embedding: what it says of itself agrees with its model and with the contract."""

from pathlib import Path

from features.embeddings.embedding import Surroundings
from features.embeddings.musicnn.embedding import MusicnnEmbedding
from features.embeddings.musicnn.settings import MusicnnSettings
from features.embeddings.options import Device, LoadOptions
from google.protobuf import text_format
from musicnn_network import checkpoint, network
from prometheus_client import CollectorRegistry
from reclass.features.v1 import features_pb2
from tritonclient.grpc.model_config_pb2 import ModelConfig

MODEL = Path(__file__).parents[5] / "services" / "triton" / "models" / "musicnn"
CARD = MusicnnEmbedding.card


def musicnn(**settings: str) -> MusicnnEmbedding:
    surroundings = Surroundings(triton=None, registry=CollectorRegistry())
    return MusicnnEmbedding(MusicnnSettings(**settings), surroundings)


def test_its_card_is_what_the_network_and_the_contract_say() -> None:
    assert CARD.kind == features_pb2.VECTOR_KIND_MUSICNN
    assert CARD.lengths == (checkpoint.PENULTIMATE + checkpoint.TAGS,)
    assert musicnn().window_samples == network.FRAMES * network.BANDS


def test_its_tags_are_fifty_and_each_has_a_share_of_the_music() -> None:
    assert len({tag.name for tag in CARD.tags}) == len(CARD.tags) == checkpoint.TAGS
    assert [CARD.tags[number].name for number in (0, 17, 33, 48)] == ["rock", "Mellow", "Hip-Hop", "House"]
    assert all(0 < tag.reference_mean < 0.25 for tag in CARD.tags)
    # A song of the data has between one and three of them.
    assert 1 < sum(tag.reference_mean for tag in CARD.tags) < 3


def test_no_request_is_larger_than_the_model_takes() -> None:
    own = text_format.Parse((MODEL / "config.pbtxt").read_text(), ModelConfig())
    assert own.max_batch_size == MusicnnEmbedding.max_batch
    assert musicnn().model_options(LoadOptions()).keys() <= own.parameters.keys()


def test_a_request_for_the_gpu_changes_nothing_for_it() -> None:
    on_gpu = LoadOptions(device=Device.CUDA, gpu_memory_share=0.5)
    assert musicnn(weights="/w").model_options(on_gpu) == {"weights": "/w"}


def test_its_licence_lies_beside_its_model() -> None:
    text = (MODEL / "LICENSE.md").read_text()
    assert "Universitat Pompeu Fabra" in text
    assert "with or without fee" in text
    assert CARD.licence == "ISC"
