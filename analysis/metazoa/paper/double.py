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
    state = State(
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


class State:
    """Particles [weight, item] with the velocities of both tasks."""

    def __init__(self, weights, width, rate, momentum):
        self.weights, self.width, self.rate, self.momentum = (
            np.array(weights.T, order="C"),
            width,
            rate,
            momentum,
        )
        self.self_velocity, self.task_velocity = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.positions = particle.positions(width, 3)
        self.moments = self.positions @ self.positions.T
        self.cuts = np.cumsum([cells * edges for cells, edges in particle.shapes(width, 3)])[:2]

    def _matrices(self):
        """W1, W2, and W3, whose only row it is: [cell, edge, item]."""
        parts = np.split(self.weights, self.cuts)
        return [part.reshape(*shape, -1) for part, shape in zip(parts, particle.shapes(self.width, 3))]

    @staticmethod
    def _response(matrices):
        """u = W3 W2 [cell, item] and the response a = u W1 [input, item]."""
        one, two, three = matrices
        u = (three[0][:, None] * two).sum(axis=0)
        return u, (u[:, None] * one).sum(axis=0)

    @staticmethod
    def _pull(matrices, u, gradient):
        """The gradient with respect to the weights of one with respect to the response, [input, item]."""
        one, two, three = matrices
        below = (one * gradient).sum(axis=1)
        parts = (u[:, None] * gradient, three[0][:, None] * below, (two * below).sum(axis=1))
        return np.concatenate([part.reshape(-1, gradient.shape[1]) for part in parts])

    def effective(self):
        return self._response(self._matrices())[1][4]

    def _self_gradient(self, matrices, u, a):
        d = a[:4].copy()
        d[0] -= 1
        mixed = self.positions @ self.weights  # w.L, w.C, w.E
        gradient = np.zeros_like(a)
        gradient[0] = (self.weights**2).sum(axis=0) * d[0] + (mixed * d[1:]).sum(axis=0)
        gradient[1:4] = mixed * d[0] + self.moments @ d[1:]
        return self._pull(matrices, u, gradient * (2 / len(self.weights)))

    def self_train(self, steps, free=1.0):
        """free, [weight, 1]: 1 where self-training may move a weight, else 0."""
        for _ in range(steps):
            matrices = self._matrices()
            gradient = free * self._self_gradient(matrices, *self._response(matrices))
            self.self_velocity = self.momentum * self.self_velocity + gradient
            self.weights = self.weights - self.rate * self.self_velocity

    def self_train_held(self, steps):
        """Self-training under the constraint that no effective weight changes: gradient and velocity lose their part along the
        gradient of the effective weight, and what a step of finite length changes in it is taken back along that gradient.
        """
        held = self.effective()
        for _ in range(steps):
            matrices = self._matrices()
            u, a = self._response(matrices)
            normal = self._normal(matrices, u)
            velocity = self.momentum * self.self_velocity + self._self_gradient(matrices, u, a)
            self.self_velocity = velocity - normal * (normal * velocity).sum(axis=0) / (normal**2).sum(
                axis=0
            )
            self.weights = self.weights - self.rate * self.self_velocity
            matrices = self._matrices()
            u, a = self._response(matrices)
            normal = self._normal(matrices, u)
            self.weights = self.weights + normal * (held - a[4]) / (normal**2).sum(axis=0)

    def _normal(self, matrices, u):
        """The gradient of the effective weights with respect to the weights."""
        row = np.zeros((particle.INPUTS, u.shape[1]))
        row[4] = 1
        return self._pull(matrices, u, row)

    def task_step(self, gradient):
        """gradient: [item], of the loss with respect to the effective weights."""
        row = np.zeros((particle.INPUTS, len(gradient)))
        row[4] = gradient
        matrices = self._matrices()
        self.task_velocity = self.momentum * self.task_velocity + self._pull(
            matrices, self._response(matrices)[0], row
        )
        self.weights = self.weights - self.rate * self.task_velocity

    def census(self, epsilon):
        return particle.census(self.weights.T, self.width, 3, epsilon=epsilon)


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
    types = [state.census(epsilon) for epsilon in EPSILON]
    return np.array([(found == particle.SELF_REPLICATOR).reshape(runs, -1).mean(axis=1) for found in types]).T


def _alone(like, runs):
    """Random particles (Xavier's rule in each layer) that train themselves: shares [run, epsilon]."""
    random, parts = np.random.default_rng(2), []
    for cells, edges in particle.shapes(like.width, 3):
        bound = np.sqrt(6 / (cells + edges))
        parts.append(random.uniform(-bound, bound, (RANDOM * len(runs), cells * edges)))
    state = State(np.concatenate(parts, axis=1), like.width, like.rate, like.momentum)
    state.self_train(STEPS)
    return _shares(state, len(runs))
