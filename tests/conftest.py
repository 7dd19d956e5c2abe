"""Fixtures of several Python tests."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("METAZOA", str(ROOT / os.environ.get("BUILD", "build") / "metazoa"))
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
from metazoa import commands  # noqa: E402


@pytest.fixture
def command(capsys):
    """A command of the analysis, run in this process: exit code, standard output and error."""

    def run(name, *arguments):
        code = commands.main(name, [str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run
