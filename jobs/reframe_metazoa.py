"""Strong scaling with ReFrame (https://reframe-hpc.readthedocs.io):

    reframe -c jobs/reframe_metazoa.py -r --performance-report

Set METAZOA to the program's path, METAZOA_CONFIG to a configuration and METAZOA_RANKS to numbers of ranks ("1 2 4"), and add your
site's settings by reframe -C: their launcher must be srun or mpirun (ReFrame's own settings start one process, which is noticed).
Every point must print the same fingerprint: the results do not depend on the ranks. (jobs/scaling.sh does the same without ReFrame,
repeats each point, and plots them beside the model.)
"""

import os
from pathlib import Path

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import parameter, performance_function, run_before, sanity_function

TOP = Path(__file__).resolve().parent.parent
RANKS = [int(n) for n in os.environ.get("METAZOA_RANKS", "1 2").split()]


@rfm.simple_test
class Scaling(rfm.RunOnlyRegressionTest):
    """An epoch or two of one configuration on so many ranks."""

    ranks = parameter(RANKS)
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    sourcesdir = None

    @run_before("run")
    def prepare(self):
        program = Path(os.environ.get("METAZOA", TOP / "build/metazoa")).resolve()
        config = Path(os.environ.get("METAZOA_CONFIG", TOP / "conf/large.yaml")).resolve()
        output = Path(self.stagedir).resolve() / "run"
        self.num_tasks = self.ranks
        self.prerun_cmds = [f"cd {TOP}"]  # paths of data in configurations count from here
        self.executable = str(program)
        self.executable_opts = ["train", str(config), "--output", str(output)]
        for setting in ("training.epochs=2", "archive.trajectory_every=0"):
            self.executable_opts += ["--set", setting]
        self.postrun_cmds = [f"cat {output}/summary.json"]

    @sanity_function
    def finished(self):
        ranks = sn.assert_found(
            rf'"ranks": {self.ranks}\b', self.stdout, "the launcher started another number of ranks"
        )
        return sn.all([sn.assert_found(r'"finished": true', self.stdout), ranks])

    @performance_function("s")
    def loop(self):
        return sn.extractsingle(r'"loop_seconds": ([\d.e+-]+)', self.stdout, 1, float)
