"""An embedding whose model stands in Triton: loaded as requests say, healed, and told apart when it cannot be had."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from features.embeddings.embedding import Surroundings
from features.embeddings.mert.embedding import MertEmbedding
from features.embeddings.mert.settings import MertSettings
from features.embeddings.options import ComputeOptions, Device, LoadOptions
from features.errors import ModelNotInstalledError, ModelUnavailableError
from inference.serving.embedding_models import EmbeddingModels
from mert_stand_in import MertStandIn, mert_stand_in
from prometheus_client import CollectorRegistry
from runtime.triton import Triton
from runtime.watchdog import Watchdog, WatchdogMetrics
from triton_server import triton_server
from waiting import until

pytestmark = pytest.mark.outages
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
def model(triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry) -> Iterator[MertEmbedding]:
    model = model_of(triton, stand_in, registry)
    yield model
    model.close()


@pytest.fixture
def looked_after(stand_in: MertStandIn) -> Iterator[None]:
    """The watchdog of inference at work."""
    triton = Triton(stand_in.server.target)
    metrics = WatchdogMetrics(CollectorRegistry())
    watchdog = Watchdog(triton, EmbeddingModels(triton).probes, every_seconds=0.3, metrics=metrics)
    watchdog.start()
    yield
    watchdog.close()
    triton.close()


@pytest.fixture
def hopeful(triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry) -> Iterator[MertEmbedding]:
    """Asks again soon after a failure."""
    settings = MertSettings(weights=str(stand_in.weights))
    model = MertEmbedding(settings, Surroundings(triton=triton, registry=registry), failure_seconds=0.1)
    yield model
    model.close()


def model_of(
    triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry, **settings: object
) -> MertEmbedding:
    return MertEmbedding(
        MertSettings(weights=str(stand_in.weights), **settings),
        Surroundings(triton=triton, registry=registry),
    )


def windows(count: int, samples: int = WINDOW) -> np.ndarray:
    """Each is a constant, which is its loudness and its first sample."""
    return np.repeat(np.arange(1, count + 1, dtype=np.int16)[:, None] * 100, samples, axis=1)


def test_windows_are_answered_in_their_order_a_few_at_a_time(model: MertEmbedding) -> None:
    embedded = model.answers(windows(20), ComputeOptions(batch_size=7))
    assert embedded.values.shape == (20, 1, 768)
    assert embedded.values[:, 0, 1] * 32_767 == pytest.approx(100 * np.arange(1, 21))
    assert embedded.values[:, 0, 2].tolist() == [7] * 14 + [6] * 6


def test_no_request_has_more_windows_than_the_model_says_it_can_take(model: MertEmbedding) -> None:
    embedded = model.answers(windows(20), ComputeOptions(batch_size=512))
    assert embedded.values[:, 0, 2].tolist() == [8] * 16 + [4] * 4


def test_the_settings_of_the_deployment_reach_the_model(
    triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    model = model_of(triton, stand_in, registry, layers="6+8", window_seconds=30)
    embedded = model.answers(windows(1, 6 * WINDOW), ComputeOptions())
    assert embedded.values.shape == (1, 2, 768)
    assert "layer=6+8" in embedded.description.recipe
    assert embedded.description.window_samples == 30 * 24_000
    model.close()


def test_what_serves_is_in_the_metrics(model: MertEmbedding, registry: CollectorRegistry) -> None:
    model.answers(windows(3), ComputeOptions())
    labels = {"checkpoint": "MERT-v1-95M", "device": "cpu", "dtype": "fp32", "for_trials": "yes"}
    assert registry.get_sample_value("reclass_features_mert_model", labels) == 1
    assert registry.get_sample_value("reclass_features_mert_windows_total") == 3
    assert registry.get_sample_value("reclass_features_mert_request_seconds_count") == 1


def test_a_request_for_the_gpu_is_refused_where_there_is_none_and_the_processor_never_used_instead(
    model: MertEmbedding,
) -> None:
    with pytest.raises(ModelUnavailableError, match="no GPU"):
        model.answers(windows(1), ComputeOptions(load=LoadOptions(device=Device.CUDA)))
    assert isinstance(model.known_failure(LoadOptions(device=Device.CUDA)), ModelUnavailableError)
    # Who asks for the processor, or for whatever there is, has nothing to do with that.
    assert model.known_failure(LoadOptions()) is None
    assert (
        model.answers(windows(1), ComputeOptions(load=LoadOptions(device=Device.CPU))).description.device
        == "cpu"
    )


def test_another_device_loads_the_model_anew_and_auto_takes_what_auto_finds(
    model: MertEmbedding, stand_in: MertStandIn
) -> None:
    stand_in.say(has_gpu=True)
    assert model.describe(LoadOptions()).device == "cuda:0"
    assert model.describe(LoadOptions(device=Device.CUDA)).device == "cuda:0"
    assert model.describe(LoadOptions(device=Device.CPU)).device == "cpu"
    assert (
        model.answers(windows(1), ComputeOptions(load=LoadOptions(device=Device.CPU))).description.device
        == "cpu"
    )
    assert model.describe(LoadOptions(device=Device.CPU, gpu_memory_share=0.5)).device == "cpu"
    assert model.answers(windows(1), ComputeOptions()).description.device == "cuda:0"


def test_a_model_that_runs_elsewhere_than_asked_is_not_believed(
    model: MertEmbedding, stand_in: MertStandIn
) -> None:
    stand_in.say(has_gpu=True, instead={"device": "cpu"})
    with pytest.raises(ModelUnavailableError, match="asked for on cuda and runs on cpu"):
        model.describe(LoadOptions(device=Device.CUDA))


def test_weights_that_are_not_there_are_a_matter_of_installing(
    model: MertEmbedding, stand_in: MertStandIn
) -> None:
    stand_in.uninstall()
    with pytest.raises(
        ModelNotInstalledError,
        match=r"^MERT is not installed here: \S+ is no folder with weights: docs/install.md, .MERT., says how$",
    ):
        model.describe(LoadOptions())


def test_a_triton_without_the_model_is_a_matter_of_installing(
    tmp_path: Path, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    with triton_server(tmp_path, models=tmp_path / "none") as server:
        triton = Triton(server.target)
        model = model_of(triton, stand_in, registry)
        with pytest.raises(ModelNotInstalledError, match="mert"):
            model.describe(LoadOptions())
        model.close()
        triton.close()


def test_songs_that_come_after_a_failure_share_its_answer(
    model: MertEmbedding, stand_in: MertStandIn
) -> None:
    stand_in.uninstall()
    with pytest.raises(ModelNotInstalledError):
        model.answers(windows(1), ComputeOptions())
    stand_in.say()  # it would load now, and is not asked so soon
    with pytest.raises(ModelNotInstalledError):
        model.answers(windows(1), ComputeOptions())


def test_a_model_whose_process_died_is_waited_for_until_inference_has_started_it_again(
    model: MertEmbedding, stand_in: MertStandIn, looked_after: None
) -> None:
    before = model.answers(windows(2), ComputeOptions())
    stand_in.server.kill_stubs()
    after = model.answers(windows(2), ComputeOptions())
    assert np.array_equal(before.values, after.values)


def test_a_model_that_nobody_starts_again_is_missing_for_now(
    model: MertEmbedding, triton: Triton, stand_in: MertStandIn
) -> None:
    model.answers(windows(1), ComputeOptions())
    stand_in.server.kill_stubs()
    with pytest.raises(ModelUnavailableError, match="process in Triton died"):
        model.answers(windows(1), ComputeOptions(), patience_seconds=5.0)
    assert isinstance(model.known_failure(LoadOptions()), ModelUnavailableError)
    triton.unload("mert")
    with pytest.raises(ModelUnavailableError, match="does not serve"):
        model_of(triton, stand_in, CollectorRegistry()).describe(LoadOptions())
    triton.load("mert")


def test_a_model_that_dies_of_every_request_is_missing_for_now(
    hopeful: MertEmbedding, stand_in: MertStandIn, looked_after: None
) -> None:
    hopeful.answers(windows(1), ComputeOptions())
    stand_in.say(fault="die")
    with pytest.raises(ModelUnavailableError, match="does not run in Triton"):
        hopeful.answers(windows(1), ComputeOptions())
    stand_in.say()
    assert until(lambda: _answers(hopeful, LoadOptions())) == "cpu"


def test_a_refused_request_is_counted_and_said(
    model: MertEmbedding, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    model.answers(windows(1), ComputeOptions())
    stand_in.say(fault="refuse")
    with pytest.raises(ModelUnavailableError, match="out of luck"):
        model.answers(windows(1), ComputeOptions())
    assert registry.get_sample_value("reclass_features_mert_failures_total") == 1


def test_a_triton_that_is_away_is_missed_and_found_again_as_it_was_loaded(
    hopeful: MertEmbedding, stand_in: MertStandIn
) -> None:
    stand_in.say(has_gpu=True)
    on_cpu = LoadOptions(device=Device.CPU)
    assert hopeful.describe(on_cpu).device == "cpu"
    stand_in.server.kill()
    with pytest.raises(ModelUnavailableError, match="is it running"):
        hopeful.answers(windows(1), ComputeOptions(load=on_cpu))
    with pytest.raises(ModelUnavailableError, match="is it running"):
        hopeful.describe(on_cpu)
    assert hopeful.last_description is not None
    stand_in.server.start()
    assert until(lambda: _answers(hopeful, on_cpu)) == "cpu"


def _answers(model: MertEmbedding, options: LoadOptions) -> str:
    try:
        return model.answers(windows(1), ComputeOptions(load=options)).description.device
    except (ModelNotInstalledError, ModelUnavailableError):
        return ""


def test_a_load_goes_on_for_others_when_a_caller_has_no_patience(model: MertEmbedding) -> None:
    with pytest.raises(ModelUnavailableError, match="still being loaded"):
        model.describe(LoadOptions(), patience_seconds=0.0)
    assert model.describe(LoadOptions()).checkpoint == "MERT-v1-95M"


def test_while_lacking_weights_are_looked_for_again_a_caller_without_patience_is_told_that_they_lack(
    triton: Triton, stand_in: MertStandIn
) -> None:
    stand_in.uninstall()
    settings = MertSettings(weights=str(stand_in.weights))
    surroundings = Surroundings(triton=triton, registry=CollectorRegistry())
    model = MertEmbedding(settings, surroundings, failure_seconds=0)
    with pytest.raises(ModelNotInstalledError, match="says how"):
        model.describe(LoadOptions())
    with pytest.raises(ModelNotInstalledError, match="says how"):
        model.describe(LoadOptions(), patience_seconds=0.0)
    stand_in.say()
    assert until(lambda: _answers(model, LoadOptions())) == "cpu"
    model.close()


def test_many_callers_at_the_start_load_it_once(model: MertEmbedding, stand_in: MertStandIn) -> None:
    before = stand_in.server.log().count("weights read")
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(lambda _: model.answers(windows(1), ComputeOptions()), range(16)))
    assert len(found) == 16
    assert stand_in.server.log().count("weights read") == before + 1


def test_its_own_watchdog_says_that_it_died_and_that_of_inference_brings_it_back(
    model: MertEmbedding, triton: Triton, stand_in: MertStandIn, registry: CollectorRegistry
) -> None:
    metrics = WatchdogMetrics(registry)
    own = Watchdog(triton, model.probes, every_seconds=60, metrics=metrics, restores=False)
    of_inference = Watchdog(triton, EmbeddingModels(triton).probes, every_seconds=60, metrics=metrics)
    own.look()  # nothing was read, so there is nothing to look after
    model.describe(LoadOptions())
    stand_in.server.kill_stubs()
    own.look()
    assert registry.get_sample_value("reclass_triton_model_up", {"model": "mert"}) == 0
    of_inference.look()
    assert registry.get_sample_value("reclass_triton_model_restored_total", {"model": "mert"}) == 1
    own.look()
    assert registry.get_sample_value("reclass_triton_model_up", {"model": "mert"}) == 1


def test_a_model_that_has_just_answered_is_not_asked_by_the_watchdog(model: MertEmbedding) -> None:
    model.describe(LoadOptions())
    assert len(model.probes()) == 1
    model.answers(windows(1), ComputeOptions())
    assert not model.probes()
