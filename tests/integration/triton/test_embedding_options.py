"""Options that make no sense fail the request that has them, with a sentence, and none that waits beside it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from runtime.triton import Triton, TritonError
from triton_server import triton_server

WINDOW = np.zeros((1, 187 * 96), dtype=np.float16)
HOSTILE = {
    "nested": "[" * 200_000,
    "long": json.dumps({"weights": "a" * 200_000}),
    "no JSON": "{",
    "no text": '{"weights": 5}',
    "nul": '{"weights": "\\u0000"}',
    "half a character": '{"weights": "\\ud800"}',
    "half a character as a name": '{"\\ud800": "x"}',
    "long name of a file": json.dumps({"weights": "a" * 300}),
}


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    with triton_server(tmp_path_factory.mktemp("triton")) as server:
        triton = Triton(server.target)
        yield triton
        triton.close()


def ask(triton: Triton, model: str, options: str, dtype: type = np.float16) -> tuple[int, ...]:
    parameters = {"options": options}
    found = triton.ask(model, {"windows": WINDOW.astype(dtype)}, ["embedding"], parameters=parameters)
    return found["embedding"].shape


@pytest.mark.parametrize("options", HOSTILE.values(), ids=HOSTILE.keys())
def test_nonsense_is_refused_and_what_waits_beside_it_is_answered(triton: Triton, options: str) -> None:
    with ThreadPoolExecutor(8) as callers:
        good = [callers.submit(ask, triton, "musicnn", "{}") for _ in range(3)]
        refused = callers.submit(ask, triton, "musicnn", options)
        good += [callers.submit(ask, triton, "musicnn", "{}") for _ in range(8)]
        assert {each.result() for each in good} == {(1, 250)}
        with pytest.raises(TritonError) as said:
            refused.result()
    assert "Traceback" not in said.value.detail
    assert "parameter options" in said.value.detail or "cannot be read" in said.value.detail


@pytest.mark.parametrize("options", HOSTILE.values(), ids=HOSTILE.keys())
def test_another_model_refuses_it_too(triton: Triton, options: str) -> None:
    with pytest.raises(TritonError) as said:
        ask(triton, "mert", options, np.int16)
    assert "Traceback" not in said.value.detail
