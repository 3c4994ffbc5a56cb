"""MERT's encoder: windows of audio to the mean over time of chosen layers, no deeper than the deepest of them.

The same numbers as transformers' HuBERT, with a front end made of matrix products on [batch, time, channel], so that
no layout is changed on the way; attention by torch's fused kernel; pooling inside, so that no hidden state is kept.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812  as everywhere
from torch import Tensor, nn

from mert_encoder.architecture import Architecture
from mert_encoder.tensors import POSITIONS

# The front end holds 25 MB a window of five seconds in half precision, so it goes through in parts.
FRONT_WINDOWS = 8
# torch's own default, which the published group norm has, whatever the config says of the layer norms.
GROUP_NORM_EPS = 1e-5


class FrontEnd(nn.Module):
    """Seven convolutions without bias, gelu after each, group norm after the first: y [B, N] to [B, T, channels]."""

    def __init__(self, architecture: Architecture, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.kernels, self.strides = architecture.conv_kernels, architecture.conv_strides
        self.gain = _kept(tensors["feature_extractor.conv_layers.0.layer_norm.weight"])
        self.offset = _kept(tensors["feature_extractor.conv_layers.0.layer_norm.bias"])
        names = [f"feature_extractor.conv_layers.{index}.conv.weight" for index in range(len(self.kernels))]
        # [taps * inputs, outputs], taps outermost: the rows of a window of frames as they lie in memory.
        weights = [tensors[name].permute(2, 1, 0).reshape(-1, tensors[name].shape[0]) for name in names]
        # Ten taps of one channel make rows that a GPU's matrix units do not take; six more weigh nothing.
        self.spare = -len(weights[0]) % 8
        self.weights = nn.ParameterList(map(_kept, [F.pad(weights[0], (0, 0, 0, self.spare)), *weights[1:]]))

    def forward(self, y: Tensor) -> Tensor:
        x = self.first(y)
        for weight, kernel, stride in zip(self.weights[1:], self.kernels[1:], self.strides[1:], strict=True):
            x = gelu_(strided(x, weight, kernel, stride))
        return x

    def first(self, y: Tensor) -> Tensor:
        """Convolution, group norm with a group for each channel, gelu; the norm goes into the weights.

        A channel is a weighted sum of ten neighbouring samples, so its mean and variance over time follow from those
        of the samples: no pass over 24,000 frames of 512 channels is needed. y stays in single precision so far.
        """
        frames = F.pad(y.float(), (0, self.spare)).unfold(1, self.kernels[0] + self.spare, self.strides[0])
        weight = self.weights[0].float()
        mean = frames.mean(dim=1, keepdim=True)
        centred = frames - mean
        covariance = centred.transpose(1, 2) @ centred / frames.shape[1]
        variance = ((covariance @ weight) * weight).sum(dim=1, keepdim=True)
        scale = self.gain.float() * torch.rsqrt(variance.clamp_min(0.0) + GROUP_NORM_EPS)
        dtype = self.weights[0].dtype
        shift = self.offset.float()
        x = torch.baddbmm(shift.to(dtype), centred.to(dtype), (weight * scale).to(dtype))
        return gelu_(x)


def gelu_(x: Tensor) -> Tensor:
    """The exact gelu, not tanh's, in the place of its input: the front end's are the largest tensors of all."""
    done: Tensor = torch.ops.aten.gelu_(x)
    return done


def strided(x: Tensor, weight: Tensor, kernel: int, stride: int) -> Tensor:
    """A convolution whose kernel is its stride, or one longer, as products of views of x [B, T, C]; none is copied."""
    batch, time, channels = x.shape
    frames = (time - kernel) // stride + 1
    whole = x[:, : frames * stride].view(batch, frames, stride * channels)
    rows = stride * channels
    out = torch.bmm(whole, weight[:rows].expand(batch, -1, -1))
    if kernel > stride:
        last = x[:, stride : stride * frames + 1 : stride]
        out.baddbmm_(last, weight[rows:].expand(batch, -1, -1))
    return out


class Block(nn.Module):
    """One transformer layer, with its norms before (330M) or after (95M) its two parts."""

    def __init__(self, architecture: Architecture, tensors: Mapping[str, Tensor], index: int) -> None:
        super().__init__()
        layer = f"encoder.layers.{index}"
        self.heads, self.pre_norm = architecture.heads, architecture.pre_norm
        parts = [f"{layer}.attention.{part}_proj" for part in ("q", "k", "v")]
        self.qkv = _linear(*(torch.cat([tensors[f"{part}.{kind}"] for part in parts]) for kind in _AFFINE))
        self.out = _linear_of(tensors, f"{layer}.attention.out_proj")
        self.inner = _linear_of(tensors, f"{layer}.feed_forward.intermediate_dense")
        self.outer = _linear_of(tensors, f"{layer}.feed_forward.output_dense")
        self.attention_norm = _norm_of(tensors, f"{layer}.layer_norm", architecture.norm_eps)
        self.final_norm = _norm_of(tensors, f"{layer}.final_layer_norm", architecture.norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        if self.pre_norm:
            x = x + self.attention(self.attention_norm(x))
            return x + self.feed_forward(self.final_norm(x))
        x = self.attention_norm(x + self.attention(x))
        out: Tensor = self.final_norm(x + self.feed_forward(x))
        return out

    def attention(self, x: Tensor) -> Tensor:
        """Every frame sees every other; the scale is that of the head's width, as the published q has it."""
        batch, time, width = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, time, width))
        return out

    def feed_forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.outer(gelu_(self.inner(x)))
        return out


