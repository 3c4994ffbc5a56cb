"""An ensemble of multilayer perceptrons, trained together as one wide layer, in numpy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inference.arrays import Array
from inference.training.logistic_regression import cross_entropy

LEARNING_RATE = 1e-3
STEPS_BETWEEN = 4
"""Steps between updates of the running mean of the weights."""
BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes and regularisation of an ensemble."""

    members: int = 3
    hidden: int = 64
    """Units of each member."""
    decay: float = 0.05
    """Decoupled weight decay, per step and unit of the learning rate."""
    dropout: float = 0.5
    """Share of hidden units that a step leaves out."""
    batch_size: int = 256


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


def initial_weights(
    width: int, genres: int, architecture: Architecture, random: np.random.Generator
) -> Weights:
    """Weights before the first step (He et al. 2015)."""
    units = architecture.members * architecture.hidden
    return Weights(
        first=normal(random, (width, units), np.sqrt(2 / width)),
        first_bias=np.zeros(units, dtype=np.float32),
        second=normal(
            random, (architecture.members, architecture.hidden, genres), np.sqrt(1 / architecture.hidden)
        ),
        second_bias=np.zeros((architecture.members, 1, genres), dtype=np.float32),
    )


def normal(random: np.random.Generator, size: tuple[int, ...], deviation: float) -> Array:
    return random.standard_normal(size, dtype=np.float32) * np.float32(deviation)


def train(
    vectors: Array, soft_targets: Array, weights: Array, *, architecture: Architecture, seed: int
) -> Iterator[Weights]:
    """The ensemble after each epoch, without end; the same object every time, averaged over about the last epoch.

    vectors : [songs, n] standardised; soft_targets : [songs, genres], each row sums to 1; weights : [songs].
    AdamW (Loshchilov and Hutter 2019) at a constant learning rate, so that the result of an epoch does not depend on
    how many follow. Weights at a constant rate wander about the minimum; their running mean (Polyak averaging, Polyak
    and Juditsky 1992) is nearer to it than any of them, after a third of the epochs.
    """
    random = np.random.default_rng(seed)
    ensemble = initial_weights(vectors.shape[1], soft_targets.shape[1], architecture, random)
    optimiser = Adam(ensemble.parts(), decay=architecture.decay)
    mean = RunningMean(ensemble)
    counted = np.flatnonzero(weights > 0)
    relative = weights / weights[counted].mean()
    while True:
        order = random.permutation(counted)
        steps = max(1, round(len(order) / architecture.batch_size))
        for number, rows in enumerate(np.array_split(order, steps)):
            batch = vectors[rows], soft_targets[rows], relative[rows]
            optimiser.step(gradients(ensemble, *batch, architecture, random))
            if number % STEPS_BETWEEN == 0:
                mean.update(ensemble, np.float32(STEPS_BETWEEN / steps))
        yield mean.weights


def gradients(
    ensemble: Weights,
    batch: Array,
    soft_targets: Array,
    weights: Array,
    architecture: Architecture,
    random: np.random.Generator,
) -> list[Array]:
    """Of the mean loss of the batch [songs, n], in the order of `Weights.parts`; each member has its own loss."""
    songs, (members, hidden, genres) = len(batch), ensemble.second.shape
    kept = random.random((songs, members * hidden), dtype=np.float32) >= architecture.dropout
    before = batch @ ensemble.first + ensemble.first_bias
    gate = (before > 0) & kept
    scale = np.float32(1 / (1 - architecture.dropout))
    units = np.where(gate, before * scale, np.float32(0))
    of_member = units.reshape(songs, members, hidden).transpose(1, 0, 2)
    logits = of_member @ ensemble.second + ensemble.second_bias
    _, error = cross_entropy(
        logits.reshape(-1, genres), np.tile(soft_targets, (members, 1)), np.tile(weights, members)
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
    """Polyak averaging: the exponential mean of an ensemble's weights; of few, the plain mean."""

    def __init__(self, ensemble: Weights) -> None:
        self.weights = Weights(**{name: part.copy() for name, part in vars(ensemble).items()})
        self._updates = 0

    def update(self, ensemble: Weights, share: np.float32) -> None:
        """Move towards these weights by their share."""
        self._updates += 1
        share = max(share, np.float32(1 / self._updates))
        for kept, part in zip(self.weights.parts(), ensemble.parts(), strict=True):
            np.add(kept, share * (part - kept), out=kept)


class Adam:
    """AdamW on parameters, which it changes in place."""

    def __init__(self, parameters: list[Array], *, decay: float) -> None:
        self._states = [AdamState(parameter, decay=decay) for parameter in parameters]
        self._steps = 0

    def step(self, gradients: list[Array]) -> None:
        """One step of all."""
        self._steps += 1
        first, second = BETAS
        rate = LEARNING_RATE * np.sqrt(1 - second**self._steps) / (1 - first**self._steps)
        for state, gradient in zip(self._states, gradients, strict=True):
            state.step(gradient, np.float32(rate))


class AdamState:
    """One parameter with the moments of its gradients; biases, which have one row, do not decay."""

    def __init__(self, parameter: Array, *, decay: float) -> None:
        self._parameter = parameter
        self._kept = (
            np.float32(1 - LEARNING_RATE * decay) if parameter.ndim > 1 and parameter.shape[-2] > 1 else None
        )
        self._mean = np.zeros_like(parameter)
        self._square = np.zeros_like(parameter)
        self._buffer = np.empty_like(parameter)

    def step(self, gradient: Array, rate: np.float32) -> None:
        """One step; without new arrays, which would cost a third of the time of a training."""
        (first, second), buffer = BETAS, self._buffer
        self._mean *= np.float32(first)
        self._mean += np.multiply(gradient, np.float32(1 - first), out=buffer)
        self._square *= np.float32(second)
        np.multiply(gradient, gradient, out=buffer)
        buffer *= np.float32(1 - second)
        self._square += buffer
        np.sqrt(self._square, out=buffer)
        buffer += np.float32(EPSILON)
        np.divide(self._mean, buffer, out=buffer)
        buffer *= rate
        if self._kept is not None:
            self._parameter *= self._kept
        self._parameter -= buffer
