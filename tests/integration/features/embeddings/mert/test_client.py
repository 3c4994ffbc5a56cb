"""The model in Triton as features uses it: loaded as it is wished, healed, and told apart when it cannot be had."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from features.embeddings.mert.client import MertModel
from features.embeddings.mert.config import Choice
from features.embeddings.mert.metrics import MertFigures
from features.embeddings.options import Compute, Device
from features.errors import ModelNotInstalled, ModelUnavailable
from inference.serving.embedding_models import embedding_model_probes
from mert_stand_in import MertStandIn, mert_stand_in
from prometheus_client import CollectorRegistry
from runtime.triton import Triton
from runtime.watchdog import Watchdog, WatchdogMetrics
from triton_server import triton_server
from waiting import until

WINDOW = 5 * 24_000


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MertStandIn]:
    with mert_stand_in(tmp_path_factory.mktemp("triton")) as stand_in:
        yield stand_in


@pytest.fixture
def stand_in(serving: MertStandIn) -> MertStandIn:
    serving.begin()
    return serving


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def triton(stand_in: MertStandIn) -> Iterator[Triton]:
    triton = Triton(stand_in.server.target)
    yield triton
    triton.close()


@pytest.fixture
def model(triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry) -> Iterator[MertModel]:
    model = model_of(triton, stand_in, registry)
    yield model
    model.close()


@pytest.fixture
def looked_after(stand_in: MertStandIn) -> Iterator[None]:
    """The watchdog of inference at work."""
    triton = Triton(stand_in.server.target)
    metrics = WatchdogMetrics(CollectorRegistry())
    watchdog = Watchdog(triton, embedding_model_probes, every_seconds=0.3, metrics=metrics)
    watchdog.start()
    yield
    watchdog.close()
    triton.close()


@pytest.fixture
def hopeful(triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry) -> Iterator[MertModel]:
    """Asks again soon after a failure."""
    choice = Choice(weights=str(stand_in.weights))
    model = MertModel(triton, choice, MertFigures(registry), failure_seconds=0.1)
    yield model
    model.close()


def model_of(
    triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry, **choice: object
) -> MertModel:
    return MertModel(triton, Choice(weights=str(stand_in.weights), **choice), MertFigures(registry))


def windows(count: int, samples: int = WINDOW) -> np.ndarray:
    """Each is a constant, which is its loudness and its first sample."""
    return np.repeat(np.arange(1, count + 1, dtype=np.int16)[:, None] * 100, samples, axis=1)


def test_windows_are_answered_in_their_order_a_few_at_a_time(model: MertModel) -> None:
    embedded = model.embed(windows(20), Compute(batch_size=7))
    assert embedded.values.shape == (20, 1, 768)
    assert embedded.values[:, 0, 1] * 32_767 == pytest.approx(100 * np.arange(1, 21))
    assert embedded.values[:, 0, 2].tolist() == [7] * 14 + [6] * 6


def test_no_request_has_more_windows_than_the_model_says_it_can_take(model: MertModel) -> None:
    embedded = model.embed(windows(20), Compute(batch_size=512))
    assert embedded.values[:, 0, 2].tolist() == [8] * 16 + [4] * 4


def test_the_choice_of_the_deployment_reaches_the_model(
    triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    model = model_of(triton, stand_in, registry, layers="6+8", window_seconds=30)
    embedded = model.embed(windows(1, 6 * WINDOW), Compute())
    assert embedded.values.shape == (1, 2, 768)
    assert embedded.description.layers == ("6", "8")
    assert embedded.description.window_samples == 30 * 24_000
    model.close()


def test_what_serves_is_in_the_figures(model: MertModel, registry: CollectorRegistry) -> None:
    model.embed(windows(3), Compute())
    labels = {"checkpoint": "MERT-v1-95M", "device": "cpu", "dtype": "fp32", "for_trials": "yes"}
    assert registry.get_sample_value("reclass_features_mert_model", labels) == 1
    assert registry.get_sample_value("reclass_features_mert_windows_total") == 3
    assert registry.get_sample_value("reclass_features_mert_request_seconds_count") == 1


def test_a_request_for_the_gpu_is_refused_where_there_is_none_and_the_processor_never_used_instead(
    model: MertModel,
) -> None:
    with pytest.raises(ModelUnavailable, match="no GPU"):
        model.embed(windows(1), Compute(device=Device.CUDA))
    assert isinstance(model.known_failure(Compute(device=Device.CUDA)), ModelUnavailable)
    # Who asks for the processor, or for whatever there is, has nothing to do with that.
    assert model.known_failure(Compute()) is None
    assert model.embed(windows(1), Compute(device=Device.CPU)).description.device == "cpu"


def test_another_device_loads_the_model_anew_and_auto_takes_what_auto_finds(
    model: MertModel, stand_in: MertStandIn
) -> None:
    stand_in.say(has_gpu=True)
    assert model.describe(Compute()).device == "cuda:0"
    assert model.describe(Compute(device=Device.CUDA)).device == "cuda:0"
    assert model.describe(Compute(device=Device.CPU)).device == "cpu"
    assert model.embed(windows(1), Compute(device=Device.CPU)).description.device == "cpu"
    assert model.describe(Compute(device=Device.CPU, gpu_memory_share=0.5)).device == "cpu"
    assert model.embed(windows(1), Compute()).description.device == "cuda:0"


def test_a_model_that_runs_elsewhere_than_asked_is_not_believed(
    model: MertModel, stand_in: MertStandIn
) -> None:
    stand_in.say(has_gpu=True, instead={"device": "cpu"})
    with pytest.raises(ModelUnavailable, match="asked for on cuda and runs on cpu"):
        model.describe(Compute(device=Device.CUDA))


def test_weights_that_are_not_there_are_a_matter_of_installing(
    model: MertModel, stand_in: MertStandIn
) -> None:
    stand_in.uninstall()
    with pytest.raises(
        ModelNotInstalled,
        match=r"^MERT is not installed here: \S+ is no folder with weights: docs/install.md, .MERT., says how$",
    ):
        model.describe(Compute())


def test_a_triton_without_the_model_is_a_matter_of_installing(
    tmp_path: Path, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    with triton_server(tmp_path, models=tmp_path / "none") as server:
        triton = Triton(server.target)
        model = model_of(triton, stand_in, registry)
        with pytest.raises(ModelNotInstalled, match="mert"):
            model.describe(Compute())
        model.close()
        triton.close()


def test_songs_that_come_after_a_failure_share_its_answer(model: MertModel, stand_in: MertStandIn) -> None:
    stand_in.uninstall()
    with pytest.raises(ModelNotInstalled):
        model.embed(windows(1), Compute())
    stand_in.say()  # it would load now, and is not asked so soon
    with pytest.raises(ModelNotInstalled):
        model.embed(windows(1), Compute())


def test_a_model_whose_process_died_is_waited_for_until_inference_has_started_it_again(
    model: MertModel, stand_in: MertStandIn, looked_after: None
) -> None:
    before = model.embed(windows(2), Compute())
    stand_in.server.kill_stubs()
    after = model.embed(windows(2), Compute())
    assert np.array_equal(before.values, after.values)


def test_a_model_that_nobody_starts_again_is_a_gap_for_now(
    model: MertModel, triton: Triton, stand_in: MertStandIn
) -> None:
    model.embed(windows(1), Compute())
    stand_in.server.kill_stubs()
    with pytest.raises(ModelUnavailable, match="process in Triton died"):
        model.embed(windows(1), Compute(), patience_seconds=1.0)
    assert isinstance(model.known_failure(Compute()), ModelUnavailable)
    triton.unload("mert")
    with pytest.raises(ModelUnavailable, match="does not serve"):
        model_of(triton, stand_in, CollectorRegistry()).describe(Compute())
    triton.load("mert")


def test_a_model_that_dies_of_every_request_is_a_gap_for_now(
    hopeful: MertModel, stand_in: MertStandIn, looked_after: None
) -> None:
    hopeful.embed(windows(1), Compute())
    stand_in.say(fault="die")
    with pytest.raises(ModelUnavailable, match="does not run in Triton"):
        hopeful.embed(windows(1), Compute())
    stand_in.say()
    assert until(lambda: _answers(hopeful, Compute())) == "cpu"


def test_a_refused_request_is_counted_and_said(
    model: MertModel, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    model.embed(windows(1), Compute())
    stand_in.say(fault="refuse")
    with pytest.raises(ModelUnavailable, match="out of luck"):
        model.embed(windows(1), Compute())
    assert registry.get_sample_value("reclass_features_mert_failures_total") == 1


def test_a_triton_that_is_away_is_missed_and_found_again_as_it_was_wished(
    hopeful: MertModel, stand_in: MertStandIn
) -> None:
    stand_in.say(has_gpu=True)
    wish = Compute(device=Device.CPU)
    assert hopeful.describe(wish).device == "cpu"
    stand_in.server.kill()
    with pytest.raises(ModelUnavailable, match="is it running"):
        hopeful.embed(windows(1), wish)
    with pytest.raises(ModelUnavailable, match="is it running"):
        hopeful.describe(wish)
    assert hopeful.last_description is not None
    stand_in.server.start()
    assert until(lambda: _answers(hopeful, wish)) == "cpu"


def _answers(model: MertModel, wish: Compute) -> str:
    try:
        return model.embed(windows(1), wish).description.device
    except (ModelNotInstalled, ModelUnavailable):
        return ""


def test_a_load_goes_on_for_others_when_a_caller_has_no_patience(model: MertModel) -> None:
    with pytest.raises(ModelUnavailable, match="still being loaded"):
        model.describe(Compute(), patience_seconds=0.0)
    assert model.describe(Compute()).checkpoint == "MERT-v1-95M"


def test_while_lacking_weights_are_looked_for_again_a_caller_without_patience_hears_that_they_lack(
    triton: Triton, stand_in: MertStandIn
) -> None:
    stand_in.uninstall()
    choice, figures = Choice(weights=str(stand_in.weights)), MertFigures(CollectorRegistry())
    model = MertModel(triton, choice, figures, failure_seconds=0)
    with pytest.raises(ModelNotInstalled, match="says how"):
        model.describe(Compute())
    with pytest.raises(ModelNotInstalled, match="says how"):
        model.describe(Compute(), patience_seconds=0.0)
    stand_in.say()
    assert until(lambda: _answers(model, Compute())) == "cpu"
    model.close()


def test_many_callers_at_the_start_load_it_once(model: MertModel, stand_in: MertStandIn) -> None:
    before = stand_in.server.log().count("weights read")
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(lambda _: model.embed(windows(1), Compute()), range(16)))
    assert len(found) == 16
    assert stand_in.server.log().count("weights read") == before + 1


def test_its_own_watchdog_says_that_it_died_and_that_of_inference_brings_it_back(
    model: MertModel, triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    metrics = WatchdogMetrics(registry)
    own = Watchdog(triton, model.probes, every_seconds=60, metrics=metrics, restores=False)
    of_inference = Watchdog(triton, embedding_model_probes, every_seconds=60, metrics=metrics)
    own.look()  # nothing was read, so there is nothing to look after
    model.describe(Compute())
    stand_in.server.kill_stubs()
    own.look()
    assert registry.get_sample_value("reclass_triton_model_up", {"model": "mert"}) == 0
    of_inference.look()
    assert registry.get_sample_value("reclass_triton_model_restored_total", {"model": "mert"}) == 1
    own.look()
    assert registry.get_sample_value("reclass_triton_model_up", {"model": "mert"}) == 1


def test_a_model_that_has_just_answered_is_not_asked_by_the_watchdog(model: MertModel) -> None:
    model.describe(Compute())
    assert len(model.probes()) == 1
    model.embed(windows(1), Compute())
    assert model.probes() == []
