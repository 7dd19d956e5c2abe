#!/bin/sh
# Files: the same bytes at every number of ranks, also with gaps; no locks needed; synced before and after their rename; each file
# that the program or its analysis writes is verified, and others are called foreign.
. tests/lib_train.sh
make_images
make_configurations
for name in noflock syncs unreadable; do
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

# What fails on all ranks is told once.
expect 1 env LD_PRELOAD="$dir/unreadable.so" UNOPENED=/checkpoint-3.h5 mpirun --oversubscribe -n 3 "$metazoa" train "$dir/sums.yaml" --quiet \
    --output "$dir/free-37" --resume
says 'checkpoint-3.h5: cannot be opened: Too many open files'
[ "$(grep -c '^metazoa' "$dir/err")" -eq 1 ] || fail "no files: $(cat "$dir/err")"

# Libraries that find no memory end the program in ways of their own: it has a message and its exit code all the same.
mpicc -shared -fPIC -o "$dir/endings.so" tests/preload/endings.c || exit 1
for ranks in 1 3; do
    for ending in exit error; do
        expect 1 mpirun --oversubscribe -n $ranks env LD_PRELOAD="$dir/endings.so" ENDING=$ending "$metazoa" train "$dir/sums.yaml" --quiet \
            --output "$dir/$ending-$ranks"
        says 'probably it found no memory'
        [ "$(grep -c '^metazoa' "$dir/err")" -eq 1 ] || fail "$ending on $ranks ranks: $(cat "$dir/err")"
    done
done

# Every file is synced, by a rank of every node, before it gets its name, and its folder afterwards: before a file of another folder
# gets its name, and before anything is removed.
SYNC_LOG=$dir/log
export SYNC_LOG
for nodes in 1 3; do
    apart=
    [ $nodes -eq 1 ] || apart='-x SYNC_APART=yes'
    rm -rf "$SYNC_LOG" "$dir/synced"
    # shellcheck disable=SC2086 # an option of two words
    expect 0 mpirun -n 3 -x LD_PRELOAD="$dir/syncs.so" $apart "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/synced"
    for name in config.yaml run.json summary.json metrics.csv archive.h5 checkpoint-4.h5 archive/segment-000000.h5; do
        grep -q " rename .* $dir/synced/$name\$" "$SYNC_LOG" || fail "$name never got its name"
    done
    awk '
        $2 == "fsync" && $3 == folder { folder = "" }
        $2 == "fsync" { synced[$3]++; if (!(($3, $1) in seen)) { seen[$3, $1] = 1; by[$3]++ } }
        { of = $NF; sub(/\/[^\/]*$/, "", of) }
        folder != "" && (($2 == "rename" && of != folder) || ($2 == "unlink" && index($3, run) == 1)) {
            print "the folder of " last " was not synced before " $0
            folder = ""
        }
        $2 == "rename" {
            together = $4 ~ /(checkpoint|segment)-[0-9-]*\.h5$/
            if (synced[$3] < 1 || (together && by[$3] < nodes)) print $3 " was renamed, synced by " by[$3] + 0 " ranks"
            synced[$3] = by[$3] = 0
            for (key in seen) { split(key, part, SUBSEP); if (part[1] == $3) delete seen[key] }
            last = $4
            folder = of
            if (last ~ /checkpoint-[0-9]*\.h5$/) commits++
            if (last ~ /archive\.h5$/ && commits != ++masters) print "archive.h5 did not get its name after its checkpoint"
        }
        END {
            if (folder != "") print "the folder of " last " was not synced"
            if (commits < 3) print commits " checkpoints"
        }' run="$dir/synced/" nodes=$nodes "$SYNC_LOG" > "$dir/unsynced"
    [ -s "$dir/unsynced" ] && fail "$nodes nodes: $(head -n 5 "$dir/unsynced")"
done
unset SYNC_LOG

