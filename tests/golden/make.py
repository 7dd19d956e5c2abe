#!/usr/bin/env python3
"""Makes the results in the golden files again, from the definitions, by PyTorch in double precision.

    make.py [FOLDER]      compare with the files beside this program (and write the new ones to FOLDER)

A golden file holds inputs (initial weights, samples) in single precision, as the tests read them, and what training makes of
them. The inputs were drawn once and stay; every result is computed anew: each particle as a network that is applied to the rows of its
own weights, its gradient by automatic differentiation, steps by torch.optim.SGD. Nothing of the program is used. Needs
python3-torch and python3-h5py, and takes some minutes.
"""

import sys
from pathlib import Path

import h5py
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
HERE = Path(__file__).resolve().parent
RATE, MOMENTUM = 0.004, 0.9


def weight_places(width, layers):
    """The sizes of a particle's matrices, and for each weight its layer, cell and edge, each over its maximum.

    The published code has 1e-8 instead of zero there, and so have these files; the program has zero.
    """
    sizes = [5] + [width] * (layers - 1) + [1]
    shapes = [(sizes[k + 1], sizes[k]) for k in range(layers)]
    places = torch.tensor(
        [(k, c, e) for k, (cells, edges) in enumerate(shapes) for c in range(cells) for e in range(edges)],
        dtype=torch.float64,
    )
    return shapes, (places / places.max(0).values).clamp(min=1e-8)


def matrices(weights, shapes):
    """[..., weights] -> the particles' matrices, [..., cells, edges] each."""
    parts = weights.split([cells * edges for cells, edges in shapes], dim=-1)
    return [part.reshape(*part.shape[:-1], *shape) for part, shape in zip(parts, shapes)]


def apply(weights, shapes, rows):
    """Each particle's output for its own rows: [..., n, 5] -> [..., n]."""
    values = rows
    for matrix in matrices(weights, shapes):
        values = values @ matrix.transpose(-1, -2)
    return values[..., 0]


def self_losses(weights, shapes, places):
    """Each particle's mean squared distance from replicating itself; its inputs and targets are constants."""
    target = weights.detach()
    rows = torch.cat(
        [target[..., None], places.expand(*target.shape, 3), torch.zeros(*target.shape, 1)],
        dim=-1,
    )
    return ((apply(weights, shapes, rows) - target) ** 2).mean(-1)


def effective(weights, shapes):
    """What an edge does to its input: the particle's output for (0, 0, 0, 0, 1)."""
    unit = torch.zeros(*weights.shape[:-1], 1, 5)
    unit[..., 4] = 1
    return apply(weights, shapes, unit)[..., 0]


def optimizer(parameters):
    return torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM)


def step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def shape_of(file):
    return weight_places(int(file.attrs["particle_width"]), int(file.attrs["particle_layers"]))


def self_train(file):
    """Single particles: name of a result -> its values."""
    shapes, places = shape_of(file)
    weights = torch.tensor(file["initial"][:], dtype=torch.float64, requires_grad=True)
    sgd, results = optimizer([weights]), {}
    wanted = sorted(int(name.removeprefix("after_")) for name in file if name.startswith("after_"))
    for done in range(1, wanted[-1] + 1):
        losses = self_losses(weights, shapes, places)
        step(sgd, losses.sum())
        if done in wanted:
            results[f"after_{done}/loss_of_last_step"] = losses.detach()
            results[f"after_{done}/weights"] = weights.detach().clone()
    return results


def organism(file):
    """An organism that trains itself and a task in turns: name of a result -> its values."""
    shapes, places = shape_of(file)
    count = len(file["initial/layers"])
    weights = [
        torch.tensor(file[f"initial/layers/{i}/weights"][:], dtype=torch.float64, requires_grad=True)
        for i in range(count)
    ]
    x, y = torch.tensor(file["x"][:], dtype=torch.float64), torch.tensor(file["y"][:])
    classes = file.attrs["loss"] == "cross_entropy"
    loss_of = torch.nn.functional.cross_entropy if classes else torch.nn.functional.mse_loss
    bend = {"linear": lambda z: z, "gelu": torch.nn.functional.gelu}[file.attrs["activation"]]
    # The sums of addition in double precision: the file holds them rounded, for the tests.
    y = y.long() if classes else x.sum(1, keepdim=True)
    own, task = optimizer(weights), optimizer(weights)  # a momentum buffer each
    batch, batches = int(file.attrs["batch"]), int(file.attrs["batches"])

    def outputs(samples):
        values = samples
        for i, layer in enumerate(weights):
            values = values @ effective(layer, shapes).T
            values = bend(values) if i < count - 1 else values
        return values

    results = {"task_loss": torch.zeros(batches), "self_train_loss_sum": torch.zeros(batches)}
    for b in range(batches):
        for _ in range(int(file.attrs["self_train_steps"])):
            loss = sum(self_losses(layer, shapes, places).sum() for layer in weights)
            step(own, loss)
        results["self_train_loss_sum"][b] = loss.item()
        samples = slice(b * batch, (b + 1) * batch)
        loss = loss_of(outputs(x[samples]), y[samples])
        step(task, loss)
        results["task_loss"][b] = loss.item()
        after = f"after_{b + 1}_batch" + ("es" if b else "")
        if after in file:
            for i, layer in enumerate(weights):
                results[f"{after}/layers/{i}/weights"] = layer.detach().clone()
    results["final_output"] = outputs(x[:batch]).detach()
    return results


def main():
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    worst = 0.0
    for path in sorted(HERE.glob("self_train_*.h5")) + sorted(HERE.glob("organism_*.h5")):
        with h5py.File(path) as file:
            results = (
                self_train(file)
                if "initial" in file and isinstance(file["initial"], h5py.Dataset)
                else organism(file)
            )
            apart = max(
                float(
                    (values - torch.tensor(file[name][()])).abs().max()
                    / max(1e-300, abs(file[name][()]).max())
                )
                for name, values in results.items()
            )
        print(f"{path.name}: {len(results)} results, the largest relative difference {apart:.1e}", flush=True)
        worst = max(worst, apart)
        if into:
            into.mkdir(parents=True, exist_ok=True)
            with h5py.File(path) as old, h5py.File(into / path.name, "w") as new:
                for name, value in old.attrs.items():
                    new.attrs[name] = value
                old.visititems(
                    lambda name, item: new.create_dataset(name, data=results.get(name, item))
                    if isinstance(item, h5py.Dataset)
                    else None
                )
    return int(worst > 1e-12)


if __name__ == "__main__":
    sys.exit(main())
