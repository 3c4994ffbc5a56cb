"""The loaded model: mel spectra in, values and a description out; and where its weights are found."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from musicnn_golden import PENULTIMATE, TAGS, WEIGHTS, golden_input, mel_of
from musicnn_network.embedder import Embedder, compressed, load_embedder
from musicnn_network.errors import CheckpointError, OptionError
from musicnn_network.options import PREFIX, Options, read_options

WINDOW = 187 * 96


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(Options(weights=WEIGHTS), batch_limit=64)


def test_its_values_are_penultimate_and_the_tags(embedder: Embedder) -> None:
    found = embedder.embed(mel_of(golden_input()))
    assert (found.shape, found.dtype) == ((2, 250), np.float32)
    # Half precision moves the input by some 2e-4.
    np.testing.assert_allclose(found[:, :200], PENULTIMATE, atol=5e-3)
    np.testing.assert_allclose(found[:, 200:], TAGS, atol=5e-3)


def test_the_logarithm_is_the_published_one_over_all_of_half_precision() -> None:
    mel = np.array([[0, 2**-24, 1e-4, 0.1, 6.6, 1000, 65504]], dtype=np.float16)
    wanted = np.log10(1 + 10_000 * mel.astype(np.float64))
    np.testing.assert_allclose(compressed(mel), wanted, rtol=1e-6, atol=1e-7)


def test_it_says_what_makes_up_a_vector(embedder: Embedder) -> None:
    said = embedder.described()
    assert (said["checkpoint"], said["digest"]) == ("musicnn-msd", embedder.checkpoint.digest)
    assert (said["width"], said["window_samples"], said["batch_limit"]) == (250, WINDOW, 64)
    assert (said["device"], said["dtype"], said["for_trials"]) == ("cpu", "fp32", False)
    assert said["recipe"] == {"values": "penultimate+tags"}
    assert said["weights_bytes"] == 9_470_544


def test_a_parameter_wins_over_the_environment() -> None:
    environment = {f"{PREFIX}WEIGHTS": "/by/environment"}
    assert read_options({"weights": "/by/parameter"}, environment).weights == Path("/by/parameter")
    assert read_options({"weights": ""}, environment).weights == Path("/by/environment")
    assert read_options({}, {}).weights is None


def test_a_parameter_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(OptionError, match="parameter speed"):
        read_options({"speed": "high"}, {})


def test_without_the_package_it_says_where_to_read_what_to_do() -> None:
    """The environment of these tests has not the package: it is in Triton's."""
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.distribution("musicnn")
    with pytest.raises(OptionError, match=r"not in Triton's environment: see docs/install\.md, 'MusiCNN'"):
        load_embedder(Options(weights=None), batch_limit=1)


def test_a_folder_that_holds_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        load_embedder(Options(weights=tmp_path), batch_limit=1)
