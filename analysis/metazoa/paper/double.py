"""Experiment 1, and random particles alone, in double precision: what the program does in single precision, as plain numpy.

A twin of the program's arithmetic (docs/mathematics.md, sections 1 to 4) for linear particles of three layers, momentum buffers
that are separate, and a linear organism. It begins with each run's own initial weights and draws samples of its own.
"""

from dataclasses import dataclass

import numpy as np

from ..mathematics import particle
from ..reading.errors import Missing

EPSILON = (1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
RANDOM, STEPS = 100, 5000  # particles alone for each seed; their steps


@dataclass
class Twins:
    organism: np.ndarray  # [seed, epsilon]: share of self-replicators after experiment 1
    error: np.ndarray  # [seed]: mean absolute error on test data
    alone: np.ndarray  # [seed, epsilon]: share among random particles after self-training alone


def run(runs):
    """The twins of these runs of experiment 1."""
    if not runs:
        raise Missing("there are no runs of experiment 1")
    first = runs[0]
    width, layers = first.particle
    assert layers == 3 and not first.scalar
    starts, shape = _starts(runs)
    state = _State(
        starts,
        width,
        first.setting("training", "learning_rate", 0.004),
        first.setting("training", "momentum", 0.9),
    )
    error = _experiment(state, shape, runs)
    return Twins(_shares(state, len(runs)), error, _alone(state, runs))


def _starts(runs):
    """Weights of epoch 0, [run * particle, weight], and the organism's layers (cells, edges)."""
    rows, shape = [], []
    for one in runs:
        with one.archive() as archive:
            shape = [layer.matrix for layer in archive.layers.values()]
            rows += [layer.read(slice(0, 1), ())[0] for layer in archive.layers.values()]
    return np.concatenate(rows).astype(np.float64), shape


class _State:
    """Particles [item, weight] with the velocities of both tasks."""

    def __init__(self, weights, width, rate, momentum):
        self.weights, self.width, self.rate, self.momentum = weights.copy(), width, rate, momentum
        self.self_velocity, self.task_velocity = np.zeros_like(weights), np.zeros_like(weights)
        self.positions = particle.positions(width, 3)
        self.moments = self.positions @ self.positions.T
        self.cuts = np.cumsum([cells * edges for cells, edges in particle.shapes(width, 3)])[:2]

    def _matrices(self):
        shapes = particle.shapes(self.width, 3)
        return [
            part.reshape(-1, *shape) for part, shape in zip(np.split(self.weights, self.cuts, axis=1), shapes)
        ]

    def _pull(self, matrices, gradient):
        """The gradient with respect to the weights of one with respect to the response, [item, 5]."""
        one, two, three = matrices
        above = (three @ two)[:, 0], three[:, 0]
        below = np.einsum("nij,nj->ni", one, gradient)
        parts = (
            above[0][:, :, None] * gradient[:, None, :],
            above[1][:, :, None] * below[:, None, :],
            np.einsum("nij,nj->ni", two, below),
        )
        return np.concatenate([part.reshape(len(gradient), -1) for part in parts], axis=1)

    def effective(self):
        one, two, three = self._matrices()
        return (three @ two @ one)[:, 0, 4]

    def self_train(self, steps):
        for _ in range(steps):
            matrices = self._matrices()
            a = (matrices[2] @ matrices[1] @ matrices[0])[:, 0]
            d = a[:, :4] - (1, 0, 0, 0)
            mixed = self.weights @ self.positions.T  # w.L, w.C, w.E
            gradient = np.zeros_like(a)
            gradient[:, 0] = (self.weights**2).sum(axis=1) * d[:, 0] + (mixed * d[:, 1:]).sum(axis=1)
            gradient[:, 1:4] = mixed * d[:, :1] + d[:, 1:] @ self.moments
            gradient *= 2 / self.weights.shape[1]
            self.self_velocity = self.momentum * self.self_velocity + self._pull(matrices, gradient)
            self.weights = self.weights - self.rate * self.self_velocity

    def task_step(self, gradient):
        """gradient: [item], of the loss with respect to the effective weights."""
        row = np.zeros((len(gradient), particle.INPUTS))
        row[:, 4] = gradient
        self.task_velocity = self.momentum * self.task_velocity + self._pull(self._matrices(), row)
        self.weights = self.weights - self.rate * self.task_velocity


def _experiment(state, shape, runs):
    """Trains as the runs were trained; the error on 1000 test samples, [run]."""
    first = runs[0]
    samples, batch = first.setting("task", "samples", 1000), first.setting("training", "batch", 50)
    steps, inputs = first.setting("training", "self_train_steps", 25), shape[0][1]
    random = [np.random.default_rng([run.seed, 1]) for run in runs]
    for _ in range(first.setting("training", "epochs", 60)):
        x = np.stack([one.standard_normal((samples, inputs)) for one in random])
        for begin in range(0, samples, batch):
            state.self_train(steps)
            state.task_step(_task_gradient(state.effective(), shape, x[:, begin : begin + batch]))
    x = np.stack([one.standard_normal((1000, inputs)) for one in random])
    return np.abs(_outputs(_layers(state.effective(), shape, len(x)), x)[-1][..., 0] - x.sum(axis=2)).mean(
        axis=1
    )


def _layers(effective, shape, runs):
    """Effective weights as matrices [run, cell, edge] of each layer."""
    parts = np.split(
        effective.reshape(runs, -1), np.cumsum([cells * edges for cells, edges in shape])[:-1], axis=1
    )
    return [part.reshape(runs, *matrix) for part, matrix in zip(parts, shape)]


def _outputs(layers, x):
    """What each layer reads, and the outputs: [run, sample, cell]."""
    found = [x]
    for matrix in layers:
        found.append(found[-1] @ matrix.transpose(0, 2, 1))
    return found


def _task_gradient(effective, shape, x):
    """Of the mean squared error of a sum, for each effective weight."""
    layers = _layers(effective, shape, len(x))
    reads = _outputs(layers, x)
    back = 2 * (reads[-1] - x.sum(axis=2, keepdims=True)) / x.shape[1]
    parts = []
    for matrix, read in zip(reversed(layers), reversed(reads[:-1])):
        parts.insert(0, back.transpose(0, 2, 1) @ read)
        back = back @ matrix
    return np.concatenate([part.reshape(len(x), -1) for part in parts], axis=1).ravel()


def _shares(state, runs):
    types = [particle.census(state.weights, state.width, 3, epsilon) for epsilon in EPSILON]
    return np.array([(found == particle.SELF_REPLICATOR).reshape(runs, -1).mean(axis=1) for found in types]).T


def _alone(like, runs):
    """Random particles (Xavier's rule in each layer) that train themselves: shares [run, epsilon]."""
    random, parts = np.random.default_rng(2), []
    for cells, edges in particle.shapes(like.width, 3):
        bound = np.sqrt(6 / (cells + edges))
        parts.append(random.uniform(-bound, bound, (RANDOM * len(runs), cells * edges)))
    state = _State(np.concatenate(parts, axis=1), like.width, like.rate, like.momentum)
    state.self_train(STEPS)
    return _shares(state, len(runs))
