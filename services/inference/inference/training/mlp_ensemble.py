"""An ensemble of small perceptrons, trained side by side as one wide layer, in numpy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inference.training.head import Array
from inference.training.logistic_regression import cross_entropy

RATE = 1e-3
STEPS_BETWEEN = 4
"""Steps after which the mean of the weights takes them in."""
MOMENTS = (0.9, 0.999)
TINY = 1e-8


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What an ensemble is like."""

    members: int = 3
    hidden: int = 64
    """Units of each member."""
    decay: float = 0.05
    """Decoupled weight decay, per step and unit of the rate."""
    dropout: float = 0.5
    """Share of hidden units that a step leaves out."""
    noise: float = 0.0
    """Standard deviation of what is added to standardised values."""
    mixup: float = 0.0
    """Of the beta distribution by which pairs of songs are mixed; 0 mixes none."""
    songs_a_step: int = 256


@dataclass(kw_only=True)
class Weights:
    """Of all members; the first layer is one matrix, so that one product serves them all."""

    first: Array
    """[n, members * hidden]"""
    first_bias: Array
    second: Array
    """[members, hidden, genres]"""
    second_bias: Array
    """[members, 1, genres]"""

    def parts(self) -> list[Array]:
        return [self.first, self.first_bias, self.second, self.second_bias]

    def joined(self) -> tuple[Array, Array, Array, Array]:
        """The members as one network whose logits are the mean of theirs."""
        members, hidden, genres = self.second.shape
        second = self.second.reshape(members * hidden, genres) / members
        return self.first, self.first_bias, second, self.second_bias.mean(axis=0)[0]


def begin(width: int, genres: int, shape: Shape, random: np.random.Generator) -> Weights:
    """Weights before the first step (He et al. 2015)."""
    units = shape.members * shape.hidden
    return Weights(
        first=normal(random, (width, units), np.sqrt(2 / width)),
        first_bias=np.zeros(units, dtype=np.float32),
        second=normal(random, (shape.members, shape.hidden, genres), np.sqrt(1 / shape.hidden)),
        second_bias=np.zeros((shape.members, 1, genres), dtype=np.float32),
    )


def normal(random: np.random.Generator, size: tuple[int, ...], deviation: float) -> Array:
    return random.standard_normal(size, dtype=np.float32) * np.float32(deviation)


def train(vectors: Array, shares: Array, weights: Array, *, shape: Shape, seed: int) -> Iterator[Weights]:
    """The ensemble after each epoch, without end; the same object every time. It is the mean of about the last epoch's.

    vectors : [songs, n] standardised; shares : [songs, genres], each row sums to 1; weights : [songs].
    Adam with decoupled weight decay (Loshchilov and Hutter 2019) at a constant rate, so that what an epoch gives does
    not depend on how many follow. Weights at a constant rate wander about the minimum; their running mean (Polyak and
    Juditsky 1992) is nearer to it than any of them, after a third of the epochs.
    """
    random = np.random.default_rng(seed)
    ensemble = begin(vectors.shape[1], shares.shape[1], shape, random)
    optimiser = Adam(ensemble.parts(), decay=shape.decay)
    mean = RunningMean(ensemble)
    counted = np.flatnonzero(weights > 0)
    relative = weights / weights[counted].mean()
    while True:
        order = random.permutation(counted)
        steps = max(1, round(len(order) / shape.songs_a_step))
        for number, rows in enumerate(np.array_split(order, steps)):
            batch, aims = mixed(vectors[rows], shares[rows], shape, random)
            optimiser.step(gradients(ensemble, batch, aims, relative[rows], shape, random))
            if number % STEPS_BETWEEN == 0:
                mean.take_in(ensemble, np.float32(STEPS_BETWEEN / steps))
        yield mean.weights


