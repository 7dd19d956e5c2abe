#!/usr/bin/env python3
"""Makes the results in the golden files again, from the definitions, by PyTorch in double precision.

    make.py [FOLDER]      compare with the files beside this program (and write the new ones to FOLDER)
    make.py --only NAME   the same for files whose names have NAME in them

A golden file holds inputs (initial weights, samples) in single precision, as the tests read them, and what training makes of
them. The inputs were drawn once and stay; every result is computed anew: each particle as a network that is applied to the rows of its
own weights, its gradient by automatic differentiation, steps by torch.optim. Nothing of the program is used. Needs
python3-torch and python3-h5py, and takes some minutes. Files of other optimizers than plain SGD begin as another file does
(DERIVED); their attributes name the optimizer of each task.
"""

import argparse
import sys
from pathlib import Path

import h5py
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
HERE = Path(__file__).resolve().parent
RATE, MOMENTUM = 0.004, 0.9
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SELF, TASK = "self_train_", ""  # what the attributes of each task begin with
DERIVED = {
    "self_train_sgd_decay.h5": (
        "self_train_w3.h5",
        {"self_train_optimizer": "sgd", "self_train_rate": 0.01, "self_train_decay": 0.03},
    ),
    "self_train_adam.h5": (
        "self_train_w2.h5",
        {"self_train_optimizer": "adam", "self_train_rate": 0.001, "self_train_decay": 0.02},
    ),
    "self_train_adamw.h5": (
        "self_train_w3.h5",
        {"self_train_optimizer": "adamw", "self_train_rate": 0.002, "self_train_decay": 0.1},
    ),
    "organism_adam.h5": (
        "organism_width2_2layers.h5",
        {
            "optimizer": "adamw",
            "rate": 0.001,
            "decay": 0.05,
            "self_train_optimizer": "adam",
            "self_train_rate": 0.0005,
            "self_train_decay": 0.01,
        },
    ),
}


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


def optimizer(parameters, attributes, task):
    """The optimizer that a file's attributes name for a task; without any, plain SGD."""
    word = attributes.get(task + "optimizer", "sgd")
    rate, decay = attributes.get(task + "rate", RATE), attributes.get(task + "decay", 0)
    if word == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM, weight_decay=decay)
    return OPTIMIZERS[word](parameters, lr=rate, weight_decay=decay)


def step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def shape_of(file):
    return weight_places(int(file.attrs["particle_width"]), int(file.attrs["particle_layers"]))


def self_train(file, attributes):
    """Single particles: name of a result -> its values."""
    shapes, places = shape_of(file)
    weights = torch.tensor(file["initial"][:], dtype=torch.float64, requires_grad=True)
    own, results = optimizer([weights], attributes, SELF), {}
    wanted = sorted(int(name.removeprefix("after_")) for name in file if name.startswith("after_"))
    for done in range(1, wanted[-1] + 1):
        losses = self_losses(weights, shapes, places)
        step(own, losses.sum())
        if done in wanted:
            results[f"after_{done}/loss_of_last_step"] = losses.detach()
            results[f"after_{done}/weights"] = weights.detach().clone()
    return results


def organism(file, attributes):
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
    own, task = optimizer(weights, attributes, SELF), optimizer(weights, attributes, TASK)  # a state each
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
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    worst = 0.0
    names = {path.name for kind in ("self_train_*.h5", "organism_*.h5") for path in HERE.glob(kind)} | set(
        DERIVED
    )
    for name in sorted(name for name in names if options.only in name):
        path = HERE / name
        source, more = DERIVED.get(name, (name, {}))
        with h5py.File(path if path.exists() else HERE / source) as file:
            attributes = {**file.attrs, **more}
            single = "initial" in file and isinstance(file["initial"], h5py.Dataset)
            results = (self_train if single else organism)(file, attributes)
            apart = max(
                float(
                    (values - torch.tensor(file[name][()])).abs().max()
                    / max(1e-300, abs(file[name][()]).max())
                )
                for name, values in results.items()
            )
        print(f"{name}: {len(results)} results, the largest relative difference {apart:.1e}", flush=True)
        worst = max(worst, apart)
        if options.folder:
            options.folder.mkdir(parents=True, exist_ok=True)
            with h5py.File(path if path.exists() else HERE / source) as old, h5py.File(
                options.folder / name, "w"
            ) as new:
                new.attrs.update(attributes)
                inputs = []
                old.visit(inputs.append)
                for item in inputs:
                    if isinstance(old[item], h5py.Dataset):
                        new.create_dataset(item, data=results.get(item, old[item]))
    return int(worst > 1e-12)


if __name__ == "__main__":
    sys.exit(main())
