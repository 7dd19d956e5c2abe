#!/bin/sh
# Files: the same bytes at every number of ranks, also with gaps; no locks needed; synced before and after their rename; each file
# that the program or its analysis writes is verified, and others are called foreign.
. tests/lib_train.sh
make_images
make_configurations
for name in noflock syncs; do
    cc -shared -fPIC -o "$dir/$name.so" tests/preload/$name.c || exit 1
done

# Gaps of alignment hold nothing that differs between ranks and runs.
for ranks in 1 2 3; do
    expect 0 mpirun -n $ranks "$metazoa" train "$dir/images.yaml" --quiet --set training.epochs=2 --set io.alignment=4096 \
        --output "$dir/aligned-$ranks"
    same "$dir/aligned-1" "$dir/aligned-$ranks"
done

# File systems without flock: ENOLCK (NFS), ENOSYS (Lustre), EOPNOTSUPP (BeeGFS), 524 (DVS).
for number in 37 38 95 524; do
    expect 0 env NOFLOCK=$number LD_PRELOAD="$dir/noflock.so" "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/free-$number"
    says "this file system has no locks"
    expect 0 env NOFLOCK=$number LD_PRELOAD="$dir/noflock.so" "$metazoa" verify "$dir/free-$number"
done

# Every file is synced, by every rank that may have written into it, before it gets its name, and its folder afterwards.
SYNC_LOG=$dir/log
export SYNC_LOG
expect 0 mpirun -n 3 -x LD_PRELOAD="$dir/syncs.so" "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/synced"
for name in config.yaml run.json summary.json metrics.csv archive.h5 checkpoint-4.h5 archive/segment-000000.h5; do
    grep -q " rename .* $dir/synced/$name\$" "$SYNC_LOG" || fail "$name never got its name"
done
awk '
    $2 == "fsync" && $3 == folder { folder = "" }
    $2 == "fsync" { synced[$3]++; if (!(($3, $1) in seen)) { seen[$3, $1] = 1; by[$3]++ } }
    $2 == "rename" {
        if (folder != "") print "the folder of " last " was not synced"
        together = $4 ~ /(checkpoint|segment)-[0-9-]*\.h5$/
        if (synced[$3] < 1 || (together && by[$3] < 3)) print $3 " was renamed, synced by " by[$3] + 0 " ranks"
        synced[$3] = by[$3] = 0
        for (key in seen) { split(key, part, SUBSEP); if (part[1] == $3) delete seen[key] }
        last = folder = $4
        sub(/\/[^\/]*$/, "", folder)
    }
    END { if (folder != "") print "the folder of " last " was not synced" }' "$SYNC_LOG" > "$dir/unsynced"
[ -s "$dir/unsynced" ] && fail "$(head -n 5 "$dir/unsynced")"

# What verify knows.
run=$dir/known
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$run"
expect 0 "$metazoa" probe robustness "$run"
expect 0 "$metazoa" archive merge "$run"
expect 0 analysis/metazoa-pca "$run" --no-figure
expect 0 "$metazoa" verify "$run"
for word in probe 'principal components' 'archive, 4 records' 'archive, joins'; do
    grep -q "ok: $word" "$dir/out" || fail "no \"$word\" in $(cat "$dir/out")"
done
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/both" --set run.ensemble=2
expect 0 "$metazoa" verify "$dir/both"
grep -q 'ensemble of 2 runs: sound' "$dir/out" || fail "$(cat "$dir/out")"
"$PYTHON" - "$run" "$dir" <<'END'
import h5py, numpy, sys
run, folder = sys.argv[1:]
with h5py.File(f"{folder}/foreign.h5", "w") as file:
    file["x"] = numpy.zeros(5)
    file.attrs["format"] = "my own"
for name in ("probe-robustness", "pca-organism"):
    with open(f"{run}/{name}.h5", "r+b") as file:
        file.seek(0, 2)
        size = file.tell()
        file.truncate(size - 1)
END
expect 2 "$metazoa" verify "$dir/foreign.h5"
grep -q foreign "$dir/out" || fail "$(cat "$dir/out")"
expect 3 "$metazoa" verify "$run"
for name in probe-robustness pca-organism; do
    grep -q "$name.h5: DAMAGED" "$dir/out" || fail "$name: $(cat "$dir/out")"
done
cp "$dir/foreign.h5" "$dir/both"
expect 0 "$metazoa" verify "$dir/both"

# --init takes any floating-point type.
for type in f2 f4 f8 '>f8' longdouble; do
    "$PYTHON" - "$dir/free-37/checkpoint-3.h5" "$dir/init.h5" $type <<'END'
import h5py, sys
with h5py.File(sys.argv[1]) as source, h5py.File(sys.argv[2], "w") as file:
    for layer in source["layers"]:
        file[f"layers/{layer}/weights"] = source[f"layers/{layer}/weights"][:].astype(sys.argv[3])
END
    rm -rf "$dir/init"
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/init" --init "$dir/init.h5"
done
exit $failed
