"""The program `metazoa` itself, for what it computes faster than Python can."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from .errors import Damaged, Missing

_ANALYSIS = Path(__file__).resolve().parents[2]
_PLACES = (_ANALYSIS.parent / "build/metazoa", _ANALYSIS.parents[2] / "bin/metazoa")  # built; installed


def find():
    """The program's path: METAZOA, else the one that was built or installed with this package, else PATH's."""
    own = os.environ.get("METAZOA")
    if own and not os.path.exists(own) and os.access(_ANALYSIS.parent / own, os.X_OK):
        own = str(_ANALYSIS.parent / own)  # METAZOA=build/metazoa, used from another folder
    if own and not shutil.which(own):
        raise Missing(f"METAZOA is {own}, which is no program that can be run here")
    found = own or next((str(p) for p in _PLACES if os.access(p, os.X_OK)), shutil.which("metazoa"))
    if not found:
        raise Missing("the program metazoa is not found: build it (make), or set METAZOA to its path")
    return found


def called():
    """How its user calls the program, for commands in messages that can be pasted."""
    try:
        path = os.path.abspath(find())
    except Missing:
        return "metazoa"
    if shutil.which("metazoa") and os.path.samefile(path, shutil.which("metazoa")):
        return "metazoa"
    return shlex.quote(min(os.path.relpath(path), path, key=len))


def _word(word):
    """A word of a command: a path is none of its options, however it begins."""
    text = word if isinstance(word, str) else str(word)
    return f"./{text}" if text.startswith("-") and not isinstance(word, str) else text


def command(*words):
    """A command of the program that can be pasted."""
    return " ".join([called(), *(shlex.quote(_word(word)) for word in words)])


def resuming(run):
    """The command that goes on with a run."""
    return command("train", f"{run}/config.yaml", "--output", run, "--resume")


def run(*arguments):
    """Runs it on one rank; returns what it prints. Damaged, Missing or OSError with its message when it fails."""
    # As a program of its own, also where this one was started by mpirun.
    apart = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMIX_", "PMI_", "PRTE_"))}
    try:
        done = subprocess.run(
            [find(), *map(_word, arguments)],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=apart,
        )
    except PermissionError as error:
        raise Missing(f"{find()} cannot be run: {error.strerror}") from None
    if done.returncode == 0:
        return done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("metazoa: ")]
    text = (
        lines[0].removeprefix("metazoa: ")
        if lines
        else f"metazoa {arguments[0]} ended with {done.returncode}"
    )
    if done.returncode == Missing.exit_code:
        raise Missing(text)
    if done.returncode == Damaged.exit_code:
        raise Damaged(text)
    raise OSError(text)
