"""metazoa-watch: frames of every size, terminals and pipes, runs that have not begun, end, are stopped or killed; reading while
a run writes."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest

import metazoa
import synthetic
from metazoa import watch

CONFIG = """
run: {seed: 3}
task: {kind: addition, samples: 200, test_samples: 50}
organism: {hidden: [3], activation: linear}
training: {epochs: 400, batch: 20, self_train_steps: 5}
archive: {trajectory_every: 1}
checkpoint: {every: 7}
"""
ANALYSIS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "analysis")


@pytest.fixture
def train(tmp_path):
    """Starts a training in tmp_path/run; options are key=value. All of them are ended with the test."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    begun = []

    def start(*options):
        words = [
            os.environ["METAZOA"],
            "train",
            str(tmp_path / "c.yaml"),
            "--quiet",
            "--output",
            str(tmp_path / "run"),
        ]
        words += [word for option in options for word in ("--set", option)]
        begun.append(subprocess.Popen(words, stderr=subprocess.DEVNULL))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()


def begin(*words, columns=None, **variables):
    """Starts metazoa-watch, in a pipe or on a terminal of so many columns. Its process, and where its words come from."""
    words = [os.path.join(ANALYSIS, "metazoa-watch"), "--every", "0.1", *map(str, words)]
    environment = {
        **os.environ,
        "METAZOA_PYTHON": sys.executable,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        **variables,
    }
    environment.pop("LC_ALL", None)
    if columns is None:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        return process, process.stdout.fileno()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(words, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL, env=environment)
    os.close(slave)
    return process, master


def rest(process, source, until=None):
    """What it writes until it ends, or until these words; with its exit code."""
    text, end = b"", time.monotonic() + 120
    while time.monotonic() < end and not (until and until.encode() in text):
        try:
            piece = os.read(source, 65536)
        except OSError:  # a terminal whose last program has ended
            piece = b""
        if not piece:
            return text.decode(), process.wait()
        text += piece
    assert until and until.encode() in text, text.decode()
    return text.decode(), None


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 24, 60])
def test_frames_fit(tmp_path, width, height):
    runs = [metazoa.open(synthetic.write_run(tmp_path / f"seed-{seed}", seed)) for seed in (1, 2, 3)]
    for some in (runs[:1], runs, []):
        lines = watch.frame(some, width, height)
        assert 1 <= len(lines) < height and max(map(len, lines)) < width, lines
        assert not any("\x1b" in line for line in lines)
    lines = watch.frame(runs[:1], width, height, colour=True)
    assert any("\x1b[32m" in line for line in lines)
    assert max(len(re.sub("\x1b[^m]*m", "", line)) for line in lines) < width


def test_a_frame_says_what_matters(tmp_path):
    run = metazoa.open(synthetic.write_run(tmp_path / "run"))
    text = "\n".join(watch.frame([run], 80, 24))
    for word in (
        "finished",
        "epoch 20",
        f"test accuracy {run.score:.4g}",
        "self-replicators (%)",
        "task loss",
        "self train loss",
    ):
        assert word in text, text


def test_charts_show_their_values():
    lines, (high, low) = watch.chart(np.arange(8.0), 8, 2)
    assert lines == ["    ▂▄▆█", "▁▃▅▇████"] and (high, low) == (7, 0)
    lines, scale = watch.chart([1e-4, 1e-2, np.nan, 0, 1], 5, 1, logarithmic=True)
    assert lines == ["▁▅▅▅█"] and np.allclose(scale, (1, 1e-4))
    assert watch.chart([np.nan, 1, np.nan, 2], 9, 1)[0] == [" ▁▁█"]
    assert watch.chart(np.full(500, 3.0), 40, 1)[0] == ["█" * 40]
    assert watch.chart([np.nan, np.inf], 5, 3)[0] == [""] * 3


def test_a_run_is_watched_from_before_its_beginning_to_its_end(tmp_path, train):
    process, source = begin(tmp_path / "run", columns=80)
    before, _ = rest(process, source, until="has not begun")
    train("training.epochs=100")
    text, code = rest(process, source)
    assert code == 0 and "Traceback" not in text, text
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line) for line in re.split("[\r\n]+", before + text)]
    assert max(map(len, lines)) < 80
    assert "finished  epoch 100 of 100" in text and "\x1b[33m" in text and "█" in text


def test_a_pipe_gets_lines(tmp_path, train):
    train("training.epochs=100").wait()
    for columns, variables in ((None, {}), (80, {"TERM": "dumb"})):
        text, code = rest(*begin(tmp_path / "run", columns=columns, **variables))
        assert (
            code == 0 and "\x1b" not in text and text.count("\n") == 1 and "epoch 100/100  error" in text
        ), text
    text, code = rest(*begin(tmp_path / "run", columns=80, NO_COLOR="1"))
    assert code == 0 and "█" in text and not re.search(r"\x1b\[[0-9;]*m", text)


@pytest.mark.parametrize(
    "number, code, word", [(signal.SIGKILL, 1, "stopped:"), (signal.SIGTERM, 75, "stopped (")]
)
def test_a_run_that_is_ended(tmp_path, train, number, code, word):
    job = train("training.epochs=1000000")
    process, source = begin(tmp_path / "run")
    rest(process, source, until="running  epoch")
    job.send_signal(number)
    text, found = rest(process, source)
    assert found == code and word in text and "--resume goes on" in text, text


def test_an_ensemble_is_watched_to_its_end(tmp_path, train):
    train("training.epochs=30", "run.ensemble=3")
    process, source = begin(tmp_path / "run", columns=80)
    text, code = rest(process, source)
    assert (
        code == 0
        and len(re.findall(r"seed-[345]  finished   epoch 30/30.*█", text.rsplit("\x1b[3A", 1)[-1])) == 3
    ), text


def test_a_run_is_read_while_it_writes(tmp_path, train):
    """What is read is of some moment: never an error, never a step back."""
    job, seen = train("training.epochs=1200"), 0
    looks = 0
    while job.poll() is None or looks == 0:
        try:
            run = metazoa.open(tmp_path / "run")
        except metazoa.Missing:
            continue
        if not run.begun:
            continue
        assert run.epochs >= seen and run.summary is not None
        seen, looks = run.epochs, looks + 1
        if looks % 10 == 0:
            assert len(run.particles) == 9
    assert metazoa.open(tmp_path / "run").epochs == 1200 and looks > 10


def test_a_file_of_column_names_has_not_begun(tmp_path):
    run = metazoa.open(synthetic.write_run(tmp_path / "run"))
    lines = (tmp_path / "run/metrics.csv").read_text().splitlines(keepends=True)
    for text, begun in (
        ("", False),
        (lines[0], False),
        (lines[0] + lines[1][:-1], False),
        ("".join(lines[:2]), True),
    ):
        (tmp_path / "run/metrics.csv").write_text(text)
        assert run.begun is begun, text
