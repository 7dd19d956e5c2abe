"""Nothing wrong is shown as right: results of another state, the user's surroundings, bad input."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import metazoa  # noqa: E402
import synthetic  # noqa: E402
from metazoa import Damaged, Run  # noqa: E402

RECORDS = 20


def started(name, *arguments, **environment):
    """A command, started as users start it: exit code, standard output and error."""
    environment = {**os.environ, "METAZOA_PYTHON": sys.executable, **environment}
    words = [ROOT / "analysis" / f"metazoa-{name}", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, env=environment, timeout=300)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def bare(run):
    """The run without archive and probes: faster to report."""
    for file in [run / "archive.h5", *run.glob("probe-*")]:
        file.unlink()
    return run


@pytest.fixture
def figure(tmp_path):
    """The bytes of figure 3 of a run, drawn by the command in a given environment."""
    run = synthetic.write_run(tmp_path / "run", kind="addition")

    def draw(name, **environment):
        code, _, error = started(
            "figure", "3", run, "--output", tmp_path / name, "--formats", "svg", **environment
        )
        assert code == 0 and not error, error
        return (tmp_path / name / "figure-3.svg").read_bytes()

    return draw


def test_figures_take_nothing_from_the_user_s_settings(figure, tmp_path):
    plain = figure("plain")
    settings = tmp_path / "settings"
    (settings / "stylelib").mkdir(parents=True)
    (settings / "matplotlibrc").write_text(
        "text.usetex: True\nlines.linewidth: 9\nfont.size: 20\nbackend: nonsense\nnonsense: 1\n"
    )
    (settings / "stylelib/broken.mplstyle").write_text("nonsense\n")
    assert figure("mine", MPLCONFIGDIR=str(settings)) == plain
    assert figure("file", MATPLOTLIBRC=str(settings / "matplotlibrc")) == plain
    assert figure("backend", MPLBACKEND="nonsense", PYTHONWARNINGS="error") == plain


def test_the_user_s_settings_stay_in_a_notebook(tmp_path):
    import matplotlib

    run = metazoa.open(synthetic.write_run(tmp_path / "run", kind="addition"))
    from metazoa import figures

    matplotlib.rcParams["lines.linewidth"] = 7
    before = dict(matplotlib.rcParams)
    drawing = figures.drawing(figures.find("3"), [run])
    assert drawing.axes[0].lines[0].get_linewidth() != 7 and dict(matplotlib.rcParams) == before
    matplotlib.rcdefaults()


@pytest.mark.parametrize("locale", ["POSIX", "en_US.ISO-8859-1"])
def test_texts_are_utf_8_in_every_locale(tmp_path, locale):
    run = bare(synthetic.write_run(tmp_path / "Größe", kind="addition"))
    text = (run / "config.yaml").read_text(encoding="utf-8").replace("name: addition", 'name: "Maßstab ≤"')
    (run / "config.yaml").write_text(text, encoding="utf-8")
    environment = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if locale.startswith("en"):
        if not shutil.which("localedef") or not Path("/usr/share/i18n/locales/en_US").exists():
            pytest.skip("no localedef, or no locales for it")
        subprocess.run(
            ["localedef", "-i", "en_US", "-f", "ISO-8859-1", tmp_path / locale],
            check=True,
            capture_output=True,
        )
        environment["LOCPATH"] = str(tmp_path)
    code, _, _ = started("report", run, "--output", tmp_path / "page.html", "--quiet", **environment)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert code == 0 and "<title>Metazoa: Maßstab ≤" in page and "Größe" in page
    code, out, _ = started("table", run, **environment)
    assert code == 0 and "Maßstab ≤" in out
    # and where no launcher asks Python for UTF-8: the entry points of pip
    environment = {**os.environ, **environment, "PYTHONPATH": str(ROOT / "analysis")}
    done = subprocess.run(
        [sys.executable, "-m", "metazoa", "table", run], capture_output=True, env=environment
    )
    assert done.returncode == 0 and "Maßstab ≤" in done.stdout.decode("utf-8")


def test_closed_streams(tmp_path):
    run = bare(synthetic.write_run(tmp_path / "run", kind="addition"))
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", f'exec "$0" "$1" {closed}', ROOT / "analysis/metazoa-table", run])
        assert done.returncode == 0, closed


def test_bytes_that_are_no_utf_8(tmp_path, command):
    run = bare(synthetic.write_run(tmp_path / os.fsdecode(b"run-\xff"), kind="addition"))
    code, _, _ = command("report", run, "--output", tmp_path / "page.html", "--quiet")
    assert code == 0 and "run-\ufffd" in (tmp_path / "page.html").read_text(encoding="utf-8")
    (run / "config.yaml").write_bytes(b"run: {name: \xff}\n")
    code, _, error = command("table", run)
    assert code == 3 and error.count("\n") == 1 and "config.yaml" in error


def bad_metrics(run):
    (run / "metrics.csv").write_text("epoch,task_loss,test_mae,fingerprint\n1,2,3,x\n2,nonsense,3,x\n")


def bad_columns(run):
    (run / "metrics.csv").write_text("epoch,task_loss,test_mae,fingerprint\n1,2,3,x\n2,3\n3,1,1,x\n")


def bad_order(run):
    (run / "metrics.csv").write_text("epoch,task_loss,test_mae,fingerprint\n2,2,3,x\n1,3,2,x\n")


def bad_configuration(run):
    (run / "config.yaml").write_text("run: [1, 2\n")


def bad_summary(run):
    (run / "summary.json").write_text('{"epochs": 3')


def bad_probe(run):
    with h5py.File(run / "probe-substitution.h5", "r+") as file:
        del file["difference"]


@pytest.mark.parametrize(
    "harm", [bad_metrics, bad_columns, bad_order, bad_configuration, bad_summary, bad_probe]
)
def test_bad_input_is_one_line_and_exit_code_3(tmp_path, harm, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    harm(run)
    code, out, error = command("table", run)
    assert code == 3 and error.count("\n") == 1 and error.startswith("metazoa-table: ") and not out
    assert "METAZOA_TRACEBACK" not in error  # it was understood


def test_fields_that_were_not_measured_or_are_not_finite(tmp_path):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    text = "epoch,task_loss,test_mae,self_replicator,other,fingerprint,seconds\n0,,3,1,2,a,0\n1,nan,inf,,,b,1\n2,1,2,3,0,c,2\n3,2,"
    (run / "metrics.csv").write_text(text)  # the last row is being written
    (run / "summary.json").unlink()
    metrics = metazoa.open(run).metrics
    assert list(metrics["epoch"]) == [0, 1, 2] and list(metrics["fingerprint"]) == ["a", "b", "c"]
    assert np.isnan(metrics["task_loss"][:2]).all() and metrics["test_mae"][1] == np.inf
    assert metazoa.open(run).census.to_dict("index") == {
        0: {"self_replicator": 1, "other": 2},
        2: {"self_replicator": 3, "other": 0},
    }


def test_runs_of_two_experiments_are_no_seeds_of_one(tmp_path, command):
    runs = [synthetic.write_run(tmp_path / kind, kind=kind) for kind in ("idx", "addition")]
    code, _, error = command("figure", "5", *runs, "--output", tmp_path)
    assert code == 2 and "organism.hidden" in error and error.count("\n") == 1
    assert (
        len(metazoa.reading.ensemble.open_runs([runs[0], f"{runs[0]}/", runs[0]])) == 1
    )  # a run that is named twice counts once


def test_old_probes_are_said_to_be_old(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition", epochs=20)
    shutil.copy(run / "probe-goal.h5", tmp_path)
    shutil.move(tmp_path / "probe-goal.h5", bare(run))
    with h5py.File(run / "probe-goal.h5", "r+") as file:
        file.attrs["epoch"] = 12
    code, _, error = command("figure", "goal", run, "--output", tmp_path, "--formats", "svg")
    assert code == 0 and "at epoch 12" in error and "metazoa probe goal" in error
    command("report", run, "--quiet", "--output", tmp_path / "page.html")
    assert "at epoch 12" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_commands_in_messages_can_be_pasted(tmp_path, command):
    run = synthetic.write_run(tmp_path / "o ;`ls` %s'", kind="addition")
    synthetic.remove_probe(run, "goal")
    code, _, error = command("figure", "goal", run, "--output", tmp_path)
    words = shlex.split(re.search(r"\(run: (.*)\)", error)[1])
    assert code == 2 and words[1:] == ["probe", "goal", str(run)]


def refused(command, run, *texts, name="report", code=3):
    """A command refuses the run: exit code, and one line that has these texts."""
    arguments = ["--quiet", "--output", run.parent / "page.html"] if name == "report" else []
    got, _, error = command(name, run, *arguments)
    assert got == code and error.count("\n") >= 1 and all(text in error for text in texts), (got, error)
    assert "METAZOA_TRACEBACK" not in error and "Traceback" not in error


def test_a_configuration_that_was_cut_does_not_read_as_defaults(tmp_path, command):
    run = synthetic.write_run(tmp_path / "seed-1", kind="addition")
    text = (run / "config.yaml").read_text()
    with h5py.File(run / "archive.h5", "r+") as file:
        file["config"] = np.array([text.encode()])
    command("table", run)
    for cut in ("", text[: text.index("training:")], text[: text.index("\nmeasure:")]):
        (run / "config.yaml").write_text(cut)
        refused(command, run, "config.yaml", "is missing, which the run's other files have", name="table")
    (run / "config.yaml").unlink()
    synthetic.write_run(tmp_path / "seed-2", 2, kind="addition")
    refused(command, tmp_path, "seed-1: config.yaml is missing", name="table")


def test_a_probe_that_lost_its_numbers_is_named(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    (run / "probe-substitution.json").write_text("{}")
    (run / "probe-substitution.h5").unlink()
    refused(command, run, "no probe-substitution.h5, which probe-substitution.json belongs to", name="table")


def test_probes_of_other_runs_are_refused(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    (run / "archive.h5").unlink()
    for attributes, text in (
        ({"seed": 2}, "seed 2"),
        ({"kind": "settle"}, "of kind settle"),
        ({"epsilon": 0.5}, "measure.epsilon 0.5, the run 1e-05"),
        ({"fingerprint": np.uint64(0x77)}, "fingerprint 0000000000000077, the run 0123456789abcdef"),
        ({"fingerprint": np.uint64(0x0123456789ABCDEF), "epoch": 40}, "the run none"),
    ):
        with h5py.File(run / "probe-goal.h5", "r+") as file:
            before = dict(file.attrs)
            file.attrs.update(attributes)
        refused(command, run, "probe-goal.h5 is no probe of this run", text, "metazoa probe goal")
        with h5py.File(run / "probe-goal.h5", "r+") as file:
            file.attrs.update(before)
    with h5py.File(run / "probe-goal.h5", "r+") as file:
        file.attrs.update(fingerprint=np.uint64(0x0123456789ABCDEF), data_digest=np.uint64(7))
    (run / "run.json").write_text('{"data": {"digest": "0000000000000008"}}')
    code, _, error = command("figure", "goal", run, "--output", tmp_path, "--formats", "svg")
    assert code == 0 and "on other data" in error


def test_values_that_were_rewritten_are_refused(tmp_path, command):
    """With checksums of HDF5 that are right, as h5py writes them."""
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    with h5py.File(run / "probe-goal.h5", "r+") as file:
        file.attrs["attributes_digest"] = np.uint64(1)
        values = file["share_within"][:]
        del file["share_within"]
        data = file.create_dataset("share_within", data=values, chunks=True, fletcher32=True)
        data.attrs["digest"] = np.uint64(metazoa.reading.hdf5.hash_rows(values, 1, 0))
    with Run(run).probe("goal"):
        pass
    with h5py.File(run / "probe-goal.h5", "r+") as file:
        file["share_within"][3] = 0.5
    os.utime(run / "probe-goal.h5", (1, 1))
    refused(command, run, "probe-goal.h5", "share_within", "its digest is not the stored one")
    # principal components are made anew
    known = metazoa.mathematics.pca.ensure(Run(run))
    good = h5py.File(known)["layers/0/projection"][:]
    with h5py.File(known, "r+") as file:
        file["layers/0/projection"][2, 1, 1, 0] += 1
    assert np.array_equal(h5py.File(metazoa.mathematics.pca.ensure(Run(run)))["layers/0/projection"][:], good)


def test_an_archive_of_another_run_is_refused(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    with h5py.File(run / "archive.h5", "r+") as file:
        file["metrics/fingerprint"] = np.full(21, 0x0123456789ABCDEF, np.uint64)
    with Run(run).archive() as archive:
        assert len(archive.fingerprints()) == 21
    with h5py.File(run / "archive.h5", "r+") as file:
        file["metrics/fingerprint"][7] = 5
    refused(command, run, "archive.h5 is of another run", "at epoch 7", name="pca")


def test_metrics_that_end_early_or_are_of_another_run(tmp_path, command):
    run = bare(synthetic.write_run(tmp_path / "run", kind="addition"))
    text = (run / "metrics.csv").read_text()
    (run / "metrics.csv").write_text("".join(text.splitlines(keepends=True)[:11]))
    (run / "checkpoint-10.h5").write_text("")
    command("table", run)
    (run / "checkpoint-20.h5").write_text("")
    refused(command, run, "metrics.csv ends at epoch 10, the run at epoch 20", "--resume")
    (run / "checkpoint-20.h5").unlink()
    (run / "metrics.csv").write_text(text.replace("0123456789abcdef", "fedcba9876543210"))
    refused(command, run, "summary.json", "of another run", "--resume", name="table")
    (run / "metrics.csv").write_text(text.replace("\n9,", "\n#9,"))
    refused(command, run, "metrics.csv", "no row of epoch 9", name="table")


@pytest.mark.parametrize(
    "name, text, member",
    [
        ("summary.json", '{"epochs": "many"}', "epochs must be a whole number"),
        ("summary.json", '{"epochs": true}', "epochs must be a whole number"),
        ("summary.json", '{"test_mae": [1]}', "test_mae must be a number"),
        ("summary.json", '{"census": 5}', "census must be an object"),
        ("summary.json", '{"census": {"other": "x"}}', "census.other must be a whole number"),
        ("summary.json", '{"census_before_settling": []}', "census_before_settling must be an object"),
        ("summary.json", '{"finished": "yes"}', "finished must be true or false"),
        ("summary.json", '{"fingerprint": 5}', "fingerprint must be a text"),
        ("run.json", '{"data": 7}', "data must be an object"),
        ("run.json", '{"data": {"inputs_shape": 7}}', "data.inputs_shape must be a list"),
        ("run.json", '{"data": {"inputs_shape": ["a", 2, 3]}}', "data.inputs_shape must be a list"),
        ("run.json", '{"data": {"classification": 1}}', "data.classification must be true or false"),
        ("run.json", '{"starts": 1}', "starts must be a list"),
        ("run.json", '{"starts": [1]}', "starts must be a list"),
        ("run.json", '{"before": 1}', "before must be an object"),
        ("config.yaml", "particle: {width: many}\n", "particle.width must be a number"),
        ("config.yaml", "measure: {epsilon: [1]}\n", "measure.epsilon must be a number"),
        ("config.yaml", "organism: {hidden: 3}\n", "organism.hidden must be a list"),
    ],
)
def test_wrong_types_are_named(tmp_path, name, text, member):
    run = bare(synthetic.write_run(tmp_path / "run", kind="addition"))
    (run / name).write_text(text)
    with pytest.raises(Damaged, match=f"{name}: {re.escape(member)}"):
        run = Run(run)
        _ = run.summary, run.provenance, run.particle, run.epsilon, run.setting("organism", "hidden", [])


def test_a_folder_that_cannot_be_written(tmp_path, command):
    run = synthetic.write_run(tmp_path / "run", kind="addition")
    (tmp_path / "file").write_text("no folder")
    code, _, error = command("figure", "3", run, "--output", tmp_path / "file")
    assert code == 1 and error.count("\n") == 1 and str(tmp_path / "file") in error


def test_an_interpreter_is_found_or_what_it_lacks_is_said(tmp_path):
    """PATH's python3 has no packages."""
    (tmp_path / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    (tmp_path / "python3").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    code, _, error = started("table", "--help", METAZOA_PYTHON=str(tmp_path / "python3"))
    assert (
        code == 2
        and error.count("\n") == 1
        and f"{tmp_path}/python3 lacks h5py" in error
        and "apt install" in error
    )
    if (
        subprocess.run(
            ["/usr/bin/python3", "-c", "import h5py, pandas, scipy, matplotlib, yaml"], capture_output=True
        ).returncode
        == 0
    ):
        code, out, _ = started("table", "--help", METAZOA_PYTHON="", PATH=path)
        assert code == 0 and "RUN" in out
    code, _, error = started("table", "--help", METAZOA_PYTHON=str(tmp_path / "nothing"))
    assert code == 2 and "nothing" in error
