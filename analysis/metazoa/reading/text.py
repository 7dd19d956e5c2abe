"""Texts: of files and of paths, in UTF-8 whatever the locale is."""

import os
import re

from .errors import Damaged, Missing

OWN = re.compile(r"config\.yaml|metrics\.csv|run\.json|summary\.json|archive\.h5|(checkpoint|segment)-.*")


def read_text(file):
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(f"{shown(file)} is no UTF-8: byte {error.start}") from None
    except OSError as error:
        raise Damaged(f"{shown(file)} cannot be read: {error.strerror}") from None


def shown(path):
    """A path as text: UTF-8 whatever the locale; a replacement character for bytes that are none."""
    return os.fsencode(path).decode("utf-8", "replace")


def spared(output):
    """The path of a file to write, which must not have the name of one that a run keeps in its folder."""
    if OWN.fullmatch(output.name):
        raise Missing(f"--output {output}: a run's own file has this name: choose another one")
    return output
