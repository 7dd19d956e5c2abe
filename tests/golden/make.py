#!/usr/bin/env python3
"""Makes the results in the golden files again, from the definitions, by PyTorch in double precision.

    make.py [FOLDER]      compare with the files beside this program (and write the new ones to FOLDER)
    make.py --only NAME   the same for files whose names have NAME in them

A golden file holds inputs (initial weights, samples) in single precision, as the tests read them, and what training makes of
them. The inputs were drawn once and stay; every result is computed anew: each particle as a network that is applied to the rows of its
own weights, its gradient by automatic differentiation, steps by torch.optim. Nothing of the program is used. Needs
python3-torch and python3-h5py, and takes some minutes. Files of other optimizers than plain SGD, and with biases, begin as another
file does (DERIVED); their attributes name the optimizer of each task, and say which biases there are: `bias` of the organism's
cells, `particle_bias` of the particles' cells. The weights of these are drawn when the file is made.
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
    "organism_bias.h5": ("organism_width2_2layers.h5", {"bias": 1}),
    "organism_affine.h5": ("organism_width2_2layers.h5", {"particle_bias": 1}),
    "organism_affine_bias.h5": ("organism_addition.h5", {"bias": 1, "particle_bias": 1}),
    "self_train_affine.h5": ("self_train_w3.h5", {"particle_bias": 1}),
}


def weight_places(width, layers, bias):
    """The sizes of a particle's matrices, and for each weight its layer, cell and edge, each over its maximum. bias: 1 if the last
    column of each matrix is a bias, 0 if there are none.

    The published code has 1e-8 instead of zero there, and so have these files; the program has zero.
    """
    sizes = [5] + [width] * (layers - 1) + [1]
    shapes = [(sizes[k + 1], sizes[k] + bias) for k in range(layers)]
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
        if matrix.shape[-1] > values.shape[-1]:
            values = with_ones(values)
        values = values @ matrix.transpose(-1, -2)
    return values[..., 0]


def with_ones(values):
    """What a bias is multiplied by, behind the others."""
    return torch.cat([values, torch.ones(*values.shape[:-1], 1)], dim=-1)


def self_losses(weights, shapes, places):
    """Each particle's mean squared distance from replicating itself; its inputs and targets are constants."""
    target = weights.detach()
    rows = torch.cat(
        [target[..., None], places.expand(*target.shape, 3), torch.zeros(*target.shape, 1)],
        dim=-1,
    )
    return ((apply(weights, shapes, rows) - target) ** 2).mean(-1)


def effective(weights, shapes):
    """What an edge makes of its input x, w x + c: the particle's outputs for (0, 0, 0, 0, x) with x = 0 and 1 give c and w."""
    rows = torch.zeros(*weights.shape[:-1], 2, 5)
    rows[..., 1, 4] = 1
    constant, both = apply(weights, shapes, rows).unbind(-1)
    return both - constant, constant


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


def shape_of(attributes):
    return weight_places(
        int(attributes["particle_width"]),
        int(attributes["particle_layers"]),
        int(attributes.get("particle_bias", 0)),
    )


def first_weights(file, name, attributes):
    """The weights in a file; where it has none yet, those of biases are drawn: small numbers of single precision."""
    weights = torch.tensor(file[name][:])

    def drawn(*shape):
        return 0.4 * (torch.rand(*shape, dtype=torch.float32) - 0.5)

    if attributes.get("particle_bias", 0) > file.attrs.get("particle_bias", 0):
        cuts = weights.split([cells * (edges - 1) for cells, edges in shape_of(attributes)[0]], dim=-1)
        parts = [
            cut.reshape(*cut.shape[:-1], cells, -1) for cut, (cells, _) in zip(cuts, shape_of(attributes)[0])
        ]
        weights = torch.cat(
            [torch.cat([part, drawn(*part.shape[:-1], 1)], dim=-1).flatten(-2) for part in parts], dim=-1
        )
    if attributes.get("bias", 0) > file.attrs.get("bias", 0):
        weights = torch.cat([weights, drawn(weights.shape[0], 1, weights.shape[2])], dim=1)
    return weights


def self_train(file, attributes):
    """Single particles: name of a result -> its values."""
    shapes, places = shape_of(attributes)
    results = {"initial": first_weights(file, "initial", attributes)}
    weights = results["initial"].double().requires_grad_(True)
    own = optimizer([weights], attributes, SELF)
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
    shapes, places = shape_of(attributes)
    count = len(file["initial/layers"])
    names = [f"initial/layers/{i}/weights" for i in range(count)]
    results = {name: first_weights(file, name, attributes) for name in names}
    weights = [results[name].double().requires_grad_(True) for name in names]
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
            if layer.shape[1] > values.shape[1]:
                values = with_ones(values)
            weight, constant = effective(layer, shapes)
            values = values @ weight.T + constant.sum(1)
            values = bend(values) if i < count - 1 else values
        return values

    results |= {"task_loss": torch.zeros(batches), "self_train_loss_sum": torch.zeros(batches)}
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
        torch.manual_seed(20)
        with h5py.File(path if path.exists() else HERE / source) as file:
            attributes = {**file.attrs, **more}
            single = "initial" in file and isinstance(file["initial"], h5py.Dataset)
            results = (self_train if single else organism)(file, attributes)
            apart = max(
                [0.0]
                + [
                    float(
                        (values - torch.tensor(file[name][()])).abs().max()
                        / max(1e-300, abs(file[name][()]).max())
                    )
                    for name, values in results.items()
                    if path.exists()
                ]
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
