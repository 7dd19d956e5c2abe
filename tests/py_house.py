"""The house rules (CONTRIBUTING.md) that a program can check. Each test names what breaks its rule, and where.

KNOWN holds what still breaks a rule: mend it and remove its line; nothing new belongs there.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")

# A file may include headers of its own layer and of those before it.
LAYERS = [
    ["base"],
    ["parallel"],
    ["hdf5"],
    ["particle", "task"],
    ["organism"],
    ["store"],
    ["analyse"],
    ["config"],
    ["train"],
    ["measure"],
    ["command"],
]
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
# What only one layer calls: calls and headers of a library, and the layers that may.
LIBRARIES = {
    "MPI": (r"\bMPI_\w+|<mpi\.h>", {"parallel"}),
    "HDF5": (r"\bH5[A-Z]{1,2}[a-z]\w*\s*\(|<hdf5\.h>", {"hdf5"}),
    "libyaml": (r"\byaml_[a-z]\w*\s*\(|<yaml\.h>", {"config"}),
    "jansson": (
        r"\bjson_(object|array|string|integer|real|dumpf?)\w*\s*\(",
        {"base", "command", "train", "store", "measure"},
    ),
}
LINES = 400
KNOWN = {
    "library": {
        ("MPI", "hdf5/h5_write.c"),  # hints of files are an MPI_Info
        ("MPI", "parallel/comm_mpi.h"),
    },
    "long": set(),
    "dead": set(),
    # Offered to kinds of particles to come: docs/extending.md, "A kind of particle".
    "static": {"linear_fits", "linear_shape", "linear_describe", "linear_draw", "linear_scale"},
}


def files(*patterns):
    """The project's own files, without what is built; sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:  # a tarball of `make dist`
        return sorted(
            p for pattern in patterns for p in ROOT.rglob(pattern) if "build" not in p.relative_to(ROOT).parts
        )
    return sorted(path for name in listed.stdout.split("\n") if name and (path := ROOT / name).is_file())


def folder(path):
    """The layer of a source file or header."""
    return path.parent.name


def short(path):
    return f"{path.parent.name}/{path.name}"


def code(path):
    """A C file without comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)


SOURCES = files("src/*.c", "src/*.h", "include/*.h")


def command(name):
    return shutil.which(name) or pytest.skip(f"no {name} here (make deps-ci)")


def complaints(*words):
    done = subprocess.run([str(word) for word in words], cwd=ROOT, capture_output=True, text=True)
    return (
        "" if done.returncode == 0 else (done.stdout + done.stderr)[-4000:] or f"exit code {done.returncode}"
    )


def test_there_is_something_to_check():
    assert len(SOURCES) > 100
    assert {folder(path) for path in SOURCES} == set(LEVEL)


def test_includes_point_downwards():
    upwards = [
        f"{path.relative_to(ROOT)} includes {layer}"
        for path in SOURCES
        for layer in re.findall(r'#include "(?:metazoa|\.\.)/(\w+)/', path.read_text())
        if LEVEL[layer] > LEVEL[folder(path)]
        or (layer != folder(path) and LEVEL[layer] == LEVEL[folder(path)])
    ]
    assert not upwards


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_called_by_its_layer_alone(library):
    pattern, layers = LIBRARIES[library]
    users = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in SOURCES
        if folder(path) not in layers
        and (library, short(path)) not in KNOWN["library"]
        and (found := re.search(pattern, code(path)))
    ]
    assert not users


def test_no_file_is_long():
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in files("*.c", "*.h", "*.py", "*.sh", "*.sbatch", "Makefile")
        if (lines := path.read_bytes().count(b"\n")) > LINES and path.name not in KNOWN["long"]
    ]
    assert not long


def test_nothing_built_is_in_the_tree():
    assert not files("*.o", "*.a", "*.d", "*.gcno", "*.gcda", "*.pyc")


def globals_of_objects():
    """Functions and tables that an object defines for others: name -> object; and what each object takes from others."""
    objects = sorted(
        path
        for path in BUILD.glob("*/*.o")
        if folder(path) in LEVEL and (ROOT / "src" / short(path)).with_suffix(".c").exists()
    )
    if len(objects) < 50:
        pytest.skip("the program is not built")
    defined, used = {}, set()
    for path in objects:
        for line in subprocess.run(
            ["nm", str(path)], capture_output=True, text=True, check=True
        ).stdout.splitlines():
            *_, kind, name = line.split()
            if kind == "U":
                used.add(name)
            elif kind in "TDBR" and name != "main" and not name.startswith("_"):
                defined[name] = short(path)
    return defined, used


def test_nothing_is_dead():
    """What an object offers is used by another, by a test, or it is static; and what nobody uses goes."""
    defined, used = globals_of_objects()
    program = " ".join(code(path) for path in SOURCES if path.suffix == ".c")
    tests = " ".join(path.read_text() for path in files("tests/*.c", "tests/*.h", "sim/*.c"))
    alone = {name: where for name, where in defined.items() if name not in used}
    dead = [
        f"{where}: {name} is used nowhere"
        for name, where in alone.items()
        if len(re.findall(rf"\b{name}\b", program)) < 2
    ]
    dead = [
        line
        for line in dead
        if not re.search(rf"\b{line.split()[1]}\b", tests) and line.split()[1] not in KNOWN["dead"]
    ]
    private = [
        f"{where}: {name} is used in its own file alone: make it static"
        for name, where in alone.items()
        if len(re.findall(rf"\b{name}\b", program)) >= 2
        and not re.search(rf"\b{name}\b", tests)
        and name not in KNOWN["static"]
    ]
    assert not dead + private


def test_no_field_is_dead():
    """A field of a struct is named somewhere else than in its declaration."""
    text = {path: re.sub(r'"(\\.|[^"\\])*"', '""', code(path)) for path in SOURCES}
    count = {}
    for word in re.findall(r"\b\w+\b", " ".join(text.values())):
        count[word] = count.get(word, 0) + 1
    dead = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, body in text.items()
        for block in re.findall(r"^struct \w+ \{(.*?)^\}", body, re.S | re.M)
        for declaration in re.findall(r"[^;{}]+;", block)
        for name in re.findall(r"(\w+)\s*(?:\[[^\]]*\])*\s*[,;]", declaration)
        if count[name] == 1
    ]
    assert not dead


def test_every_test_has_its_line():
    """tests/README.md says what each test promises."""
    page = (ROOT / "tests" / "README.md").read_text()
    tests = [
        path.stem
        for path in (ROOT / "tests").iterdir()
        if re.match(r"(test_|mpi_|cli_|py_|long_)\w+\.(c|sh|py)$", path.name)
    ]
    assert not [name for name in tests if f"`{name}`" not in page]
    named = re.findall(r"`((?:test|mpi|cli|py|long)_\w+)`", page)
    assert not sorted(set(named) - set(tests))


def test_c_is_formatted():
    command("clang-format")
    assert not complaints("clang-format", "--dry-run", "-Werror", *files("*.c", "*.h"))


def test_shell_scripts():
    command("shellcheck")
    assert not complaints(
        "shellcheck", "-x", "-S", "warning", *files("*.sh", "*.sbatch"), ROOT / ".ci" / "run"
    )


def test_python():
    command("pyflakes3")
    assert not complaints("pyflakes3", *(path for path in files("*.py") if "packaging" not in path.parts))


def test_python_is_formatted():
    command("black")
    assert not complaints("black", "-q", "-l", "110", "--check", *files("*.py"))
