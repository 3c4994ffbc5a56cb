"""The network gives the numbers of the published graph, whatever windows go through it together."""

import itertools

import numpy as np
import pytest
from musicnn_golden import PENULTIMATE, TAGS, WEIGHTS, golden_input
from musicnn_network.checkpoint import read_checkpoint
from musicnn_network.network import BANDS, BLOCK, FRAMES, Network


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(read_checkpoint(WEIGHTS).tensors)


def test_it_gives_the_numbers_of_the_published_graph(network: Network) -> None:
    penultimate, tags = network(golden_input())
    # The golden data is rounded to five and seven digits.
    np.testing.assert_allclose(penultimate, PENULTIMATE, atol=1e-4)
    np.testing.assert_allclose(tags, TAGS, atol=1e-5)
    assert (penultimate.dtype, tags.dtype) == (np.float32, np.float32)


def test_some_filters_are_turned_round_by_their_norm_so_that_the_golden_data_tests_both_kinds(
    network: Network,
) -> None:
    kernels = [*network.timbral, *network.temporal]
    signs = np.concatenate([each.norm.sign for each in kernels])
    assert {-1.0, 1.0} == set(signs.tolist())


@pytest.mark.parametrize("windows", [1, 3, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_a_window_gives_the_same_alone_and_among_others(network: Network, windows: int) -> None:
    draw = np.random.default_rng(windows)
    x = draw.gamma(0.7, 1.0, (windows, FRAMES, BANDS)).astype(np.float32)
    together = network(x)
    for number, part in itertools.product(range(windows), (0, 1)):
        alone = network(x[number : number + 1])[part][0]
        np.testing.assert_allclose(together[part][number], alone, atol=2e-5)


def test_silence_is_answered(network: Network) -> None:
    penultimate, tags = network(np.zeros((1, FRAMES, BANDS), dtype=np.float32))
    assert np.isfinite(penultimate).all()
    assert ((tags > 0) & (tags < 1)).all()
