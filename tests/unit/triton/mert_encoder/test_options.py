"""How the model is told to run: a parameter wins over the environment, and nonsense is refused with what is allowed."""

import os
from pathlib import Path

import pytest
import torch
from mert_encoder.architecture import read_architecture
from mert_encoder.embedder import chosen_device
from mert_encoder.errors import OptionError
from mert_encoder.options import chosen_layers, read_options
from mert_encoder.precision import candidates, multiplies_bf16
from trial_weights import KINDS, write_config

CPU = torch.device("cpu")
GPU = torch.device("cuda:0")
AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu sse avx512f avx512_bf16 sha_ni\n"
AMX = "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 amx_tile amx_bf16\n"
INTEL = "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512f avx512_bf16\n"
OLD = "vendor_id\t: AuthenticAMD\nflags\t\t: fpu sse avx2 avx512f\nbugs\t\t: avx512_bf16\n"


def test_a_parameter_wins_over_the_environment_and_the_environment_over_the_default() -> None:
    environment = {"TRITON_MERT_WEIGHTS": "/weights", "TRITON_MERT_WINDOW_SECONDS": "30", "OTHER": "x"}
    found = read_options({"window_seconds": "10", "layers": ""}, environment)
    assert found.weights == Path("/weights")
    assert found.window_samples == 240_000
    assert found.layers == "auto"
    assert read_options({}, environment).window_samples == 720_000
    assert read_options({"weights": "/other"}, {}).window_samples == 120_000


def test_threads_are_those_that_the_process_may_use_unless_said_otherwise() -> None:
    assert read_options({"weights": "/w"}, {"OMP_NUM_THREADS": "1"}).threads == len(os.sched_getaffinity(0))
    assert read_options({"weights": "/w", "threads": "3"}, {}).threads == 3


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("window_seconds", "0", "a number from 1 to 30"),
        ("window_seconds", "long", "a number from 1 to 30"),
        ("device", "gpu", "auto, cpu, cuda or cuda:N"),
        ("device", "cuda:one", "auto, cpu, cuda or cuda:N"),
        ("device", "cuda:999999999999", "auto, cpu, cuda or cuda:N"),
        ("gpu_memory_share", "1.5", "a number from 0.05 to 1"),
        ("dtype", "int8", "one of auto, fp32, fp16, bf16"),
        ("threads", "0", "a number from 1 to 1024"),
        ("colour", "red", "there is no parameter colour"),
    ],
)
def test_nonsense_is_refused_with_its_name_and_what_is_allowed(name: str, value: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence) as refusal:
        read_options({"weights": "/w", name: value}, {})
    assert name in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "wanted", "layers"),
    [
        ("95m", "auto", (7,)),
        ("330m", "auto", (10,)),
        ("tiny-95m", "auto", (2,)),
        ("95m", "last", (12,)),
        ("330m", "last", (24,)),
        ("95m", "0", (0,)),
        ("95m", "6,7,8", (6, 7, 8)),
        ("330m", "24, 10", (24, 10)),
    ],
)
def test_layers_are_those_of_the_public_benchmark_or_the_ones_named(
    kind: str, wanted: str, layers: tuple[int, ...], tmp_path: Path
) -> None:
    write_config(tmp_path, KINDS[kind])
    assert chosen_layers(wanted, read_architecture(tmp_path)) == layers


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("13", "this model has the layers 0 to 12"),
        ("-1", "layers names -1"),
        ("7,7", "names a layer twice"),
        ("deep", "auto, last, a number, or numbers like 6,7,8"),
        ("", "auto, last, a number, or numbers like 6,7,8"),
    ],
)
def test_layers_that_are_not_there_are_refused(wanted: str, sentence: str, tmp_path: Path) -> None:
    write_config(tmp_path, KINDS["95m"])
    with pytest.raises(OptionError, match=sentence):
        chosen_layers(wanted, read_architecture(tmp_path))


def test_a_processor_takes_bfloat16_only_where_that_is_faster() -> None:
    assert candidates("auto", CPU, AMD * 2) == ("bf16", "fp32")
    assert candidates("auto", CPU, AMX) == ("bf16", "fp32")
    for slower in (INTEL, OLD, ""):
        assert not multiplies_bf16(slower)
        assert candidates("auto", CPU, slower) == ("fp32",)


def test_half_precision_comes_first_on_a_gpu_and_never_on_a_processor() -> None:
    assert candidates("auto", GPU, OLD) == ("fp16", "bf16", "fp32")
    assert candidates("fp16", GPU, OLD) == ("fp16",)
    with pytest.raises(OptionError, match="many times slower on a processor"):
        candidates("fp16", CPU, AMD)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_never_replaced_by_the_processor() -> None:
    for wanted in ("cuda", "cuda:0"):
        with pytest.raises(
            OptionError, match="finds no GPU here: install a driver and a torch for GPUs, or set"
        ):
            chosen_device(wanted)
    assert chosen_device("auto") == CPU
