"""The network of MusiCNN against the plain matrix products in it, torch and onnxruntime, in one process of one thread.

Run by `benchmarks.features.musicnn` with the Python of Triton's environment, whose numpy is the one that serves. torch
is compared where it is installed, onnxruntime where it and `onnx` are. Prints milliseconds of each way as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from musicnn_network.checkpoint import read_checkpoint
from musicnn_network.embedder import Embedder
from musicnn_network.network import BANDS, FRAMES, Network

WINDOWS = 5
ROUNDS = 9
# What the kernels over time have for a batch norm each, by the order of the layers.
NORMS = {f"conv2d_{number}" if number else "conv2d": number + 1 for number in range(8)}
EPS = 1e-3


def main() -> None:
    """Interleaved, so that what else the machine does meets all alike."""
    checkpoint = read_checkpoint(Path(sys.argv[1]))
    tensors = checkpoint.tensors
    mel = np.random.default_rng(0).gamma(0.5, 0.2, (WINDOWS, FRAMES * BANDS)).astype(np.float16)
    embedder = Embedder(checkpoint=checkpoint, network=Network(tensors), batch_limit=WINDOWS)
    x = np.log10(1 + 10_000 * mel.astype(np.float32)).reshape(WINDOWS, FRAMES, BANDS)
    ways: dict[str, Callable[[], np.ndarray | None]] = {
        "products": products(),
        "ours": lambda: embedder.embed(mel),
    }
    if find_spec("torch"):
        ways["torch"] = by_torch(tensors, x)
    if find_spec("onnxruntime") and find_spec("onnx"):
        ways["onnxruntime"] = by_onnxruntime(tensors, x)
    wanted = embedder.embed(mel)[:, :200]
    for name in ways.keys() - {"products", "ours"}:
        difference = np.abs(ways[name]() - wanted).max()
        if difference > 1e-3:
            raise ValueError(f"{name} computes another network: {difference}")
    print(json.dumps({name: 1000 * seconds for name, seconds in interleaved(ways).items()}))


def interleaved(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least seconds of processor time of each: of one thread, so that neighbours on the machine hardly count."""
    least = dict.fromkeys(ways, float("inf"))
    for number in range(ROUNDS + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            if number:
                least[name] = min(least[name], time.process_time() - began)
    return least


def products() -> Callable[[], None]:
    """The matrix products alone, into memory that is there already: about 14 GFLOP."""
    rows = WINDOWS * FRAMES
    shapes = [(rows, 7 * 38, 204, 59), (rows, 7 * 67, 204, 30)]
    shapes += [(4 * WINDOWS * FRAMES, taps, 51, BANDS // 4) for taps in (128, 64, 32)]
    shapes += [(rows, 7 * 561, 64, 1), (rows, 7 * 64, 64, 2), (WINDOWS, 1506, 200, 1)]
    draw = np.random.default_rng(0)
    made = [
        (
            draw.random((m, k), dtype=np.float32),
            draw.random((k, n), dtype=np.float32),
            np.empty((m, n), np.float32),
            count,
        )
        for m, k, n, count in shapes
    ]

    def run() -> None:
        for a, b, out, count in made:
            for _ in range(count):
                np.matmul(a, b, out=out)

    return run


def norm(tensors, number):
    """Scale and shift of a batch norm."""
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    beta, gamma, mean, variance = (
        tensors[f"{name}/{part}"] for part in ("beta", "gamma", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + EPS)
    return scale, beta - mean * scale


def by_torch(tensors, x):
    """Eager torch with its own convolutions: `penultimate` of the windows."""
    import torch
    import torch.nn.functional as F  # noqa: N812  as everywhere

    torch.set_num_threads(1)
    kernels = {
        name: torch.from_numpy(np.ascontiguousarray(tensors[f"{name}/kernel"].transpose(3, 2, 0, 1)))
        for name in NORMS
    }
    rest = {name: torch.from_numpy(np.array(values)) for name, values in tensors.items()}
    norms = [tuple(map(torch.from_numpy, norm(tensors, number))) for number in range(11)]
    windows = torch.from_numpy(x)[:, None]

    def block(y, name):
        scale, shift = norms[NORMS[name]]
        y = F.relu(F.conv2d(y, kernels[name], rest[f"{name}/bias"]))
        return y * scale[:, None, None] + shift[:, None, None]

    def middle(y, name):  # [B, T, C] to [B, T, 64]
        return block(F.pad(y, (0, 0, 3, 3))[:, None], name)[..., 0].transpose(1, 2)

    def run():
        with torch.inference_mode():
            y = windows * norms[0][0] + norms[0][1]
            front = [block(F.pad(y, (0, 0, 3, 3)), name).amax(dim=3) for name in ("conv2d", "conv2d_1")]
            for name, taps in (("conv2d_2", 128), ("conv2d_3", 64), ("conv2d_4", 32)):
                front.append(block(F.pad(y, (0, 0, (taps - 1) // 2, taps // 2)), name).amax(dim=3))
            layers = [torch.cat(front, dim=1).transpose(1, 2)]
            layers.append(middle(layers[0], "conv2d_5"))
            layers.append(middle(layers[1], "conv2d_6") + layers[1])
            layers.append(middle(layers[2], "conv2d_7") + layers[2])
            joined = torch.cat(layers, dim=2)
            pooled = torch.stack([joined.amax(dim=1), joined.mean(dim=1)], dim=2).flatten(1)
            pooled = pooled * norms[9][0] + norms[9][1]
            dense = F.relu(pooled @ rest["dense/kernel"] + rest["dense/bias"])
            return (dense * norms[10][0] + norms[10][1]).numpy()

    return run


def by_onnxruntime(tensors, x):
    """The same graph in onnxruntime."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []

    def constant(name, values):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def op(kind, inputs, **attributes):
        name = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def affine(y, scale, shift, label, axes=()):
        scale, shift = (np.expand_dims(values, axes) for values in (scale, shift))
        return op(
            "Add", [op("Mul", [y, constant(f"{label}/scale", scale)]), constant(f"{label}/shift", shift)]
        )

    def block(y, name, pads):
        kernel = constant(f"{name}/kernel", tensors[f"{name}/kernel"].transpose(3, 2, 0, 1))
        y = op(
            "Relu", [op("Conv", [y, kernel, constant(f"{name}/bias", tensors[f"{name}/bias"])], pads=pads)]
        )
        return affine(y, *norm(tensors, NORMS[name]), name, (1, 2))

    axes = numpy_helper.from_array(np.array([3], np.int64), "axes")
    time_axis = numpy_helper.from_array(np.array([2], np.int64), "time_axis")
    flat = numpy_helper.from_array(np.array([0, -1], np.int64), "flat")
    weights += [axes, time_axis, flat]
    y = affine("x", *norm(tensors, 0), "input")
    front = [block(y, name, [3, 0, 3, 0]) for name in ("conv2d", "conv2d_1")]
    for name, taps in (("conv2d_2", 128), ("conv2d_3", 64), ("conv2d_4", 32)):
        front.append(block(y, name, [(taps - 1) // 2, 0, taps // 2, 0]))
    # [B, C, T, 1], whose last axis is the frequency of one value, is turned for the next kernel over all channels.
    layers = [op("Concat", [op("ReduceMax", [each, "axes"], keepdims=1) for each in front], axis=1)]

    def middle(y, name):
        return block(op("Transpose", [y], perm=[0, 3, 2, 1]), name, [3, 0, 3, 0])

    layers.append(middle(layers[0], "conv2d_5"))
    layers.append(op("Add", [middle(layers[1], "conv2d_6"), layers[1]]))
    layers.append(op("Add", [middle(layers[2], "conv2d_7"), layers[2]]))
    joined = op("Concat", layers, axis=1)
    pooled = [op(kind, [joined, "time_axis"], keepdims=1) for kind in ("ReduceMax", "ReduceMean")]
    pooled = affine(op("Reshape", [op("Concat", pooled, axis=3), "flat"]), *norm(tensors, 9), "pooled")
    dense = op("MatMul", [pooled, constant("dense/kernel", tensors["dense/kernel"])])
    dense = op("Relu", [op("Add", [dense, constant("dense/bias", tensors["dense/bias"])])])
    last = affine(dense, *norm(tensors, 10), "dense_norm")
    graph = helper.make_graph(
        nodes,
        "musicnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1, FRAMES, BANDS])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [None, 200])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, {"x": x[:, None]})[0]


if __name__ == "__main__":
    main()
