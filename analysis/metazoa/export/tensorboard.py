"""metrics.csv as TensorBoard's event files: TFRecord frames around protocol buffers, of which few fields are needed.

A frame is the length of its data (uint64), a checksum of these eight bytes, the data, and a checksum of the data, all
little-endian. A checksum is CRC-32C, turned by 15 bits and moved by a constant. The data are an Event: wall_time (field 1,
double), step (2, varint), file_version (3, text) or summary (5), whose values (1) have a tag (1, text) and a simple_value (2, float).
"""

import math
import struct
import uuid
from pathlib import Path

from ..reading.metrics import TEXTS

_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82F63B78 if _n & 1 else 0)
    _TABLE.append(_n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _frame(data):
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def _bytes(field, data):
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _event(wall_time, rest):
    return struct.pack("<Bd", 1 << 3 | 1, wall_time) + rest


def _values(row):
    scalars = (
        _bytes(1, _bytes(1, tag.encode()) + struct.pack("<Bf", 2 << 3 | 5, value))
        for tag, value in row.items()
    )
    return _bytes(5, b"".join(scalars))


def _tag(name):
    """A column's place among TensorBoard's cards."""
    group = (
        "loss"
        if name.endswith("loss")
        else "score"
        if name.split("_")[0] in ("train", "test", "validation")
        else "particles"
    )
    return f"{group}/{name}"


def _names(runs):
    """As much of the ends of the runs' paths as tells them apart: "seed-1", or "first/seed-1" beside "second/seed-1"."""
    paths = [run.path.resolve().parts[1:] for run in runs]
    for n in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-n:]) for path in paths]
        if len(set(names)) == len(runs):
            break
    return names if len(runs) > 1 else [""]


def write(runs, output, choice):
    """A folder for each run; steps are epochs, times are seconds of training. All rows, whatever the choice of records."""
    for run, name in zip(runs, _names(runs)):
        folder = Path(output) / name
        folder.mkdir(parents=True, exist_ok=True)
        table = run.metrics
        looks = {
            name: run.looks(name).to_dict() for name in table if name not in (*TEXTS, "epoch", "seconds")
        }
        target = folder / "events.out.tfevents.0.metazoa"
        temporary = (
            folder / f"metazoa.{uuid.uuid4().hex[:8]}.partial"
        )  # TensorBoard looks for the name's middle
        seconds = 0.0
        with open(temporary, "wb") as file:
            file.write(_frame(_event(0.0, _bytes(3, b"brain.Event:2"))))
            for row in table.to_dict("records"):
                seconds += row["seconds"] if math.isfinite(row.get("seconds", math.nan)) else 0
                found = {
                    _tag(name): look[row["epoch"]] for name, look in looks.items() if row["epoch"] in look
                }
                step = _varint(2 << 3) + _varint(int(row["epoch"]))
                file.write(_frame(_event(seconds, step + _values(found))))
        temporary.replace(target)
