"""The tensors of a published MERT-v1 file: every name and shape that an architecture has."""

from collections.abc import Iterator

from mert_encoder.architecture import Architecture

Shape = tuple[int, ...]

# In the file for training, where masked frames are replaced by it; a model that only infers masks nothing.
UNUSED = "masked_spec_embed"
POSITIONS = "encoder.pos_conv_embed.conv"
# The same two tensors of a weight norm under the names of older and newer versions of torch.
GAIN_NAMES = (f"{POSITIONS}.weight_g", f"{POSITIONS}.parametrizations.weight.original0")
DIRECTION_NAMES = (f"{POSITIONS}.weight_v", f"{POSITIONS}.parametrizations.weight.original1")
# A file without weight norm has the product itself.
FOLDED_NAME = f"{POSITIONS}.weight"


def expected(architecture: Architecture) -> dict[str, Shape]:
    """Name and shape of each tensor, the weight norm under its older names."""
    return dict(_front(architecture)) | dict(_positions(architecture)) | dict(_blocks(architecture))


def _front(architecture: Architecture) -> Iterator[tuple[str, Shape]]:
    inputs = 1
    for index, (width, kernel) in enumerate(
        zip(architecture.conv_widths, architecture.conv_kernels, strict=True)
    ):
        yield f"feature_extractor.conv_layers.{index}.conv.weight", (width, inputs, kernel)
        inputs = width
    yield from _affine("feature_extractor.conv_layers.0.layer_norm", (architecture.conv_widths[0],))
    yield from _affine("feature_projection.layer_norm", (inputs,))
    yield from _affine("feature_projection.projection", (architecture.width, inputs))


def _positions(architecture: Architecture) -> Iterator[tuple[str, Shape]]:
    width, kernel = architecture.width, architecture.position_kernel
    yield f"{POSITIONS}.bias", (width,)
    yield GAIN_NAMES[0], (1, 1, kernel)
    yield DIRECTION_NAMES[0], (width, width // architecture.position_groups, kernel)
    yield from _affine("encoder.layer_norm", (width,))
    yield UNUSED, (width,)


def _blocks(architecture: Architecture) -> Iterator[tuple[str, Shape]]:
    width, inner = architecture.width, architecture.inner_width
    for index in range(architecture.layers):
        layer = f"encoder.layers.{index}"
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from _affine(f"{layer}.attention.{part}", (width, width))
        yield from _affine(f"{layer}.layer_norm", (width,))
        yield from _affine(f"{layer}.feed_forward.intermediate_dense", (inner, width))
        yield from _affine(f"{layer}.feed_forward.output_dense", (width, inner))
        yield from _affine(f"{layer}.final_layer_norm", (width,))


def _affine(name: str, shape: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]