# Files get to the disk while training goes on. The bytes are the same; a disk that fails then is told by one message, no rank
# waits for another one, and what was committed before is sound and goes on to the same bytes.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/prompt" --set checkpoint.every=1
for ranks in 1 2 3; do
    slow="mpirun -n $ranks -x LD_PRELOAD=$dir/syncs.so -x SYNC_SLEEP=20"
    # shellcheck disable=SC2086 # a command of words
    expect 0 $slow "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/slow-$ranks" --set checkpoint.every=1
    same "$dir/prompt" "$dir/slow-$ranks"
    # shellcheck disable=SC2086
    expect 1 timeout 60 $slow -x SYNC_FAIL=$((4 * ranks)) "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/failed" --set checkpoint.every=1
    says 'cannot be brought to the disk: Input/output error'
    [ "$(grep -c '^metazoa: ' "$dir/err")" -eq 1 ] || fail "$ranks ranks: not one message: $(cat "$dir/err")"
    expect 0 "$metazoa" verify "$dir/failed"
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/failed" --set checkpoint.every=1 --resume
    same "$dir/prompt" "$dir/failed"
    rm -r "$dir/failed"
done

# What verify knows.
run=$dir/known
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$run"
expect 0 "$metazoa" probe robustness "$run"
expect 0 "$metazoa" archive merge "$run"
# What is derived from a run never takes the place of its own files.
while read -r name command; do
    # shellcheck disable=SC2086 # a command of two words
    expect 2 $command "$run" --output "$run/$name" 2> "$dir/err"
    grep -q "run's own file" "$dir/err" || fail "$command --output $name: $(cat "$dir/err")"
done << END
archive.h5 $metazoa archive merge
archive/segment-000000.h5 $metazoa archive merge
checkpoint-9.h5 $metazoa pca
metrics.csv analysis/metazoa-export
config.yaml analysis/metazoa-report
END
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
mkdir "$dir/empty" "$dir/theirs"
cp "$dir/foreign.h5" "$dir/theirs"
expect 2 "$metazoa" verify "$dir/theirs"
expect 0 "$metazoa" verify "$run/archive" # no run's folder
grep -q 'sound, 0 damaged, 0 foreign' "$dir/out" || fail "$(cat "$dir/out")"
for path in "$dir/empty" conf/mnist.yaml /dev/../etc; do # nothing of a run's: foreign, not damaged
    expect 2 "$metazoa" verify "$path"
    grep -q 'foreign: no ' "$dir/out" || fail "$path: $(cat "$dir/out")"
done
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

# --init takes nothing that HDF5 fills in, nothing that is not a number, and no other meaning of numbers.
mkfifo "$dir/pipe"
"$PYTHON" - "$dir/free-37/checkpoint-3.h5" "$dir" > "$dir/cases" <<'END'
import h5py, numpy, os, sys, zlib
with h5py.File(sys.argv[1]) as source:
    weights = [source[f"layers/{layer}/weights"][:] for layer in sorted(source["layers"])]
os.chdir(sys.argv[2])
NAME, ONE = "layers/1/weights", weights[1]
def case(name, text, make=None, after=None):
    with h5py.File(f"init-{name}.h5", "w", libver="latest") as file:
        for layer, values in enumerate(weights):
            if layer == 1 and make: make(file)
            else: file[f"layers/{layer}/weights"] = values
        if after: after(file)
    print(f"{name}|{text}")
def changed(value):
    def make(file):
        values = ONE.astype("f8")
        values[1, 0, 5] = value
        file[NAME] = values
    return make
def packed(bytes_):
    def make(file):
        data = file.create_dataset(NAME, ONE.shape, "f4", chunks=ONE.shape, compression="gzip")
        data.id.write_direct_chunk((0, 0, 0), bytes_)
    return make
def virtual(file):
    layout = h5py.VirtualLayout(ONE.shape, "f4")
    layout[:] = h5py.VirtualSource("gone.h5", NAME, ONE.shape)
    file.create_virtual_dataset(NAME, layout)
def attribute(name, value):
    return lambda file: file[NAME].attrs.create(name, value)
