"""Seeds for the fuzzers: small good inputs of every kind, and some with one mistake. seeds.py FOLDER; fuzz.h has the form."""
import glob
import gzip
import os
import struct
import sys

import h5py
import numpy

random = numpy.random.default_rng(5)
folder = sys.argv[1]


def put(target, name, data):
    os.makedirs(f"{folder}/{target}", exist_ok=True)
    with open(f"{folder}/{target}/seed-{name}", "wb") as file:
        file.write(data)


def files(options, packed, contents):
    lengths = b"".join(struct.pack("<H", len(content)) for content in contents)
    return bytes([options, packed]) + lengths + b"".join(contents)


def idx_set(n, rows, columns):
    pixels = random.integers(0, 256, n * rows * columns, "uint8").tobytes()
    labels = (numpy.arange(n, dtype="uint8") * 3 % 4).tobytes()
    return [struct.pack(">4I", 0x803, n, rows, columns) + pixels, struct.pack(">2I", 0x801, n) + labels]


good = idx_set(6, 3, 4) + idx_set(2, 3, 4)
packed = [gzip.compress(content, mtime=0) for content in good]
for options in (0, 0x01, 0x0E, 0x5F, 0xF0):
    put("idx", f"plain-{options:02x}", files(options, 0, good))
put("idx", "packed-15", files(0, 15, good))
put("idx", "packed-inside", files(0, 0, packed))
put("idx", "cut", files(0, 0, [good[0][:-1]] + good[1:]))
put("idx", "packed-cut", files(0, 0, [packed[0][:-5]] + packed[1:]))
put("idx", "one-pixel", files(0, 5, idx_set(3, 1, 1) + idx_set(1, 1, 1)))
put("idx", "huge", files(0, 0, [struct.pack(">4I", 0x803, 0xFFFFFFFF, 0x1000, 0x1000)] * 4))


def cifar(options, packed, records):
    """Records of zeros and a few bytes: what a length says is filled up by beginning anew."""
    lengths = b"".join(struct.pack("<H", 3073 * n) for n in records)
    return bytes([options, packed]) + lengths + bytes([3, 7, 1, 200, 9])


for options in (0, 0x04, 0x0B, 0x5F, 0xF4):
    put("cifar10", f"plain-{options:02x}", cifar(options, 0, [1, 2, 1, 1, 1, 1]))
put("cifar10", "packed", cifar(4, 63, [1] * 6))
put("cifar10", "zeros", bytes([4, 0]) + struct.pack("<H", 3073) * 6)
put("cifar10", "cut", bytes([4, 0]) + struct.pack("<6H", 3073, 3073, 3072, 3073, 3073, 3073))
put("cifar10", "empty", bytes([4, 0]) + struct.pack("<6H", 3073, 3073, 0, 3073, 3073, 3073))


def hdf5(name, options=0, x="f4", y="i8", test=True, latest=False, y_columns=0, **how):
    path = f"{folder}/task.h5"
    with h5py.File(path, "w", libver="latest" if latest else "earliest") as file:
        for group, n in (("/", 6), ("/test/", 3))[: 1 + test]:
            values = random.normal(size=(n, 4)).astype(x)
            labels = numpy.arange(n) % 3
            if y_columns:
                labels = random.normal(size=(n, y_columns))
            file.create_dataset(group + "x", data=values, **how)
            if "chunks" in how:
                how["chunks"] = (2,) if labels.ndim == 1 else (2, labels.shape[1])
            file.create_dataset(group + "y", data=labels.astype(y), **how)
            if "chunks" in how:
                how["chunks"] = (2, 4)
    with open(path, "rb") as file:
        put("hdf5", name, file.read() + bytes([options]))
    os.remove(path)


hdf5("plain")
hdf5("plain-options", options=0x5E)
hdf5("no-test", test=False)
hdf5("values", y="f4", y_columns=2)
hdf5("half-and-bytes", x="f2", y="u1")
hdf5("big-endian", x=">f8", y=">i4")
hdf5("chunks", chunks=(2, 4))
hdf5("deflate", chunks=(2, 4), compression="gzip", test=False)
hdf5("filters", chunks=(2, 4), compression="gzip", shuffle=True, fletcher32=True, test=False)
hdf5("sum", chunks=(2, 4), fletcher32=True, test=False)
hdf5("latest", latest=True)
hdf5("latest-chunks", latest=True, chunks=(2, 4), compression="gzip", test=False)

for path in glob.glob("conf/*.yaml"):
    with open(path, "rb") as file:
        put("config", os.path.basename(path), file.read())
put("config", "empty", b"{}")
put(
    "config",
    "sets",
    b'{task: {kind: addition}}\xfftraining.epochs=3\xffparallel.grid=[1, 2, 3]\xffrun.output="a b"',
)
put(
    "config",
    "wrong",
    b"task: {kind: nothing, size: [1, 2, 3]}\nrun: {name: 'a/b', sede: 3}\nrun: &a {name: *a}\n",
)
put("config", "lists", b"organism:\n  hidden: [64, 64, 64]\narchive:\n  layers: [0, 2]\n  fraction: 0.5\n")
put(
    "config",
    "first",
    b"training: {first: task, first_until_accuracy: 0.5, first_epochs: 3, settle_steps: 9}\n",
)
put("config", "phases", b"training: {phases: [{task: 3, until: 0.5}, {self: 9}, {both: 1}]}\n")
put("config", "quotes", b'run:\n  name: "\\x41\\u00e9\\n"\n  output: |\n    text\n---\n...\n')
put(
    "config",
    "large",
    b"{task: {kind: addition, inputs: 16777216}, organism: {hidden: [16777216, 16777216]}, "
    b"training: {epochs: 16777215, settle_steps: 2147483647}, parallel: {block: 1, chunk: 1, grid: [4, 4, 4]}}",
)