def mixed(batch: Array, shares: Array, shape: Shape, random: np.random.Generator) -> tuple[Array, Array]:
    """Songs with a little noise, mixed with each other (mixup, Zhang et al. 2018)."""
    if shape.noise:
        batch = batch + normal(random, batch.shape, shape.noise)
    if shape.mixup:
        other = random.permutation(len(batch))
        part = random.beta(shape.mixup, shape.mixup, size=(len(batch), 1)).astype(np.float32)
        batch = part * batch + (1 - part) * batch[other]
        shares = part * shares + (1 - part) * shares[other]
    return batch, shares


def gradients(
    ensemble: Weights, batch: Array, shares: Array, weights: Array, shape: Shape, random: np.random.Generator
) -> list[Array]:
    """Of the mean loss of the batch, in the order of `Weights.parts`; each member has its own loss."""
    songs, (members, hidden, genres) = len(batch), ensemble.second.shape
    kept = random.random((songs, members * hidden), dtype=np.float32) >= shape.dropout
    before = batch @ ensemble.first + ensemble.first_bias
    gate = (before > 0) & kept
    scale = np.float32(1 / (1 - shape.dropout))
    units = np.where(gate, before * scale, np.float32(0))
    of_member = units.reshape(songs, members, hidden).transpose(1, 0, 2)
    logits = of_member @ ensemble.second + ensemble.second_bias
    _, error = cross_entropy(
        logits.reshape(-1, genres), np.tile(shares, (members, 1)), np.tile(weights, members)
    )
    error = error.reshape(members, songs, genres) / np.float32(songs)
    back = (error @ ensemble.second.transpose(0, 2, 1)).transpose(1, 0, 2).reshape(songs, -1)
    back = np.where(gate, back * scale, np.float32(0))
    return [
        batch.T @ back,
        back.sum(axis=0),
        of_member.transpose(0, 2, 1) @ error,
        error.sum(axis=1, keepdims=True),
    ]


class RunningMean:
    """The exponential mean of an ensemble's weights; of few, the plain mean."""

    def __init__(self, ensemble: Weights) -> None:
        self.weights = Weights(**{name: part.copy() for name, part in vars(ensemble).items()})
        self._taken = 0

    def take_in(self, ensemble: Weights, share: np.float32) -> None:
        """Move towards these weights by their share."""
        self._taken += 1
        share = max(share, np.float32(1 / self._taken))
        for kept, part in zip(self.weights.parts(), ensemble.parts(), strict=True):
            np.add(kept, share * (part - kept), out=kept)


class Adam:
    """Moves parameters, in place, by their gradients."""

    def __init__(self, parameters: list[Array], *, decay: float) -> None:
        self._moved = [Moved(parameter, decay=decay) for parameter in parameters]
        self._steps = 0

    def step(self, gradients: list[Array]) -> None:
        """One step of all."""
        self._steps += 1
        first, second = MOMENTS
        rate = RATE * np.sqrt(1 - second**self._steps) / (1 - first**self._steps)
        for moved, gradient in zip(self._moved, gradients, strict=True):
            moved.step(gradient, np.float32(rate))


class Moved:
    """One parameter with the moments of its gradients; biases, which have one row, do not decay."""

    def __init__(self, parameter: Array, *, decay: float) -> None:
        self._parameter = parameter
        self._kept = np.float32(1 - RATE * decay) if parameter.ndim > 1 and parameter.shape[-2] > 1 else None
        self._mean = np.zeros_like(parameter)
        self._square = np.zeros_like(parameter)
        self._room = np.empty_like(parameter)

    def step(self, gradient: Array, rate: np.float32) -> None:
        """One step; without new arrays, which would cost a third of the time of a training."""
        (first, second), room = MOMENTS, self._room
        self._mean *= np.float32(first)
        self._mean += np.multiply(gradient, np.float32(1 - first), out=room)
        self._square *= np.float32(second)
        np.multiply(gradient, gradient, out=room)
        room *= np.float32(1 - second)
        self._square += room
        np.sqrt(self._square, out=room)
        room += np.float32(TINY)
        np.divide(self._mean, room, out=room)
        room *= rate
        if self._kept is not None:
            self._parameter *= self._kept
        self._parameter -= room
