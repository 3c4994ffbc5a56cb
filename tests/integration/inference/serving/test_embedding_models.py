"""The models of embeddings are found in the real Triton by what it says of them; this service names none."""

from collections.abc import Iterator

import pytest
from inference.serving.embedding_models import EmbeddingModels
from prometheus_client import CollectorRegistry
from runtime.triton import Triton, TritonUnavailableError
from runtime.watchdog import Watchdog, WatchdogMetrics
from triton_server import TritonServer


@pytest.fixture
def client(triton: TritonServer) -> Iterator[Triton]:
    client = Triton(triton.target)
    yield client
    client.close()


def test_every_model_but_the_heads_is_asked_for_a_sign_of_life_and_brought_back(
    triton: TritonServer, client: Triton
) -> None:
    embeddings, registry = EmbeddingModels(client), CollectorRegistry()
    probes = {probe.model: probe for probe in embeddings.probes()}
    assert "mert" in probes
    assert not any(model.startswith("genre_") for model in probes)
    for probe in probes.values():
        (sample,) = probe.inputs.values()
        assert sample.shape == (1, 1)
    assert len({str(next(iter(probe.inputs.values())).dtype) for probe in probes.values()}) == len(probes)

    watchdog = Watchdog(client, embeddings.probes, every_seconds=60, metrics=WatchdogMetrics(registry))
    watchdog.look()
    assert [registry.get_sample_value("reclass_triton_model_up", {"model": model}) for model in probes] == [
        1.0
    ] * len(probes)
    client.unload("mert")
    watchdog.look()
    assert registry.get_sample_value("reclass_triton_model_restored_total", {"model": "mert"}) == 1
    assert client.is_model_ready("mert"), "it was loaded once, and Triton's index knows it no more as ready"


def test_a_triton_that_never_answered_is_said_to_be_away_and_one_that_did_keeps_its_models(
    triton: TritonServer, client: Triton
) -> None:
    embeddings = EmbeddingModels(client)
    before = {probe.model for probe in embeddings.probes()}
    triton.stop()
    assert {probe.model for probe in embeddings.probes()} == before
    with pytest.raises(TritonUnavailableError):
        EmbeddingModels(client).probes()
