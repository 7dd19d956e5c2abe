#!/bin/sh
# check --data reads all of the data, as train does, and check without it says that it did not; --time, --json, and ranks that
# have no work; verify --json. new: a configuration for own data. A stopped run prints a command that goes on.
. tests/lib.sh

# json FILE EXPRESSION: what Python's EXPRESSION of the object `o` prints.
json()
{
    "$PYTHON" -c 'import json, sys; o = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

# Data with one bad value each; train refuses them when it reads them.
"$PYTHON" - "$dir" << 'END' || fail "data"
import sys
import h5py, numpy
folder = sys.argv[1]
x, y = numpy.random.default_rng(1).random((60, 4)), numpy.arange(60) % 3
for name in "good", "nan", "wild":
    with h5py.File(f"{folder}/{name}.h5", "w") as file:
        file["x"], file["y"] = x.astype("f4"), y
        file["test/x"], file["test/y"] = x[:9].astype("f4"), y[:9]
        if name == "nan":
            file["x"][30, 2] = numpy.nan
        if name == "wild":
            file["y"][7] = 100000
import os
os.mkdir(folder + "/cifar")
for i in range(6):
    name = f"data_batch_{i + 1}.bin" if i < 5 else "test_batch.bin"
    rows = numpy.zeros((10000, 3073), "u1")
    if i == 2:
        rows[77, 0] = 10
    rows.tofile(f"{folder}/cifar/{name}")
END
cat > "$dir/hdf5.yaml" << END
task: {kind: hdf5, path: $dir/good.h5}
organism: {hidden: [3]}
training: {epochs: 3, batch: 20}
END
check() { "$metazoa" check "$dir/hdf5.yaml" "$@" > "$dir/out" 2> "$dir/err"; }
check || fail "good data: $(cat "$dir/err")"
head -n 1 "$dir/out" | grep -q 'hdf5.yaml is good; of its data only headers and sizes were read (--data reads all)$' || fail "check does not say that it read no values: $(cat "$dir/out")"
check --data || fail "good data are refused: $(cat "$dir/err")"
head -n 1 "$dir/out" | grep -q 'hdf5.yaml is good, and so are all of its data$' || fail "--data: $(cat "$dir/out")"
for ranks in 1 3; do
    for bad in "nan.h5 --set task.kind=hdf5" "cifar --set task.kind=cifar10 --set task.size=original"; do
        # shellcheck disable=SC2086
        set -- $bad
        path=$dir/$1
        shift
        mpirun -n $ranks "$metazoa" check "$dir/hdf5.yaml" --data "$@" --set "task.path=$path" > "$dir/out" 2> "$dir/err"
        got=$?
        [ $got -eq 3 ] && [ "$(grep -c "^metazoa: $path" "$dir/err")" -eq 1 ] || fail "check --data of $path, $ranks ranks: $got, $(cat "$dir/err")"
    done
done
check --set "task.path=$dir/wild.h5" || fail "many classes: $(cat "$dir/err")"
grep -q '^DOUBT *100001 classes for 60 samples: ' "$dir/out" || fail "check takes 100001 classes for 60 samples without a word: $(cat "$dir/out")"
"$metazoa" check conf/addition.yaml > "$dir/out" && head -n 1 "$dir/out" | grep -q data && fail "addition has no data to read"

# Ranks without work.
"$metazoa" check conf/addition.yaml --ranks 100000 > "$dir/out" || fail "100000 ranks"
grep -q '^ranks  *TOO MANY: 18 particles .* cannot use 100000 ranks; at most 3 have work$' "$dir/out" || fail "100000 ranks: $(cat "$dir/out")"
# What is the same for all ranks is counted once, not for each: this took hours.
timeout 100 "$metazoa" check conf/addition.yaml --ranks 131072 --set 'organism.hidden=[1000, 1000]' --set archive.fraction=0.05 > "$dir/out" ||
    fail "131072 ranks: $(cat "$dir/out")"
"$metazoa" check conf/addition.yaml --ranks 3 > "$dir/out" && grep -q '^ranks ' "$dir/out" && fail "3 ranks are too many"

# Of an ensemble: all folders, and the time of all runs; the grid and the memory are those of one.
"$metazoa" check conf/addition.yaml --json > "$dir/one" && mpirun -n 2 "$metazoa" check conf/addition.yaml --json --set run.ensemble=20 > "$dir/out" ||
    fail "check of an ensemble"
[ "$(json "$dir/out" 'o["ensemble"], o["ranks"], o["grid"]')" = "(20, 2, [1, 1, 1])" ] || fail "check of an ensemble: $(cat "$dir/out")"
needed=$(json "$dir/out" 'o["folder_bytes"]["needed"]') one=$(json "$dir/one" 'o["folder_bytes"]["needed"]')
[ $((needed / 20 - one)) -ge 0 ] && [ $((needed / 20 - one)) -lt 100 ] ||
    fail "folders of an ensemble: $(cat "$dir/out"), one: $(cat "$dir/one")"
mpirun -n 2 "$metazoa" check conf/addition.yaml --time --set run.ensemble=5 --set run.output="$dir/times/many" > "$dir/out" || fail "--time of an ensemble"
grep -q 'for 3 organisms one after the other.*2 ranks)$' "$dir/out" || fail "--time of an ensemble: $(cat "$dir/out")"
mpirun -n 3 "$metazoa" check conf/addition.yaml --time --set run.ensemble=2 > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && grep -q 'are not divided evenly' "$dir/err" || fail "--time of uneven groups: $(cat "$dir/out" "$dir/err")"

# The time, from a trial with the ranks that run.
for ranks in 1 2; do
    mpirun -n $ranks "$metazoa" check "$dir/hdf5.yaml" --time --set run.output="$dir/times/run" --set training.settle=plain --set training.settle_steps=5 > "$dir/out" || fail "--time at $ranks ranks"
    grep -q '^time  *about .*: 3 epochs of .* s, then 5 settling steps, .* for files (from a trial of [0-9]* batches and a checkpoint, '$ranks' rank' "$dir/out" || fail "--time: $(cat "$dir/out")"
done
# Files count: with ten checkpoints more of them; where none can be written, it is said. Nothing stays.
mkdir "$dir/times"
for every in 1 10000; do
    check --json --time --set run.output="$dir/times/run" --set training.epochs=400 --set checkpoint.every=$every || fail "--time: $(cat "$dir/err")"
    json "$dir/out" 'o["time"]["files"]'
done | awk '{ files[NR] = $1 } END { exit !(files[2] > 0 && files[1] > files[2]) }' || fail "400 checkpoints take no longer than one"
[ -z "$(ls -A "$dir/times")" ] || fail "check leaves files: $(ls -A "$dir/times")"
check --time --set run.output=/proc/none && grep -q 'batches; files are not counted, ' "$dir/out" || fail "no folder to write to: $(cat "$dir/out" "$dir/err")"
# What costs time in a later phase is tried as well.
for phases in '[{task: 3}]' '[{task: 1}, {self: 2}]'; do
    check --json --time --set run.output="$dir/times/run" --set "training.phases=$phases" --set training.self_train_steps=20000 || fail "--time: $(cat "$dir/err")"
    json "$dir/out" 'o["time"]["batch"]'
done | awk '{ batch[NR] = $1 } END { exit !(batch[2] > 5 * batch[1]) }' || fail "a phase of self-training takes no longer than one without"
check --time --ranks 5
[ $? -eq 2 ] && grep -q "start \"mpirun -n 5 $metazoa check" "$dir/err" || fail "--time --ranks 5: $(cat "$dir/err")"

# For programs.
check --json --time --ranks 1 || fail "check --json: $(cat "$dir/err")"
[ "$(json "$dir/out" 'o["good"], o["task"]["inputs"], o["task"]["data_read"], o["ranks"], o["grid"], o["time"]["seconds"] > 0')" = \
    "(True, 4, True, 1, [1, 1, 1], True)" ] || fail "check --json: $(cat "$dir/out")"
"$metazoa" train "$dir/hdf5.yaml" --output "$dir/run" --quiet || fail "train"
"$metazoa" verify "$dir/run" > "$dir/lines" || fail "verify"
"$metazoa" verify "$dir/run" --json > "$dir/out" || fail "verify --json"
[ "$(json "$dir/out" 'o["sound"], len(o["lines"])')" = "(True, $(wc -l < "$dir/lines"))" ] || fail "verify --json: $(cat "$dir/out")"
printf 'x' | dd of="$dir/run/checkpoint-3.h5" bs=1 seek=3000 conv=notrunc 2> /dev/null
"$metazoa" verify "$dir/run" --json > "$dir/out"
[ $? -eq 3 ] && [ "$(json "$dir/out" 'o["sound"]')" = False ] || fail "verify --json of a damaged run: $(cat "$dir/out")"

# new: the configuration is good, all keys stand in it, and it trains; nothing is overwritten.
"$metazoa" new "$dir/own" --data "$dir/good.h5" > "$dir/out" 2> "$dir/err" || fail "new: $(cat "$dir/err")"
grep -q '^found   60 training and 9 test samples, 4 inputs, 3 classes$' "$dir/out" && ! grep -q '^  scaling' "$dir/own.yaml" || fail "new: $(cat "$dir/out")"
"$metazoa" check "$dir/own.yaml" > "$dir/out" && grep -q '4-5-5-3' "$dir/out" || fail "new: not a good configuration"
sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' docs/configuration.md | while read -r key; do grep -q "^  #\{0,1\}$key: " "$dir/own.yaml" || echo "$key"; done > "$dir/missing"
[ -s "$dir/missing" ] && fail "new leaves out: $(cat "$dir/missing")"
# The defaults, without their comment signs.
sed 's/^  #\([a-z_]*: \)/  \1/' "$dir/own.yaml" > "$dir/all.yaml"
"$metazoa" check "$dir/all.yaml" > /dev/null 2> "$dir/err" || fail "new: what is commented out is not good: $(cat "$dir/err")"
"$metazoa" new "$dir/own" --data "$dir/good.h5" > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && grep -q 'own.yaml: cannot be written: File exists' "$dir/err" || fail "new overwrites: $(cat "$dir/err")"
"$PYTHON" - "$dir" << 'END'
import h5py, shutil, sys
shutil.copy(sys.argv[1] + "/good.h5", sys.argv[1] + "/from1.h5")
with h5py.File(sys.argv[1] + "/from1.h5", "r+") as file:
    for name in "y", "test/y":
        file[name][...] = file[name][...] + 1
END
"$metazoa" new "$dir/from1" --data "$dir/from1.h5" > "$dir/out" 2> "$dir/err" || fail "new: $(cat "$dir/err")"
grep -qx 'doubt *class 0 has no training samples: classes count from 0; is it a mistake?' "$dir/out" || fail "new: labels from 1: $(cat "$dir/out")"
for command in "check --data" "train --output $dir/from1"; do
    # shellcheck disable=SC2086
    "$metazoa" $command "$dir/hdf5.yaml" --set task.path="$dir/from1.h5" > "$dir/out" 2> "$dir/err" || fail "$command: $(cat "$dir/err")"
    grep -qi ' class 0 has no training samples: classes count from 0; is it a mistake?' "$dir/out" || fail "$command: labels from 1: $(cat "$dir/out")"
done
check --data && ! grep -qi 'no training samples' "$dir/out" || fail "check: all classes have samples: $(cat "$dir/out")"
"$metazoa" new "$dir/other" --data "$dir/nan.h5" > "$dir/out" 2> "$dir/err"
[ $? -eq 3 ] && [ ! -e "$dir/other.yaml" ] || fail "new takes data that train refuses"
"$metazoa" new "$dir/other" --task hdf > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && grep -qx 'metazoa: option --task: "hdf" is none of addition, idx, hdf5, cifar10; did you mean hdf5?' "$dir/err" || fail "new --task hdf: $(cat "$dir/err")"

# Inputs far from 1, from which nothing is learned, are named by check and train; new scales them. Scaled by the program, from
# floats or from integers, at any number of ranks, they train as if the file held them scaled.
"$PYTHON" - "$dir" << 'END'
import h5py, numpy, sys
random = numpy.random.default_rng(2)
x, y = random.integers(0, 256, (80, 6)), numpy.arange(80) % 2
x[0], x[1], x[:, 3] = 0, 255, 7
lo, hi = x[:60].min(0).astype("f4"), x[:60].max(0).astype("f4")
for name, values in ("bytes", x.astype("u1")), ("pixels", x.astype("f4")), ("scaled", (x.astype("f4") - lo) / numpy.maximum(hi - lo, 1)):
    if name == "scaled":
        values[:, 3] = 0
    with h5py.File(f"{sys.argv[1]}/{name}.h5", "w") as file:
        file["x"], file["y"], file["test/x"], file["test/y"] = values[:60], y[:60], values[60:], y[60:]
END
for name in bytes pixels scaled; do
    "$metazoa" new "$dir/$name" --data "$dir/$name.h5" > "$dir/out" 2> "$dir/err" || fail "new: $name: $(cat "$dir/err")"
    for ranks in 1 3; do
        mpirun -n $ranks "$metazoa" train "$dir/$name.yaml" --set training.epochs=4 --set training.batch=20 --set parallel.share_data=always \
            --quiet --output "$dir/$name$ranks" || fail "train: $name"
        cut -d, -f11 "$dir/$name$ranks/metrics.csv" | cmp -s - "$dir/bits" || [ "$name$ranks" = bytes1 ] || fail "$name at $ranks ranks: other bits"
        [ "$name$ranks" = bytes1 ] && cut -d, -f11 "$dir/bytes1/metrics.csv" > "$dir/bits"
    done
    grep -qx '  scaling: range' "$dir/$name.yaml" || [ $name = scaled ] || fail "new does not scale $name"
    grep -qx '        inputs from 0 to 255, each scaled to go from 0 to 1 (task.scaling)' "$dir/out" || [ $name = scaled ] || fail "new: $(cat "$dir/out")"
done
grep -q scaling: "$dir/scaled1/config.yaml" && grep -q '#scaling: none' "$dir/scaled.yaml" || fail "new scales what is scaled"
check --data --set task.path="$dir/pixels.h5" && grep -qx 'DOUBT *inputs from 0 to 255 teach little: task.scaling: range helps' "$dir/out" ||
    fail "check says nothing of pixels: $(cat "$dir/out")"
"$metazoa" train "$dir/hdf5.yaml" --set task.path="$dir/pixels.h5" --set training.epochs=0 --output "$dir/far" > "$dir/out" 2> "$dir/err"
grep -q '^note *inputs from 0 to 255 teach little' "$dir/out" || fail "train says nothing of pixels: $(cat "$dir/out" "$dir/err")"
check --set task.path="$dir/bytes.h5"
[ $? -eq 3 ] && grep -q 'which task.scaling: range takes' "$dir/err" || fail "integers: $(cat "$dir/err")"
# What single precision cannot tell apart is not scaled to steps that nobody has measured.
"$PYTHON" - "$dir" << 'END'
import h5py, numpy, sys
for name, column in ("far", numpy.arange(60) * 1e-32), ("seconds", 1700000000 + numpy.arange(60)), ("span", numpy.linspace(-3e38, 3e38, 60)):
    with h5py.File(f"{sys.argv[1]}/{name}.h5", "w") as file:
        file["x"] = numpy.stack([numpy.arange(60) * 7., column], 1)
        file["y"] = numpy.arange(60) % 2
        if name == "far":
            file["test/x"], file["test/y"] = numpy.full((60, 2), 1e30), numpy.arange(60) % 2
END
for name in seconds span; do
    mpirun --oversubscribe -n 3 "$metazoa" train "$dir/hdf5.yaml" --set task.path="$dir/$name.h5" --set task.scaling=range --output "$dir/lost" > "$dir/out" 2> "$dir/err"
    [ $? -eq 3 ] && grep -q 'input 1 goes from .* in single precision' "$dir/err" || fail "$name: $(cat "$dir/err")"
done
mpirun --oversubscribe -n 3 "$metazoa" train "$dir/hdf5.yaml" --set task.path="$dir/far.h5" --set task.scaling=range --output "$dir/lost" > "$dir/out" 2> "$dir/err"
[ $? -eq 3 ] && grep -q '/test/x: sample 0, column 1: .* is too far from the training samples' "$dir/err" || fail "far: $(cat "$dir/err")"
check --set task.path="$dir/pixels.h5" --set run.output="$dir/far.h5/run" && grep -q 'CANNOT BE MADE OR WRITTEN HERE: Not a directory' "$dir/out" ||
    fail "a folder in a file: $(cat "$dir/out")"

# new looks into the data, not at their names; what it does not know it names, with what is read and how to convert a table.
mkdir "$dir/any" "$dir/empty" "$dir/idx" "$dir/small" "$dir/packed"
mv "$dir/good.h5" "$dir/any/data.txt"
printf 'a,b,class\n0.5,2,0\n3,4,1\n1,1,1\n' > "$dir/table.csv"
"$PYTHON" - "$dir" << 'END'
import gzip, struct, sys
dir = sys.argv[1]
for kind, n in ("train", 60), ("t10k", 5):
    with gzip.open(f"{dir}/idx/{kind}-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">IIII", 0x803, n, 3, 3) + bytes(range(9)) * n)
    with open(f"{dir}/idx/{kind}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 0x801, n) + bytes(i % 2 for i in range(n)))
for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
    open(f"{dir}/small/{name}.bin", "wb").write((b"\3" + bytes(3072)) * 12)
    open(f"{dir}/packed/{name}.bin", "wb").write(gzip.compress((b"\3" + bytes(3072)) * 12))
END
for case in any/data.txt:hdf5:60 idx:idx:60 idx/train-images-idx3-ubyte.gz:idx:60 idx/t10k-labels-idx1-ubyte:idx:60 small:cifar10:60 \
    small/test_batch.bin:cifar10:60 packed:cifar10:60; do
    data=${case%%:*} kind=${case#*:}
    rm -f "$dir/looks.yaml"
    "$metazoa" new "$dir/looks" --data "$dir/$data" > "$dir/out" 2> "$dir/err" || fail "new --data $data: $(cat "$dir/err")"
    grep -q "^  kind: ${kind%:*}\$" "$dir/looks.yaml" && grep -q "^found   ${kind#*:} training" "$dir/out" || fail "new --data $data: $(cat "$dir/out")"
done
mv "$dir/any/data.txt" "$dir/good.h5"
"$metazoa" new "$dir/no" --data "$dir/empty" > "$dir/out" 2> "$dir/err"
[ $? -eq 3 ] && [ "$(wc -l < "$dir/err")" -eq 1 ] && grep -q 'holds none of the four files' "$dir/err" || fail "new --data FOLDER: $(cat "$dir/err")"
"$metazoa" new "$dir/no" --data "$dir/table.csv" > "$dir/out" 2> "$dir/err"
[ $? -eq 3 ] && [ "$(wc -l < "$dir/err")" -eq 1 ] || fail "new --data CSV: $(cat "$dir/err")"
sed -n "s|.* is converted by: /usr/bin/python3 -c '\\(.*\\)'\$|\\1|p" "$dir/err" > "$dir/convert.py"
(cd "$dir" && sed -i 's/IN.csv/table.csv/; s/OUT.h5/table.h5/' convert.py && "$PYTHON" convert.py) || fail "the conversion: $(cat "$dir/convert.py")"
"$metazoa" new "$dir/table" --data "$dir/table.h5" > "$dir/out" 2> "$dir/err"
grep -q '^found   3 training and 0 test samples, 2 inputs, 2 classes$' "$dir/out" || fail "a converted table: $(cat "$dir/out" "$dir/err")"
"$PYTHON" -c 'import h5py, sys; f = h5py.File(sys.argv[1], "w"); f["images"] = [[1.0, 2.0]]; f["a/labels"] = [1]' "$dir/names.h5"
"$metazoa" new "$dir/no" --data "$dir/names.h5" > "$dir/out" 2> "$dir/err"
[ "$(grep -c 'its datasets: /a/labels integer64 \[1\], /images float64 \[1, 2\]$' "$dir/err")" -eq 1 ] || fail "other datasets: $(cat "$dir/err")"

# What train says before the first epoch fits a line of 80 columns.
"$metazoa" train conf/mnist.yaml --set task.path="$dir/idx" --set training.epochs=0 --output "$dir/short" > "$dir/out" 2> "$dir/err"
[ "$(grep -v "$dir" "$dir/out" | awk 'length > 80' | wc -l)" -eq 0 ] && grep -q '^organism' "$dir/out" || fail "long lines: $(cat "$dir/out" "$dir/err")"

# A score that is older than the run says of which epoch it is.
cp -r "$dir/run" "$dir/unseen"
awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "test_accuracy") at = i } { row[NR] = $0 }
    END { $0 = row[NR]; $at = ""; row[NR] = $0; for (i = 1; i <= NR; i++) print row[i] }' "$dir/run/metrics.csv" > "$dir/unseen/metrics.csv"
"$metazoa" info "$dir/unseen" > "$dir/out"
grep -q "^accuracy .* on test data at epoch $(tail -n 2 "$dir/unseen/metrics.csv" | head -n 1 | cut -d, -f1)," "$dir/out" ||
    fail "info of a score that is older: $(cat "$dir/out")"
"$metazoa" info "$dir/run" | grep -q '^accuracy .* on test data,' || fail "info: $("$metazoa" info "$dir/run")"

# info: one line per run, an ensemble is one; a folder without a run is named, the others are told all the same.
"$metazoa" train "$dir/hdf5.yaml" --output "$dir/many" --set run.ensemble=3 --quiet || fail "an ensemble"
"$metazoa" train "$dir/hdf5.yaml" --output "$dir/killed" --quiet && rm "$dir/killed/summary.json"
printf '4,0.1' >> "$dir/killed/metrics.csv" # a row that is being written
mkdir -p "$dir/waiting" && cp "$dir/killed/config.yaml" "$dir/waiting"
"$metazoa" info "$dir/run" "$dir/many" "$dir/killed" "$dir/waiting" > "$dir/out" 2> "$dir/err" || fail "info: $(cat "$dir/err")"
[ "$(wc -l < "$dir/out")" -eq 5 ] || fail "info: not a head and four lines: $(cat "$dir/out")"
last=$(tail -n 1 "$dir/run/metrics.csv" | cut -d, -f11)
grep -q "^state  *epochs  *accuracy  *replicators  *fingerprint  *run$" "$dir/out" || fail "info: $(cat "$dir/out")"
grep -q "^finished  *3/3  *[01][.0-9]*  *[0-9]* %  *$last  *$dir/run$" "$dir/out" || fail "info: $(cat "$dir/out")"
grep -q "^3/3 done  *3/3 .* 3 runs, medians  *$dir/many$" "$dir/out" || fail "info of an ensemble: $(cat "$dir/out")"
cp -r "$dir/many" "$dir/fewer" && rm -r "$dir/fewer/seed-2"
"$metazoa" info "$dir/fewer" > "$dir/fewer.out" || fail "info of an ensemble that has lost a run"
grep -q "^2/3 done  *3/3 .* 2 of 3 runs, medians  *$dir/fewer$" "$dir/fewer.out" || fail "info of an ensemble that has lost a run: $(cat "$dir/fewer.out")"
grep -q "^stopped  *3/3  *.* $dir/killed$" "$dir/out" || fail "info of a killed run: $(cat "$dir/out")"
grep -q "^not begun  *-/-  *-  *-  *-  *$dir/waiting$" "$dir/out" || fail "info of a run that has not begun: $(cat "$dir/out")"
[ "$(sed "s|$dir|x|" "$dir/out" | awk 'length > 80' | wc -l)" -eq 0 ] || fail "info: lines of more than 80 columns"
"$metazoa" info --json "$dir/run" "$dir/nowhere" > "$dir/out" 2> "$dir/err"
[ $? -eq 3 ] && grep -q "$dir/nowhere: holds no run" "$dir/err" || fail "info of nothing: $(cat "$dir/err")"
[ "$(json "$dir/out" 'len(o), o[0]["epochs"], o[0]["finished"], o[0]["measure"]')" = "(1, 3.0, 1, 'test_accuracy')" ] || fail "info --json: $(cat "$dir/out")"
[ "$(json "$dir/out" 'o[0]["fingerprint"]')" = "$last" ] || fail "info --json: another fingerprint"

# Of an ensemble alone: its members, then itself.
"$metazoa" info "$dir/many" > "$dir/out" || fail "info of an ensemble alone"
[ "$(sed -n '2,$s|.* ||p' "$dir/out" | tr '\n' ' ')" = "$dir/many/seed-1 $dir/many/seed-2 $dir/many/seed-3 $dir/many " ] || fail "info: other members: $(cat "$dir/out")"

# Of one run alone: all that is known, as Python reads it from the files.
mpirun -n 2 "$metazoa" info "$dir/run" > "$dir/out" 2> "$dir/err" || fail "info of a run: $(cat "$dir/err")"
for word in 'state        finished' 'epochs       3 of 3' "fingerprint  $last" 'resumed      never' 'probes       none yet' 'seed 1'; do
    grep -q "$word" "$dir/out" || fail "info of a run does not say \"$word\": $(cat "$dir/out")"
done
[ "$(grep -v "$dir" "$dir/out" | awk 'length > 80' | wc -l)" -eq 0 ] || fail "info of a run: lines of more than 80 columns"
"$metazoa" info --json "$dir/run" > "$dir/out" || fail "info --json of a run"
cat > "$dir/compare.py" <<'END'
import json, math, sys
import metazoa
run, said = metazoa.open(sys.argv[1]), json.load(open(sys.argv[2]))[0]
table = run.particles
assert len(said["layers"]) == table["layer"].nunique() and said["seed"] == run.seed and said["ranks"] == run.ranks
assert (said["state"], said["starts"], said["epochs"]) == (run.state, 1 + run.resumed, run.epochs)
assert math.isclose(said["score"], run.score) and math.isclose(said["self_replicators"], run.replicators)
for layer in said["layers"]:
    here = table[table["layer"] == layer["layer"]]
    far = here.loc[here["distance"].idxmax()]
    assert (layer["farthest_cell"], layer["farthest_edge"]) == (far["cell"], far["edge"])
    assert math.isclose(layer["distance_largest"], far["distance"], rel_tol=1e-6)
    assert math.isclose(layer["distance_mean"], here["distance"].mean(), rel_tol=1e-6)
    counts = here["type"].value_counts().to_dict()
    assert {k: n for k, n in layer["census"].items() if n} == {k: n for k, n in counts.items() if n} and layer["particles"] == len(here)
best = run.metrics.query("epoch > 0")["test_accuracy"]
assert math.isclose(said["best"], best.max())
END
PYTHONPATH=analysis "$PYTHON" "$dir/compare.py" "$dir/run" "$dir/out" || fail "info and Python differ: $(cat "$dir/out")"

"$metazoa" train "$dir/hdf5.yaml" --output "$dir/begun" --max-hours 1e-6 --quiet 2> "$dir/err"
"$metazoa" info "$dir/begun" > "$dir/out" || fail "info of a run that was stopped"
grep -q 'state        stopped (' "$dir/out" && ! grep -qE 'nan|inf ' "$dir/out" || fail "info of a run that was stopped: $(cat "$dir/out")"

# The other commands take an ensemble, too: each of its runs; a probe's medians are those of its results.
mpirun -n 2 "$metazoa" probe goal "$dir/many" > "$dir/out" 2> "$dir/err" || fail "probe of an ensemble: $(cat "$dir/err")"
[ "$(json "$dir/out" 'o["runs"], [r["seed"] for r in o["results"]], o["median"]["share_within"][5] == sorted(r["share_within"][5] for r in o["results"])[1]')" = "(3, [1, 2, 3], True)" ] ||
    fail "probe of an ensemble: $(cat "$dir/out")"
[ -s "$dir/many/seed-3/probe-goal.h5" ] || fail "no results of the third run"
"$metazoa" train "$dir/hdf5.yaml" --output "$dir/plain" --set run.ensemble=3 --set organism.edges=scalar --quiet || fail "an ensemble of conventional networks"
"$metazoa" probe dropout "$dir/many" --baseline "$dir/plain" > "$dir/out" 2> "$dir/err" || fail "probe with an ensemble beside: $(cat "$dir/err")"
for seed in 1 2 3; do # each with the network of its seed
    "$metazoa" probe dropout "$dir/many/seed-$seed" --baseline "$dir/plain/seed-$seed" > "$dir/one" 2> "$dir/err" || fail "probe: $(cat "$dir/err")"
    [ "$(json "$dir/out" "o['results'][$seed - 1]")" = "$(json "$dir/one" o)" ] || fail "seed $seed has another network beside it"
done
mpirun -n 2 "$metazoa" archive merge "$dir/many" > "$dir/out" 2> "$dir/err" || fail "archive merge of an ensemble: $(cat "$dir/err")"
[ "$(grep -c 'archive-merged.h5: 4 records' "$dir/out")" -eq 3 ] || fail "archive merge of an ensemble: $(cat "$dir/out")"
"$metazoa" archive merge "$dir/many" --output "$dir/one.h5" > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && grep -q 'takes one run' "$dir/err" || fail "archive merge of an ensemble into one file: $(cat "$dir/err")"
"$metazoa" verify "$dir/many" > "$dir/out" || fail "verify of the ensemble: $(cat "$dir/out")"
"$metazoa" info > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && grep -q "info needs an argument: $metazoa info RUN..." "$dir/err" || fail "info without a run: $(cat "$dir/err")"

# The command that goes on can be pasted: it is how this program was started.
for ranks in 1 2; do
    mpirun -n $ranks "$metazoa" train conf/addition.yaml --output "$dir/a b$ranks" --max-hours 1e-6 --quiet 2> "$dir/err"
    [ $? -eq 75 ] || fail "--max-hours 1e-6: $(cat "$dir/err")"
    sed -n 's/^metazoa: .*; go on with: //p' "$dir/err" | sed 's/ --max-hours 1e-6//' > "$dir/paste"
    [ $ranks -eq 1 ] || grep -q "^mpirun -n $ranks " "$dir/paste" || fail "the hint does not start $ranks ranks: $(cat "$dir/paste")"
    sh "$dir/paste" > "$dir/out" 2>&1 || fail "$(cat "$dir/paste"): $(cat "$dir/out")"
    grep -q '"finished": true' "$dir/a b$ranks/summary.json" || fail "the hint does not finish the run"
done
SLURM_JOB_ID=1 SLURM_PROCID=0 "$metazoa" train conf/addition.yaml --output "$dir/slurm" --max-hours 1e-6 --quiet 2> "$dir/err"
grep -q '; go on with: srun -n 1 ' "$dir/err" || fail "no srun inside a job: $(cat "$dir/err")"
# A job that asked for too little memory is told so, and begins nothing: SLURM would kill it, and put it back.
SLURM_MEM_PER_CPU=10 SLURM_CPUS_ON_NODE=2 mpirun -n 2 "$metazoa" train conf/addition.yaml --output "$dir/room" > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && [ ! -e "$dir/room" ] || fail "20 MiB were enough for two ranks"
grep -c 'too little memory: .* the 2 of this node .* 20 MiB (--mem-per-cpu=10M on 2 processors)' "$dir/err" | grep -qx 1 ||
    fail "too little memory per processor: $(cat "$dir/err")"
SLURM_MEM_PER_NODE=5 "$metazoa" train conf/addition.yaml --output "$dir/room" > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && grep -q '5 MiB (--mem=5M)' "$dir/err" || fail "too little memory per node: $(cat "$dir/err")"
SLURM_MEM_PER_NODE=5 "$metazoa" check conf/addition.yaml | grep -q '^node .* needed, 5.0 MiB available - WILL NOT FIT' ||
    fail "check says nothing of --mem"
SLURM_MEM_PER_NODE=0 SLURM_MEM_PER_CPU=1000 SLURM_CPUS_ON_NODE=1 "$metazoa" train conf/addition.yaml --quiet --output "$dir/room" \
    --set training.epochs=1 || fail "1000 MiB were too little"

# status: how far a run is and what became of it; members of an ensemble one by one.
"$metazoa" train conf/addition.yaml --quiet --output "$dir/status/a" --set training.epochs=3 --set run.ensemble=2
"$metazoa" train conf/addition.yaml --quiet --output "$dir/status/b" --max-hours 1e-6 2> /dev/null
"$metazoa" train conf/addition.yaml --quiet --output "$dir/status/b" --max-hours 1e-6 --resume 2> /dev/null
"$metazoa" status "$dir/status/a" "$dir/status/b" > "$dir/out" || fail "status: exit code $?"
grep -q 'seed-1  finished  epoch 3 of 3, lately .* each  1 start$' "$dir/out" &&
    grep -q 'b  stopped (the time limit is near)  epoch 0 of 60  2 starts, .* lost$' "$dir/out" || fail "status: $(cat "$dir/out")"
"$metazoa" status --json "$dir/status/a" > "$dir/out"
[ "$(json "$dir/out" 'len(o), o[1]["state"], o[1]["epoch"], o[1]["left_seconds"]')" = "(2, 'finished', 3.0, None)" ] || fail "status --json: $(cat "$dir/out")"
"$metazoa" train conf/addition.yaml --quiet --output "$dir/status/c" --set training.epochs=1000000 &
other=$!
n=0
while [ "$n" -lt 100 ] && ! "$metazoa" status "$dir/status/c" 2> "$dir/err" | grep -q 'running .* to go, 2'; do sleep 0.1; n=$((n + 1)); done
[ "$n" -lt 100 ] || fail "status of a running run: $("$metazoa" status "$dir/status/c" 2>&1)"
kill -TERM $other
wait $other
head -n 1 "$dir/status/b/metrics.csv" > "$dir/names" && cp "$dir/names" "$dir/status/b/metrics.csv"
for command in info status; do # of a run whose first row is still to be written
    "$metazoa" $command "$dir/status/b" > "$dir/out" 2>&1
    grep -q '0 of 60' "$dir/out" && ! grep -q nan "$dir/out" || fail "$command without a row: $(cat "$dir/out")"
done
"$metazoa" status "$dir/status" > "$dir/out" 2>&1
[ $? -eq 3 ] && grep -q 'holds no run' "$dir/out" || fail "status of a folder without a run: $(cat "$dir/out")"

# The job to ask for: as many ranks on each node.
ranks=$((2 * $(getconf _NPROCESSORS_ONLN)))
"$metazoa" check conf/addition.yaml --ranks $ranks > "$dir/out"
grep -Eq "^job +sbatch --ntasks=$ranks --nodes=2 --ntasks-per-node=$((ranks / 2)) --mem-per-cpu=[0-9]+M jobs/train.sbatch conf/addition.yaml\$" "$dir/out" ||
    fail "check gives no job: $(cat "$dir/out")"
# Nodes that are not like this machine: the user says how many ranks go on each.
"$metazoa" check conf/addition.yaml --ranks 12 --node-ranks 4 > "$dir/out" || fail "--node-ranks"
grep -q '^node  *4 ranks on one: .* needed$' "$dir/out" && grep -q -- '--ntasks=12 --nodes=3 --ntasks-per-node=4 ' "$dir/out" ||
    fail "--node-ranks: $(cat "$dir/out")"

exit $failed
