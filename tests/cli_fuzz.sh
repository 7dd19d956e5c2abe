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
exit $failed
