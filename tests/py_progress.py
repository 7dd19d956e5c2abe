"""What `metazoa train` shows of its progress: on a terminal of any width, in a pipe, under mpirun, of an ensemble."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

METAZOA = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "metazoa"))
CONFIG = """
task: {kind: addition, samples: 400, test_samples: 50}
organism: {hidden: [3], activation: linear}
training: {epochs: 40, batch: 20, self_train_steps: 5}
archive: {trajectory_every: 0}
"""


def command(folder, *options):
    (folder / "c.yaml").write_text(CONFIG)
    return [METAZOA, "train", str(folder / "c.yaml"), "--output", str(folder / "run"), *options]


def on_terminal(words, columns):
    """Everything that the command writes to a terminal of this width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(words, stdout=slave, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(slave)
    text = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(master)
    assert process.wait() == 0, process.stderr.read()
    return text.decode()


def bars(text):
    return [
        line.replace("\x1b[K", "") for line in re.split("[\r\n]", text) if "%" in line and "\x1b[K" in line
    ]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_bar_fits_window(tmp_path, columns):
    lines = bars(on_terminal(command(tmp_path), columns))
    assert len(lines) >= 1
    assert max(len(line) for line in lines) < columns
    assert re.search(r"100 %  epoch|^100 %", lines[-1]), lines[-1]
    for line in lines:  # nothing is cut inside an item
        items = re.split(r"  +", re.sub(r"^\[[#.]*\] *", "", line).strip())
        whole = r"\d+ %|run \d+/\d+|epoch \d+/\d+|error [\d.e-]+|replicators \d+ %|left ([\d:.]+ \w+|\?)"
        assert all(re.fullmatch(whole, item) for item in items), line


def test_silent_phases_are_named_on_a_terminal(tmp_path):
    text = on_terminal(command(tmp_path), 80)
    assert "writing a checkpoint ...\x1b[K" in text
    words = [METAZOA, "probe", "robustness", str(tmp_path / "run")]
    text = on_terminal(words, 80)
    assert "probe robustness ...\x1b[K" in text
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("{") and "..." not in done.stdout
    words = [METAZOA, "check", str(tmp_path / "c.yaml"), "--time"]
    assert "reading data ..." in on_terminal(words, 80)
    words = [METAZOA, "probe", "dropout", str(tmp_path / "nowhere")]  # a message begins a line of its own
    master, slave = pty.openpty()
    subprocess.run(words, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL, check=False)
    os.close(slave)
    text = os.read(master, 65536).decode()
    os.close(master)
    assert re.search(r"(\x1b\[K|^|\n)metazoa: ", text) and "... metazoa" not in text, text


def test_bar_follows_the_window_under_mpirun(tmp_path):
    """Open MPI gives rank 0 a terminal of its own, which does not learn that the window has become narrower."""
    words = ["mpirun", "-n", "2", *command(tmp_path, "--set", "training.epochs=100000")]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(words, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL)
    text, narrow_from, narrow = "", None, []
    while len(narrow) < 3:
        text += os.read(master, 65536).decode(errors="replace")
        shown = bars(text)[:-1]  # the last one may be a part
        if narrow_from is None and shown and max(map(len, shown)) > 45:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
            narrow_from = len(shown) + 2  # two may be on their way
        if narrow_from is not None:
            narrow = shown[narrow_from:]
    process.terminate()
    process.wait()
    os.close(slave)
    os.close(master)
    assert max(map(len, narrow)) < 40, narrow


def test_bar_says_what_matters_at_80_columns(tmp_path):
    line = bars(on_terminal(command(tmp_path), 80))[-1]
    for text in ("epoch 40/40", "error ", "replicators ", "["):
        assert text in line, line


def test_nothing_is_coloured(tmp_path):
    """There is nothing for NO_COLOR to turn off."""
    assert not re.search(r"\x1b\[[0-9;]*m", on_terminal(command(tmp_path), 80))
    for words in (
        ["--help"],
        ["verify", str(tmp_path / "run")],
        ["probe", "robustness", str(tmp_path / "run")],
    ):
        assert not re.search(r"\x1b\[[0-9;]*m", on_terminal([METAZOA, *words], 80))


@pytest.mark.parametrize("launcher", [[], ["mpirun", "-n", "2"]])
def test_no_bar_in_a_pipe(tmp_path, launcher):
    done = subprocess.run(launcher + command(tmp_path), capture_output=True, text=True, check=True)
    assert "\r" not in done.stdout and "\x1b" not in done.stdout
    assert "epoch 40/40" in done.stdout


def test_kinds(tmp_path):
    bar = subprocess.run(
        command(tmp_path, "--progress", "bar"), capture_output=True, text=True, check=True
    ).stdout
    assert "\x1b[K" in bar
    (tmp_path / "none").mkdir()
    words = command(tmp_path / "none", "--progress", "none")
    none = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "epoch " not in none and "finished" in none
    (tmp_path / "plain").mkdir()
    assert "\x1b[K" not in on_terminal(command(tmp_path / "plain", "--progress", "plain"), 80)
    words = command(tmp_path, "--progress", "much")
    wrong = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (
        wrong.returncode == 2
        and 'option --progress: "much" is none of auto, bar, plain, none' in wrong.stderr
    )


def test_ensemble_has_one_bar_and_a_summary(tmp_path):
    text = on_terminal(command(tmp_path, "--set", "run.ensemble=3"), 80)
    lines = bars(text)
    shares = [int(re.search(r"(\d+) %  run", line)[1]) for line in lines]
    assert "run 3/3" in lines[-1] and shares[-1] == 100, lines[-1]
    assert shares == sorted(shares) and all(
        share <= 34 for share, line in zip(shares, lines) if "run 1/3" in line
    )
    assert "3 of 3 organisms are finished" in text
    assert re.search(r"medians +[\d.e+-]+ test_mae +\d+ % self-replicators", text), text
    assert text.replace("\r\n", "\n").rstrip("\n").count("\n") <= 2
