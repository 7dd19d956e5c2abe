"""Values of a run's configuration as config.yaml has them, and of what a file without them says."""

import json

from . import config, hdf5, members, program
from .errors import Damaged
from .text import shown

_KINDS = {
    bool: (bool, "true or false"),
    int: (members.NUMBER, "a number"),
    float: (members.NUMBER, "a number"),
    list: ((list, str), "a list"),
}


def value(run, section, key, default):
    """run.config's value, or the default. Damaged if it is not of the default's type, or if it was lost."""
    found = (run.config.get(section) or {}).get(key)
    if found is None:
        _check_absent(run, section, key)
        return default
    kind, word = _KINDS.get(type(default), (object, ""))
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is members.NUMBER):
        raise Damaged(
            f"{shown(run.path / 'config.yaml')}: {section}.{key} must be {word}, not {json.dumps(found, default=str)[:60]}"
        )
    return found


def _check_absent(run, section, key):
    """A file that was emptied or cut would read as defaults, which are another run's: other files of the run say so."""
    if (_written(run.path).get(section) or {}).get(key) is not None:
        raise Damaged(
            f"{shown(run.path / 'config.yaml')}: {section}.{key} is missing, which the run's other files have: "
            f"a resume writes the file anew ({program.command('verify', run)} says more)"
        )


def _written(folder):
    """The configuration in the archive or in the newest checkpoint that can be read; {} if there is none."""
    checkpoints = sorted(folder.glob("checkpoint-*.h5"), key=lambda file: file.stat().st_mtime, reverse=True)
    for path in (folder / "archive.h5", *checkpoints):
        try:
            with hdf5.open_file(path) as file:
                return config.parse(hdf5.text(file["config"][0]))
        except (Damaged, KeyError, ValueError, OSError):
            continue
    return {}