def half(file): file.create_dataset(NAME, ONE.shape, "f4", chunks=(1,) + ONE.shape[1:])[:1] = ONE[:1]
def link(where): return lambda file: file.__setitem__(NAME, h5py.ExternalLink(where, "/" + NAME))
case("nan", "row 3, column 5: expected a finite float32" if ONE.shape[1] == 3 else "expected a finite float32", changed(numpy.nan))
case("inf", "expected a finite float32", changed(numpy.inf))
case("too-large", "expected a finite float32", changed(1e60))
case("cut", "is damaged", packed(zlib.compress(ONE.tobytes())[:50]))
case("short", "is damaged", packed(zlib.compress(ONE.tobytes()[:50])))
case("integers", "has integers (of 4 bytes), but needs floating-point numbers", lambda file: file.create_dataset(NAME, data=ONE.astype("i4")))
case("virtual", "lies in another file", virtual)
case("never", "incomplete", lambda file: file.create_dataset(NAME, ONE.shape, "f4"))
case("half", "incomplete", half)
case("scaled", "another meaning", None, attribute("scale_factor", 2.0))
case("missing", "is missing", None, attribute("_FillValue", ONE[1, 0, 5]))
# What single precision would round: found as it is stored.
case("missing-double", "is missing", changed(-999.9), attribute("_FillValue", -999.9))
case("missing-subnormal", "the value is missing", changed(1e-40), attribute("_FillValue", numpy.float32(1e-40)))
case("missing-half", "is missing", lambda file: file.__setitem__(NAME, ONE.astype("f2")), attribute("missing_value", float(ONE[1, 0, 5])))
def filled(file): file.create_dataset(NAME, ONE.shape, "f8", chunks=ONE.shape, fillvalue=.1)[:1] = ONE[:1]
case("filled-double", "is missing", filled)
case("filled-beside-attribute", "is missing", filled, attribute("_FillValue", -999.0))
case("link", "is a link", link("init-nan.h5"))
case("pipe", "is a link", link("pipe"))
case("layers", "more than the", None, lambda file: file.create_dataset(f"layers/{len(weights)}/weights", data=ONE))
case("velocity", "expected a finite float32", None,
     lambda file: file.create_dataset("layers/1/velocity_self", data=numpy.full(ONE.shape, numpy.nan, "f4")))
# Also in the dataset that is looked at last.
LAST = f"layers/{len(weights) - 1}/"
case("last-nan", "expected a finite float32", None, lambda file: file[LAST + "weights"].write_direct(weights[-1] * numpy.nan))
case("last-scaled", "another meaning", None, lambda file: file[LAST + "weights"].attrs.create("scale_factor", 2.0))
case("last-missing", "is missing", None, lambda file: file[LAST + "weights"].attrs.create("_FillValue", weights[-1][0, 0, 5]))
case("last-velocity", "expected a finite float32", None,
     lambda file: file.create_dataset(LAST + "velocity_task", data=numpy.full(weights[-1].shape, numpy.inf, "f4")))
END
[ "$(wc -l < "$dir/cases")" -ge 15 ] || fail 'cases of --init were not made'
while IFS='|' read -r name text; do
    expect 3 timeout 50 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/bad" --init "$dir/init-$name.h5" < /dev/null
    says "init-$name.h5: "
    says "$text"
    rm -rf "$dir/bad"
done < "$dir/cases"
# As many weights, but of particles of another form: 6 wide with 2 layers, 3 wide with 4.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/wide" --set particle.width=6 --set particle.layers=2
"$PYTHON" - "$dir/wide/checkpoint-3.h5" "$dir/copy.h5" <<'END' # whose texts are of another kind, and whose digest is another
import h5py, sys
with h5py.File(sys.argv[1]) as source, h5py.File(sys.argv[2], "w") as copy:
    for name in source: source.copy(name, copy)
    for name, value in source.attrs.items(): copy.attrs[name] = value
END
for file in wide/checkpoint-3.h5 copy.h5; do
    expect 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/deep" --set particle.width=3 --set particle.layers=4 --init "$dir/$file"
    says 'another shape'
    rm -rf "$dir/deep"
