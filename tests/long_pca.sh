#!/bin/sh
# PCA of a 10 GB archive within 1 GiB of memory over all ranks, null model included (1.5 GB on disk).
cd "$(dirname "$0")/.." || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-/usr/bin/python3}" - "$folder" "${BUILD:-build}/metazoa" <<'END'
import resource, subprocess, sys, time
sys.path[:0] = ["analysis", "tests"]
import h5py, os
import synthetic

folder, program = sys.argv[1:]
for name in ("part", "whole"):
    os.mkdir(f"{folder}/{name}")
part = synthetic.write_large_archive(f"{folder}/part/archive.h5", 300)
whole = synthetic.repeat_archive(f"{folder}/whole/archive.h5", part, 34)
with h5py.File(whole) as file:
    size = 4 * file["layers/0/trajectory"].size
start = time.time()
subprocess.run(["mpirun", "-n", "2", program, "pca", f"{folder}/whole"], check=True)
peak = 2 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{size / 1e9:.1f} GB in {time.time() - start:.0f} s, peak memory of two ranks below {peak:.0f} MiB")
subprocess.run([program, "pca", f"{folder}/part"], check=True)
with h5py.File(f"{folder}/whole/pca-organism.h5") as one, h5py.File(f"{folder}/part/pca-organism.h5") as other:
    difference = abs(one["groups/ratio"][0] - other["groups/ratio"][0]).max()
assert size > 10e9 and peak < 1024, "too much memory"
assert difference < 1e-9, "34 copies have other components than one"
END
