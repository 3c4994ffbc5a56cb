"""Windows are embedded each by itself, in a number format that was tried, in batches that fit into the memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mert_encoder import precision
from mert_encoder.checkpoint import read_checkpoint
from mert_encoder.embedder import Embedder, load_embedder
from mert_encoder.encoder import Encoder
from mert_encoder.errors import CheckpointError, OptionError
from mert_encoder.options import read_options
from mert_encoder.windows import normalised
from mert_weights import golden_config, golden_tensors, music, write_golden
from trial_weights import write_config, write_weights

pytestmark = pytest.mark.thorough

SAMPLES = 24_000
CPU = torch.device("cpu")


def embedder_of(folder: Path, **parameters: str) -> Embedder:
    given = {"weights": str(folder), "window_seconds": "1", "device": "cpu", "dtype": "fp32"} | parameters
    return load_embedder(read_options(given, {}), batch_limit=64, log=lambda _: None)


@pytest.fixture(params=["tiny95", "tiny330"])
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a golden model."""
    return write_golden(tmp_path / request.param, request.param)


def test_a_window_has_mean_0_and_variance_1_whatever_its_level_and_offset() -> None:
    loud = music(1, SAMPLES)
    quiet = np.round(loud / 5).astype(np.int16)
    offset = (loud // 2 + 9_000).astype(np.int16)
    for pcm in (loud, quiet, offset):
        y = normalised(torch.from_numpy(pcm))
        assert abs(float(y.mean())) < 1e-5
        assert abs(float(y.var(correction=0)) - 1) < 2e-3
    assert torch.equal(normalised(torch.zeros(1, SAMPLES, dtype=torch.int16)), torch.zeros(1, SAMPLES))


def test_normalising_is_that_of_the_published_preprocessing() -> None:
    from transformers import Wav2Vec2FeatureExtractor

    published = Wav2Vec2FeatureExtractor(sampling_rate=24_000, do_normalize=True)
    pcm = music(1, SAMPLES)
    wanted = published(pcm[0] / np.float32(32_768), sampling_rate=24_000, return_tensors="np")["input_values"]
    np.testing.assert_allclose(normalised(torch.from_numpy(pcm)).numpy(), wanted, atol=1e-4)


def test_what_a_window_sounds_like_does_not_depend_on_those_beside_it(golden: Path) -> None:
    ours = embedder_of(golden)
    pcm = (music(11, SAMPLES) // np.arange(1, 12)[:, None]).astype(np.int16)
    together = ours.embed(pcm)
    for index in range(len(pcm)):
        np.testing.assert_allclose(ours.embed(pcm[index : index + 1])[0], together[index], atol=1e-5)


def test_windows_differ_and_are_not_one_vector_for_all(golden: Path) -> None:
    found = embedder_of(golden).embed(music(4, SAMPLES))[:, 0]
    for one in range(4):
        for other in range(one):
            assert np.abs(found[one] - found[other]).max() > 0.01


def test_zeros_after_a_window_would_change_the_embedding(golden: Path) -> None:
    """The first norm is over time, so padding is no neutral thing: the model takes windows of one length alone."""
    whole = embedder_of(golden)
    padded = embedder_of(golden, window_seconds="1.5")
    pcm = music(1, SAMPLES)
    silence = np.zeros((1, SAMPLES // 2), np.int16)
    difference = padded.embed(np.hstack([pcm, silence]))[0] - whole.embed(pcm)[0]
    assert np.abs(difference).max() > 0.05


def test_the_model_is_never_in_training(golden: Path) -> None:
    ours = embedder_of(golden)
    assert not any(module.training for module in ours.encoder.modules())
    assert not any(parameter.requires_grad for parameter in ours.encoder.parameters())
    pcm = music(2, SAMPLES)
    assert np.array_equal(ours.embed(pcm), ours.embed(pcm))


def test_bfloat16_gives_nearly_what_single_precision_does(golden: Path) -> None:
    pcm = music(3, SAMPLES)
    exact, short = (embedder_of(golden, dtype=dtype).embed(pcm) for dtype in ("fp32", "bf16"))
    cosine = precision.least_cosine(
        torch.from_numpy(short).flatten(0, 1), torch.from_numpy(exact).flatten(0, 1)
    )
    assert 0.999 < cosine < 1.0


def overflowing(folder: Path, gain: float) -> Encoder:
    """A golden model with a layer whose values half precision cannot hold; the next norm brings them back."""
    tensors = golden_tensors("tiny330")
    for kind in ("weight", "bias"):
        tensors[f"encoder.layers.0.feed_forward.output_dense.{kind}"] *= np.float32(gain)
    write_config(folder, golden_config("tiny330"))
    write_weights(folder, tensors)
    checkpoint = read_checkpoint(folder)
    return Encoder(checkpoint.architecture, checkpoint.tensors, [5])


def test_a_format_that_overflows_is_passed_over_for_the_next(tmp_path: Path) -> None:
    said: list[str] = []
    encoder = overflowing(tmp_path, 1e6)
    settled, name = precision.settled(encoder, ("fp16", "bf16", "fp32"), CPU, SAMPLES, said.append)
    assert name == "bf16"
    assert next(settled.parameters()).dtype == torch.bfloat16
    assert said[0] == "fp16 fails its test: the least cosine to single precision is -1.0000"


def test_a_format_that_was_asked_for_and_overflows_is_refused(tmp_path: Path) -> None:
    encoder = overflowing(tmp_path, 1e6)
    with pytest.raises(
        OptionError, match="dtype fp16 does not give the answer of single precision here: use auto"
    ):
        precision.settled(encoder, ("fp16",), CPU, SAMPLES, lambda _: None)


def test_weights_that_give_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="values that are not finite: download them again"):
        precision.settled(overflowing(tmp_path, np.nan), ("fp32",), CPU, SAMPLES, lambda _: None)


def test_silence_has_a_finite_embedding(golden: Path) -> None:
    for dtype in ("fp32", "bf16"):
        assert np.isfinite(embedder_of(golden, dtype=dtype).embed(np.zeros((1, SAMPLES), np.int16))).all()


SHORT_OF_MEMORY = """
import json, resource, sys
from pathlib import Path
import numpy as np
from mert_encoder.embedder import load_embedder
from mert_encoder.options import read_options
from mert_weights import music

said = []
options = read_options({"weights": sys.argv[1], "window_seconds": "5", "device": "cpu", "dtype": "fp32"}, {})
windows = int(sys.argv[3])
ours = load_embedder(options, batch_limit=windows, log=said.append)
pcm = music(windows, 120_000)
one_by_one = np.concatenate([ours.embed(window[None]) for window in pcm])
room = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (room + int(sys.argv[2]) * 2**20, resource.RLIM_INFINITY))
together = ours.embed(pcm)
print(json.dumps({
    "said": said, "limit": ours.batch_limit, "halvings": ours.halvings,
    "difference": float(np.abs(together - one_by_one).max()),
    "described": ours.described()["batch_limit"],
}))
"""


def short_of_memory(folder: Path, windows: int, room_mib: int) -> subprocess.CompletedProcess[str]:
    """Embed windows in a process that may take that much more memory than it has; what it frees, it has no more."""
    command = [sys.executable, "-c", SHORT_OF_MEMORY, str(folder), str(room_mib), str(windows)]
    environment = {"PYTHONPATH": ":".join(sys.path), "MALLOC_MMAP_THRESHOLD_": "65536"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_that_is_said(tmp_path: Path) -> None:
    done = short_of_memory(write_golden(tmp_path, "tiny95"), windows=24, room_mib=48)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["halvings"] >= 1
    assert found["limit"] == found["described"] == 24 // 2 ** found["halvings"]
    assert found["said"][0] == "out of memory with 24 windows at once on cpu: from now on 12"
    assert found["difference"] < 1e-5


def test_a_window_that_does_not_fit_by_itself_is_an_error_that_says_so(tmp_path: Path) -> None:
    done = short_of_memory(write_golden(tmp_path, "tiny95"), windows=1, room_mib=1)
    assert done.returncode != 0
    assert "one window of 120000 samples does not fit into the memory of cpu" in done.stderr