done
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/deep" --set particle.width=6 --set particle.layers=2 --init "$dir/copy.h5"
# Pipes and folders in a file's place keep nobody waiting.
expect 3 timeout 30 "$metazoa" verify "$dir/pipe"
grep -q 'found a pipe' "$dir/out" || fail "$(cat "$dir/out")"
# A run is verified while it is trained: what it has committed is sound, however fast its files change.
"$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/busy" --set training.epochs=1000000 --set checkpoint.every=1 > "$dir/log" 2>&1 &
job=$!
for i in $(seq 100); do [ -e "$dir/busy/checkpoint-3.h5" ] && break; sleep 0.2; done
for i in 1 2 3 4; do
    expect 0 "$metazoa" verify "$dir/busy"
    grep -q "busy: is being trained now (host .*, process " "$dir/out" || fail "$(cat "$dir/out")"
    grep -q DAMAGED "$dir/out" && fail "$(cat "$dir/out")"
done
kill -TERM $job
wait $job
[ $? -eq 75 ] || fail "the run did not stop: $(cat "$dir/log")"
expect 0 "$metazoa" verify "$dir/busy"
grep -q 'being trained' "$dir/out" && fail "$(cat "$dir/out")"

# A folder that takes the place of the one in which a run began is left as it is.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/other"
cp -r "$dir/other" "$dir/kept-other"
"$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/moved" --set training.epochs=1000000 --set checkpoint.every=1 > "$dir/log" 2>&1 &
job=$!
for i in $(seq 100); do [ -e "$dir/moved/checkpoint-3.h5" ] && break; sleep 0.2; done
mv "$dir/moved" "$dir/gone"
mv "$dir/other" "$dir/moved"
wait $job
code=$?
[ $code -eq 1 ] || fail "a run whose folder was replaced: exit code $code: $(cat "$dir/log")"
same "$dir/moved" "$dir/kept-other"
expect 0 "$metazoa" verify "$dir/gone"

# Rows of metrics.csv that are changed, cut or added before the last are damage; train --resume mends it.
cp "$dir/free-37/metrics.csv" "$dir/kept"
for change in '3s/[0-9]\.[0-9]/7.7/' '$d' '3d' '1s/epoch/time/' '2,$d' '4s/,[^,]*$//'; do
    sed "$change" "$dir/kept" > "$dir/free-37/metrics.csv"
    expect 3 "$metazoa" verify "$dir/free-37"
    grep -q 'DAMAGED: metrics.csv.*train --resume writes it anew' "$dir/out" || fail "$change: $(cat "$dir/out")"
done
rm "$dir/free-37/metrics.csv"
expect 3 "$metazoa" verify "$dir/free-37"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/free-37" --resume
expect 0 "$metazoa" verify "$dir/free-37"

# So do they in the place of a run's own files, whoever holds them: nothing begins, nothing is changed.
for name in checkpoint-3.h5 checkpoint-9-1.h5 archive.h5 metrics.csv config.yaml run.json summary.json metrics.csv.tmp archive/segment-000000.h5.tmp; do
    mv "$run/$name" "$dir/kept" 2> "$dir/null"
    for make in mkdir mkfifo 'ln -s /dev/zero'; do
        $make "$run/$name"
        expect 3 timeout 50 "$metazoa" train "$dir/sums.yaml" --quiet --output "$run" --resume
        says "$name: expected a regular file, found a"
        rm -rf "${run:?}/$name"
    done
    [ ! -e "$dir/kept" ] || mv "$dir/kept" "$run/$name"
done
mv "$run/archive" "$dir/kept"
ln -s nowhere "$run/archive"
expect 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$run" --resume
says "archive: a link that leads nowhere"
rm "$run/archive"
mv "$dir/kept" "$run/archive"
# What a dead job left is removed, what others have put here is not.
echo mine > "$run/notes.tmp"
echo half > "$run/metrics.csv.tmp"
echo half > "$run/archive/segment-000099.h5.tmp"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$run" --resume
[ "$(cd "$run" && echo *.tmp archive/*.tmp)" = 'notes.tmp archive/*.tmp' ] || fail "left in the run: $(cd "$run" && echo *.tmp archive/*.tmp)"
exit $failed
