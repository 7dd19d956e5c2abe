#!/bin/sh
# What the fuzzers kept (tests/fuzz/corpus), once more through the same targets: nothing crashes, leaks or passes wrong data.
. tests/lib.sh
TMPDIR=$dir
export TMPDIR

for target in config idx cifar10 hdf5; do
    n=$(ls "tests/fuzz/corpus/$target" | wc -l)
    [ "$n" -ge 5 ] || fail "the corpus of $target has $n inputs"
    if ! "$BUILD/tests/replay_$target" "tests/fuzz/corpus/$target" > "$dir/out" 2>&1; then
        fail "$target: $(tail -n 3 "$dir/out")"
    elif ! grep -qx "$n inputs replayed" "$dir/out"; then
        fail "$target: $n inputs, but $(tail -n 1 "$dir/out")"
    fi
done
ls "$dir" | grep -q metazoa-fuzz && fail "a folder is left behind"

# HDF5 has something to say at its end when this damaged file has been looked at: we alone speak, once for each dataset.
head -c -1 tests/fuzz/corpus/hdf5/libhdf5-leaks-header > "$dir/damaged.h5"
echo "{task: {kind: hdf5, path: $dir/damaged.h5}}" > "$dir/damaged.yaml"
"$metazoa" check "$dir/damaged.yaml" > "$dir/out" 2>&1 && fail "a damaged file is taken"
[ "$(grep -vc "^metazoa: $dir/damaged.h5: /[xy]: " "$dir/out")" -eq 0 ] || fail "a damaged file: $(cat "$dir/out")"

# HDF5 1.10.8 crashes on these, a later one may say something: metazoa says that it is damaged, and on what file.
for crash in tests/fuzz/libhdf5/crash-*; do
    head -c -1 "$crash" > "$dir/damaged.h5"
    mpirun -n 2 "$metazoa" check "$dir/damaged.yaml" > "$dir/out" 2>&1
    code=$?
    [ $code -eq 3 ] && grep -q "^metazoa: $dir/damaged.h5: " "$dir/out" || fail "$crash crashes HDF5: exit code $code, $(cat "$dir/out")"
done
exit $failed
