"""Exports for other programs; each goes through the archive in slabs, so that memory stays bounded.

The kinds, by name: what a kind writes for some runs, and the end of its file's name.
"""

from . import dataset, rows, tensorboard

KINDS = {  # name: (function of runs, output and choice; the usual output beside the run's name; what it is)
    "csv": (rows.write_csv, "weights.csv", "a row for each archived particle and record"),
    "parquet": (rows.write_parquet, "weights.parquet", "the same as Apache Parquet; needs pyarrow"),
    "dataset": (
        dataset.write,
        "dataset.h5",
        "weights and labels as flat HDF5 arrays, for weight-space learning",
    ),
    "tensorboard": (
        tensorboard.write,
        "tensorboard",
        "metrics.csv as TensorBoard's events, a folder for each run",
    ),
}
