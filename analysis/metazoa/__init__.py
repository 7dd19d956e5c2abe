"""Reads the runs of Metazoa, draws the paper's figures, analyses trajectories.

    import metazoa
    run = metazoa.open("runs/mnist")     # a run; of a folder that holds runs: all of them, a list
    run.metrics                          # pandas.DataFrame, a row an epoch
    run.census                           # particles of each type, a row an epoch
    run.trajectory[0][-1]                # weights of the first layer in the last record, read when asked for
    with run.probe("dropout") as file:   # results of a probe, an open h5py.File
        file["baseline"][()]

Figures, principal components and the report page are the commands metazoa-figure, -pca, -report and -table (README.md).
"""

from .reading.errors import Damaged, Missing
from .reading.ensemble import Ensemble, open_any as open
from .reading.run import Run

__all__ = ["Damaged", "Ensemble", "Missing", "Run", "open"]
