"""Archives and runs without the program: for tests and for trying the figures. Nothing in them is a result."""

import json
import re
from pathlib import Path

import h5py
import numpy as np

from metazoa.mathematics import particle


def write_archive(
    path, layers=((5, 9), (3, 5)), width=3, n_layers=3, records=20, seed=1, chunks=True, fraction=False
):
    """Noisy trajectories that decay towards a target; layers: (cells, edges) of each. Types are a real census."""
    random = np.random.default_rng(seed)
    n_weights = particle.n_weights(width, n_layers)
    with h5py.File(path, "w") as file:
        file["epoch"] = np.arange(records, dtype=np.int64)
        for number, (cells, edges) in enumerate(layers):
            start, target = random.uniform(-0.7, 0.7, (2, cells, edges, n_weights))
            time = 0.9 ** np.arange(records)[:, None, None, None]
            weights = target + time * (start - target)
            weights += random.normal(0, 0.02, weights.shape).cumsum(axis=0)
            weights = weights.astype(np.float32)
            types = particle.census(weights, width, n_layers)
            types[-1].flat[::3] = particle.SELF_REPLICATOR
            group = file.create_group(f"layers/{number}")
            if fraction:
                kept = np.sort(random.choice(cells * edges, max(1, cells * edges // 2), replace=False))
                group["cell"], group["edge"] = kept // edges, kept % edges
                weights = weights.reshape(records, -1, n_weights)[:, kept]
                types = types.reshape(records, -1)[:, kept]
            group.create_dataset("trajectory", data=weights, chunks=chunks)
            group.create_dataset("type", data=types)
    return Path(path)


def fix_signs(components):
    """Each row [..., n, n] turned so that its entry of largest magnitude is positive, as the program does."""
    at = np.abs(components).argmax(axis=-1)[..., None]
    return components * np.where(np.take_along_axis(components, at, axis=-1) < 0, -1.0, 1.0)


def write_large_archive(path, megabytes, records=50, edges=512, n_weights=27, seed=1):
    """One layer of about so many megabytes, written record by record; chunks of 1 MiB and less."""
    random = np.random.default_rng(seed)
    cells = max(1, round(megabytes * 2**20 / (4 * records * edges * n_weights)))
    with h5py.File(path, "w") as file:
        file["epoch"] = np.arange(records, dtype=np.int64)
        group = file.create_group("layers/0")
        data = group.create_dataset(
            "trajectory",
            (records, cells, edges, n_weights),
            np.float32,
            chunks=(10, 1, min(edges, 512), n_weights),
        )
        group.create_dataset(
            "type", data=np.full((records, cells, edges), particle.OTHER, np.uint8), chunks=(1, cells, edges)
        )
        for begin in range(0, cells, 16):
            shape = (records, min(16, cells - begin), edges, n_weights)
            steps = random.standard_normal(shape, dtype=np.float32)
            steps *= np.float32(0.01)
            data[:, begin : begin + shape[1]] = np.cumsum(steps, axis=0, dtype=np.float32)
    return Path(path)


def split_archive(path, records, prints=None):
    """Makes of an archive what the program writes: a master that joins segments of so many records each. The folder of segments."""
    path = Path(path)
    with h5py.File(path) as file:
        epochs = file["epoch"][:]
        data = {
            f"layers/{n}/{name}": file[f"layers/{n}/{name}"][:]
            for n in file["layers"]
            for name in ("trajectory", "type")
        }
        rest = {
            f"layers/{n}/{k}": file[f"layers/{n}/{k}"][:]
            for n in file["layers"]
            for k in ("cell", "edge")
            if k in file[f"layers/{n}"]
        }
    if prints is None:
        prints = np.full(len(epochs), 0x0123456789ABCDEF, np.uint64)  # as write_run's metrics.csv has it
    folder = path.parent / "archive"
    folder.mkdir()
    cuts = [
        (lo, min(lo + records, len(epochs)), folder / f"segment-{lo:06}.h5")
        for lo in range(0, len(epochs), records)
    ]
    for lo, hi, segment in cuts:
        with h5py.File(segment, "w") as file:
            file["epoch"], file["metrics/fingerprint"] = epochs[lo:hi], prints[lo:hi]
            for name, values in data.items():
                file.create_dataset(name, data=values[lo:hi], chunks=True)
    path.unlink()
    with h5py.File(path, "w", libver="latest") as file:
        file["epoch"], file["metrics/fingerprint"] = epochs, prints
        for name, values in rest.items():
            file[name] = values
        for name, values in data.items():
            layout = h5py.VirtualLayout(values.shape, values.dtype)
            for lo, hi, segment in cuts:
                layout[lo:hi] = h5py.VirtualSource(
                    f"archive/{segment.name}", name, (hi - lo,) + values.shape[1:]
                )
            file.create_virtual_dataset(name, layout, fillvalue=255 if name.endswith("type") else np.nan)
    return folder


def repeat_archive(path, source, times):
    """The first layer of `source` many times one after the other, by reference: large to read, small on disk."""
    with h5py.File(source, "r") as file:
        shape = file["layers/0/trajectory"].shape
    with h5py.File(path, "w") as file:
        file["epoch"] = np.arange(times * shape[0])
        for name, kind, rest in (("trajectory", np.float32, shape[1:]), ("type", np.uint8, shape[1:-1])):
            layout = h5py.VirtualLayout((times * shape[0],) + rest, kind)
            for k in range(times):
                layout[k * shape[0] : (k + 1) * shape[0]] = h5py.VirtualSource(
                    source, f"layers/0/{name}", shape[:1] + rest
                )
            file.create_virtual_dataset(f"layers/0/{name}", layout)
    return Path(path)


def write_run(path, seed=1, kind="idx", epochs=20):
    """A whole run with an archive, metrics and all probes; kind: `idx` (classification) or `addition`."""
    path = Path(path)
    path.mkdir(parents=True)
    random = np.random.default_rng(seed)
    side = 6
    layers = ((5, side * side), (5, 5), (10, 5)) if kind == "idx" else ((3, 2), (3, 3), (1, 3))
    task = (
        f"  kind: idx\n  path: absent/mnist\n  size: [{side}, {side}]\n"
        if kind == "idx"
        else "  kind: addition\n"
    )
    hidden = "[5, 5]" if kind == "idx" else "[3, 3]"
    (path / "config.yaml").write_text(
        f"run:\n  name: {kind}\n  seed: {seed}\n  output: runs\ntask:\n{task}"
        f"organism: {{hidden: {hidden}, activation: gelu, edges: particle}}\nparticle: {{width: 3, layers: 3}}\n"
        f"training: {{epochs: {epochs}, batch: 50}}\nmeasure: {{epsilon: 1.0e-5}}\n"
    )
    write_archive(path / "archive.h5", layers, records=epochs + 1, seed=seed)
    score = "accuracy" if kind == "idx" else "mae"
    n = sum(cells * edges for cells, edges in layers)
    with open(path / "metrics.csv", "w") as file:
        file.write(
            f"epoch,task_loss,self_train_loss,train_{score},test_{score},divergent,zero,self_replicator,"
            "secondary,other,fingerprint,seconds\n"
        )
        for epoch in range(1, epochs + 1):
            replicators = int(n * (0.3 * epoch / epochs + 0.02 * random.random()))
            value = 0.86 * (1 - 0.8**epoch) if kind == "idx" else 0.6**epoch * (1 + 0.2 * random.random())
            file.write(
                f"{epoch},{2 * 0.85 ** epoch},{0.1 * 0.7 ** epoch},{value},{'' if epoch % 2 else value},0,0,"
                f"{replicators},0,{n - replicators},0123456789abcdef,0.5\n"
            )
    (path / "summary.json").write_text(
        json.dumps(
            {
                "epochs": epochs,
                "ranks": 1,
                "grid": [1, 1, 1],
                "particles": n,
                f"test_{score}": value,
                "task_loss": 0.5,
                "self_train_loss": 1e-6,
                "fingerprint": "0123456789abcdef",
                "wall_seconds": 1.5,
                "finished": True,
                "census": {
                    "divergent": 0,
                    "zero": 0,
                    "self_replicator": replicators,
                    "secondary": 0,
                    "other": n - replicators,
                },
            }
        )
    )
    (path / "run.json").write_text(json.dumps({"program": "synthetic", "host": "nowhere"}))
    _write_probes(path, random, f"test_{score}", n, replicators)
    return path


def prune(path):
    """A run that has pruned a half and then three quarters of 12 particles."""
    import pandas

    path = Path(path)
    table = pandas.read_csv(path / "metrics.csv", dtype=str)
    epochs = len(table)
    table.insert(11, "pruned", [0 if i < 5 else 6 if i < 12 else 9 for i in range(epochs)])
    table.to_csv(path / "metrics.csv", index=False)
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps(summary | {"particles": 12}))
    return path


def _write_probes(path, random, measure, n, replicators):
    better = 1 if measure == "test_accuracy" else -1
    with _probe(path, "robustness", measure) as file:
        noise = 10.0 ** -np.arange(10)
        file["noise"] = noise
        file["noise"].attrs["distribution"] = "normal"
        file["step_cap"] = 1000
        for name, particles in (("organism", 12), ("single", 10), ("perfect", 1)):
            level = np.arange(10)[:, None, None]
            steps = np.maximum(0, (level - 4) * 3 + random.integers(-2, 9, (10, particles, 5)))
            alive = np.minimum(1000, 10 + level * 20 + random.integers(0, 30, steps.shape))
            file[f"{name}/steps_replicator"] = steps.astype(np.int32)
            file[f"{name}/steps_alive"] = alive.astype(np.int32)
            file[f"{name}/end"] = random.choice([0, 1], steps.shape).astype(np.uint8)
    with _probe(path, "lifetime", measure) as file:
        end = random.integers(0, 2, 200)
        file["application/end"], file["application/steps"] = end, random.integers(2, 9, 200).astype(float)
        file["training/type"], file["training/steps"] = np.full(200, 2.0), random.integers(4, 40, 200) * 50.0
        file["training/movement"] = 10 ** random.uniform(-8, -5.5, 200)
    with _probe(path, "basins", measure) as file:
        noise = file["noise"] = 10.0 ** -np.arange(7)
        start = noise[:, None, None] * random.uniform(4, 6, (7, 12, 10))
        file["type"] = np.where(start > 5.5, 4.0, 2.0)
        file["distance_start"], file["distance_end"], file["distance_permuted"] = (
            start,
            0.9 * start,
            0.8 * start,
        )
        file["nearest"] = np.where(start > 4.5, 3.0, np.arange(12)[:, None])
    with _probe(path, "stability", measure) as file:
        for name, n in (
            ("organism", 3),
            ("random_2_layers", 2),
            ("random_3_layers", 3),
            ("random_4_layers", 4),
        ):
            real = random.uniform(-1, 1, (50, 4))
            real[:, 0] = 1 + n
            file[f"{name}/real"], file[f"{name}/imaginary"] = real, 0 * real
            file[f"{name}/type"] = np.full(50, 2, np.uint8)
            file[f"{name}/steps_per_decade"] = 1 / np.log10(1 + n) * random.uniform(0.95, 1, 50)
    with _probe(path, "substitution", measure) as file:
        file["output"] = random.normal(0, 3, (200, 10)).astype(np.float32)
        file["difference"] = np.abs(random.normal(0, 1e-7, (200, 10)))
        file["layers/0/effective"] = np.zeros((5, 36), np.float32)
    with _probe(path, "dropout", measure) as file:
        good, chance = (0.86, 0.1) if better > 0 else (1e-7, 1.0)
        file["baseline"] = good
        file["types/count"] = np.array([0, 0, replicators, 0, n - replicators])
        file["types/score_without"] = np.array([good, good, good - 1e-3, good, chance])
        file["types/score_only"] = np.array([chance, chance, chance, chance, good - 1e-3])
        file["conventional/baseline"] = good + 0.01 * better
        share = np.linspace(0, 1, 21)
        for network in ("organism", "conventional"):
            for k, strategy in enumerate(("replicators", "magnitude", "random")):
                draws = 5 if strategy == "random" else 1
                power = (6, 8, 2)[k]
                score = chance + (good - chance) * (1 - share**power) + random.normal(0, 0.01, (draws, 21))
                file[f"curves/{network}/{strategy}/share"] = share
                file[f"curves/{network}/{strategy}/score"] = np.abs(score)
                file[f"same_count/{network}/{strategy}"] = np.abs(score[:, 6])
    with _probe(path, "goal", measure) as file:
        file["epsilon"] = file["zeta"] = 10.0 ** -np.arange(9)
        file["share_fixpoints"] = np.linspace(1, 0, 9)
        file["share_within"] = np.linspace(1, 0.1, 9)
    with _probe(path, "settle", measure) as file:
        steps = np.array([0, 10, 30, 100, 300, 1000, 2000])
        settled = np.linspace(replicators, n, 7).astype(int)
        file["steps"] = steps
        file["types"] = np.stack([0 * settled, 0 * settled, settled, 0 * settled, n - settled], axis=1)
        file["score"] = np.full(7, good)
        file["self_train_loss"] = 1e-6 * 0.1 ** np.arange(7)
        for name in ("distance", "effective_change"):
            file[f"{name}_mean"] = 1e-4 * np.arange(7)
            file[f"{name}_max"] = 4e-4 * np.arange(7)
        before = np.where(np.arange(n) < replicators, 2, 4).astype(np.uint8)
        file["gradient/size"] = 10 ** random.normal(np.where(before == 2, -5, -3), 0.5)
        file["gradient/type_before"] = before
        file["gradient/type_after"] = np.full(n, 2, np.uint8)
        file["gradient/layer"] = np.zeros(n, np.int32)


def _probe(path, kind, measure):
    file = h5py.File(path / f"probe-{kind}.h5", "w")
    seed = int(re.search(r"seed: (\d+)", (path / "config.yaml").read_text()).group(1))
    file.attrs.update(kind=kind, epoch=20, seed=seed, epsilon=1e-5, measure=measure)
    (path / f"probe-{kind}.json").write_text(json.dumps({"kind": kind}) + "\n")
    return file


def remove_probe(run, kind):
    """Both files of a probe that a run was never asked for."""
    for file in run.glob(f"probe-{kind}.*"):
        file.unlink()
