"""What the members of summary.json and run.json must be, as far as they are read here."""

import json

from ..mathematics.particle import TYPES
from . import program
from .errors import Damaged
from .hdf5 import text

NUMBER, COUNT = (int, float), int
# By file. null is "not known" everywhere.
MEMBERS = {
    "summary.json": {
        **dict.fromkeys(("epochs", "ranks", "particles"), COUNT),
        **dict.fromkeys(("task_loss", "self_train_loss", "wall_seconds"), NUMBER),
        **{
            f"{part}_{score}{when}": NUMBER
            for part in ("train", "test")
            for score in ("accuracy", "mae")
            for when in ("", "_before_settling")
        },
        **dict.fromkeys(("census", "census_before_settling"), {name: COUNT for name in TYPES}),
        "fingerprint": str,
        "finished": bool,
    },
    "run.json": {
        "data": {"digest": str, "classification": bool, "inputs_shape": [COUNT]},
        "starts": [{}],
        "before": {},
    },
}
_WORDS = {NUMBER: "a number", COUNT: "a whole number", str: "a text", bool: "true or false"}


def check(file, found, name):
    """Damaged, with the member's name, if an object read from `file` is not what a file of this name holds."""
    _check(file, found, MEMBERS[name])


def _check(file, found, members, above=""):
    """Damaged, with the member's name, if one of an object's members is not what it must be."""
    for name, must in members.items():
        value = found.get(name)
        items = value if isinstance(must, list) and isinstance(value, list) else [value]
        kind = must[0] if isinstance(must, list) else must
        right = value is None or isinstance(value, list) == isinstance(must, list)
        for item in items if value is not None else ():
            right = right and isinstance(item, dict if isinstance(kind, dict) else kind)
            right = right and (isinstance(item, bool) == (kind is bool))
            if right and isinstance(kind, dict):
                _check(file, item, kind, f"{above}{name}.")
        if not right:
            word = "an object" if isinstance(kind, dict) else _WORDS[kind]
            word = f"a list, each {word}" if isinstance(must, list) else word
            raise Damaged(
                f"{file}: {above}{name} must be {word}, not {json.dumps(value)[:60]}: write what it was, or remove the file "
                f"({program.called()} train --resume writes it anew)"
            )


def apart(line, attributes):
    """The first member of a probe's line that differs from the attributes of its HDF5 file; None if the two belong together."""
    theirs = {"changed": "", **attributes}
    theirs["changed"] = text(theirs["changed"])
    if "fingerprint" in theirs:  # version 0.1 wrote none
        theirs["fingerprint"] = f"{int(theirs['fingerprint']):016x}"
    if "epsilon" in theirs:
        theirs["epsilon"] = float(f"{theirs['epsilon']:.9g}")  # as JSON has it
    said = {"changed": "", **{name: value for name, value in line.items() if not isinstance(value, list)}}
    for name in ("epoch", "seed", "fingerprint", "epsilon", "changed"):
        if name in theirs and said.get(name, theirs[name]) != theirs[name]:
            return name
    return None


def starts(provenance):
    """What run.json says of every start, the first one first."""
    latest = dict(provenance)
    earlier = latest.pop("starts", None) or []
    before = latest.pop("before", None)  # version 0.1: nested
    while isinstance(before, dict):
        before = dict(before)
        inner = before.pop("before", None)
        earlier.insert(0, before)
        before = inner
    return earlier + [latest] if latest else earlier
