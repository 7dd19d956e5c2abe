#!/bin/sh
# PCA of a 10 GB archive within 1 GiB of memory, null model included (about 6 minutes on a quiet core; 1.5 GB on disk).
cd "$(dirname "$0")/.." || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-/usr/bin/python3}" - "$folder" <<'END'
import sys, time
sys.path[:0] = ["analysis", "tests"]
import h5py
import synthetic
from metazoa.mathematics import pca
from metazoa.reading.archive import Archive

folder = sys.argv[1]
part = synthetic.write_large_archive(f"{folder}/part.h5", 300)
whole = synthetic.repeat_archive(f"{folder}/whole.h5", part, 34)
start = time.time()
with Archive(whole) as archive:
    size = 4 * archive.layers[0].trajectory.size
    pca.analyse(archive, f"{folder}/pca.h5", walks=1)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
with Archive(part) as archive:
    pca.analyse(archive, f"{folder}/part-pca.h5", walks=0)
print(f"{size / 1e9:.1f} GB in {time.time() - start:.0f} s, peak memory {peak:.0f} MiB")
with h5py.File(f"{folder}/pca.h5") as one, h5py.File(f"{folder}/part-pca.h5") as other:
    difference = abs(one["groups/ratio"][0] - other["groups/ratio"][0]).max()
assert size > 10e9 and peak < 1024, "too much memory"
assert difference < 1e-9, "34 copies have other components than one"
END