class Encoder(nn.Module):
    """y [B, N], each window normalised, in any floating dtype, to [B, len(layers), width] in float32.

    Layer 0 is what enters the first block, layer n what leaves block n; of a 330M the last one has gone through the
    final norm, as in the versions of transformers that it was published for.
    """

    def __init__(
        self, architecture: Architecture, tensors: Mapping[str, Tensor], layers: Sequence[int]
    ) -> None:
        super().__init__()
        self.layers, self.pre_norm, self.depth = tuple(layers), architecture.pre_norm, architecture.layers
        self.position_groups = architecture.position_groups
        self.front = FrontEnd(architecture, tensors)
        self.front_norm = _norm_of(tensors, "feature_projection.layer_norm", architecture.norm_eps)
        self.projection = _linear_of(tensors, "feature_projection.projection")
        self.position_weight = _kept(tensors[f"{POSITIONS}.weight"])
        self.position_bias = _kept(tensors[f"{POSITIONS}.bias"])
        self.norm = _norm_of(tensors, "encoder.layer_norm", architecture.norm_eps)
        self.blocks = nn.ModuleList(Block(architecture, tensors, index) for index in range(max(self.layers)))
        self.requires_grad_(False).eval()

    def forward(self, y: Tensor) -> Tensor:
        x = self.projection(
            self.front_norm(torch.cat([self.front(part) for part in torch.split(y, FRONT_WINDOWS)]))
        )
        x = x + self.positions(x)
        if not self.pre_norm:
            x = self.norm(x)
        pooled = {0: self.pooled(x, 0)}
        for layer, block in enumerate(self.blocks, start=1):
            x = block(x)
            if layer in self.layers:
                pooled[layer] = self.pooled(x, layer)
        return torch.stack([pooled[layer] for layer in self.layers], dim=1)

    def positions(self, x: Tensor) -> Tensor:
        """A convolution over 128 frames tells each frame where it is; its even kernel makes one frame too many."""
        kernel = self.position_weight.shape[-1]
        out = F.conv1d(
            x.transpose(1, 2),
            self.position_weight,
            self.position_bias,
            padding=kernel // 2,
            groups=self.position_groups,
        )
        return F.gelu(out[..., :-1]).transpose(1, 2)

    def pooled(self, x: Tensor, layer: int) -> Tensor:
        if self.pre_norm and layer == self.depth:
            x = self.norm(x)
        return x.mean(dim=1, dtype=torch.float32)


_AFFINE = ("weight", "bias")


def _kept(tensor: Tensor) -> nn.Parameter:
    """A copy in single precision: what was read lies in a mapped file."""
    return nn.Parameter(tensor.to(torch.float32, copy=True).contiguous(), requires_grad=False)


def _linear_of(tensors: Mapping[str, Tensor], name: str) -> nn.Linear:
    return _linear(*(tensors[f"{name}.{kind}"] for kind in _AFFINE))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    # Made without memory of its own, and without the random values that torch would fill in.
    made = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    made.weight, made.bias = _kept(weight), _kept(bias)
    return made


def _norm_of(tensors: Mapping[str, Tensor], name: str, eps: float) -> nn.LayerNorm:
    made = nn.LayerNorm(tensors[f"{name}.weight"].shape[0], eps=eps, device="meta")
    made.weight, made.bias = _kept(tensors[f"{name}.weight"]), _kept(tensors[f"{name}.bias"])
    return made
