"""Reads config.yaml: the part of YAML that the program writes, so that no YAML library is needed.

Understood are nested mappings by indentation, flow mappings `{a: 1, b: [2, 3]}`, lists (flow, or `- item` lines of scalars),
comments, quoted and plain scalars. Anything else is a ValueError with the line's number.
"""

import re

_INTEGER = re.compile(r"[-+]?\d+$")
_CONSTANTS = {"": None, "null": None, "~": None, "true": True, "false": False,
              ".nan": float("nan"), ".inf": float("inf"), "-.inf": float("-inf")}


def parse(text):
    """The mapping that a YAML text describes, as nested dictionaries."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        line = _without_comment(line)
        if line.strip() and line.strip() not in ("---", "..."):
            lines.append((number, len(line) - len(line.lstrip(" ")), line.strip()))
    lines.reverse()  # a stack: the next line is the last
    return _block(lines, -1) if lines else {}


def _without_comment(line):
    quote = None
    for i, c in enumerate(line):
        if quote:
            quote = None if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c == "#" and (i == 0 or line[i - 1] in " \t"):
            return line[:i]
    return line


def _block(lines, parent):
    """The mapping or list whose lines are indented more than the parent's."""
    indent = lines[-1][1]
    result = [] if lines[-1][2].startswith("- ") else {}
    while lines and lines[-1][1] > parent:
        if isinstance(result, list) and lines[-1][1] == indent and not lines[-1][2].startswith("- "):
            break  # a list may stand at its key's own indentation: the next key ends it
        number, at, line = lines.pop()
        if at != indent:
            raise ValueError(f"line {number}: unexpected indentation")
        if isinstance(result, list):
            result.append(_value(line[2:].strip(), number))
            continue
        key, colon, rest = _split_key(line)
        if not colon or key in result:
            raise ValueError(f"line {number}: expected 'key: value' with a new key")
        if not rest and lines and (lines[-1][1] > at or (lines[-1][1] == at and lines[-1][2].startswith("- "))):
            result[key] = _block(lines, at if lines[-1][1] > at else at - 1)
        else:
            result[key] = _value(rest, number)
    return result


def _split_key(text):
    match = re.match(r"""\s*("[^"]*"|'[^']*'|[^:{}\[\],]+?)\s*(:)(?:\s+|$)(.*)$""", text, re.S)
    return (match[1].strip("\"'"), match[2], match[3].strip()) if match else (text, "", "")


def _value(text, number):
    if text[:1] in "[{" and text:
        if text[-1] != {"[": "]", "{": "}"}[text[0]]:
            raise ValueError(f"line {number}: a list or mapping must end on its line")
        items = _split_items(text[1:-1])
        if text[0] == "[":
            return [_value(item, number) for item in items]
        return {key: _value(rest, number) for key, _, rest in map(_split_key, items)}
    if text[:1] in ("&", "*", "!", "|", ">"):
        raise ValueError(f"line {number}: anchors, tags and block text are not read here")
    return _scalar(text)


def _split_items(text):
    items, depth, quote, begin = [], 0, None, 0
    for i, c in enumerate(text):
        if quote:
            quote = None if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in "[{":
            depth += 1
        elif c in "]}":
            depth -= 1
        elif c == "," and depth == 0:
            items.append(text[begin:i].strip())
            begin = i + 1
    last = text[begin:].strip()
    return items + [last] if last else items


def _scalar(text):
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        inner = text[1:-1]
        if text[0] == "'":
            return inner.replace("''", "'")
        return re.sub(r'\\(["\\/nt])', lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), inner)
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if _INTEGER.match(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
