"""Reads config.yaml. PyYAML follows YAML 1.1, in which `yes` is a truth value and 1e-5 a text; the program does not."""

import re

import yaml


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
    ("null", r"~|null|", ["~", "n", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def parse(text):
    """The sections of a configuration, each a dictionary. ValueError, with the line, for what is no configuration."""
    try:
        found = yaml.load(text, _Loader) or {}
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    wrong = (
        [name for name, section in found.items() if not isinstance(section, (dict, type(None)))]
        if isinstance(found, dict)
        else [found]
    )
    if wrong:
        raise ValueError(f"{wrong[0]} is no section of keys and values")
    return found
