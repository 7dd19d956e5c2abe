#!/bin/sh
# Interaction of particles in whole runs: the same bytes at every rank count and grid and across stops, counted alike in all
# files, and nothing of it in a run without.
. tests/lib_train.sh
make_images
make_configurations
both="--set interaction.attack=0.02 --set interaction.melt=0.03 --set interaction.learn=0.05 --set interaction.severity=2
    --set training.on_divergence=reset"

# counts RUN: the counts of metrics.csv, which `same` leaves out.
counts()
{
    cut -d, -f1,12-14 "$1/metrics.csv"
}

# Every rank count and grid.
for task in images sums; do
    expect 0 "$metazoa" train "$dir/$task.yaml" --quiet --output "$dir/$task-1" $both
    counts "$dir/$task-1" > "$dir/counts"
    grids="2:1,2,1"
    [ $task = images ] && grids="2:2,1,1 2:1,1,2 3:auto 5:auto"
    for grid in $grids; do
        ranks=${grid%%:*} sizes=${grid#*:}
        [ "$sizes" = auto ] || sizes="[$sizes]"
        expect 0 mpirun -n "$ranks" "$metazoa" train "$dir/$task.yaml" --quiet --output "$dir/other" $both \
            --set "parallel.grid=$sizes"
        same "$dir/$task-1" "$dir/other"
        counts "$dir/other" | cmp -s - "$dir/counts" || fail "$task: other counts on grid $grid"
        rm -rf "$dir/other"
    done
done

# Stopped after every batch, each time at another rank count: a stop file, seen after the first batch of a start.
n=0 code=75
mkdir "$dir/stopped"
while [ $code -eq 75 ] && [ $n -lt 60 ]; do
    n=$((n + 1))
    touch "$dir/stopped/stop"
    mpirun -n $((n % 2 + 1)) "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/stopped" $both \
        > "$dir/out" 2> "$dir/err"
    code=$?
done
[ $code -eq 0 ] && [ $n -gt 8 ] || { fail "stops: exit code $code after $n starts"; cat "$dir/err"; }
rm -f "$dir/stopped/stop"
same "$dir/sums-1" "$dir/stopped"
counts "$dir/stopped" | cmp -s - "$dir/counts" || fail "other counts after stops"

# Files agree with each other. "images" has 4 batches an epoch, and settles in its fifth: then nothing happens.
expect 0 "$metazoa" archive merge "$dir/images-1" --output "$dir/merged.h5"
expect 0 "$metazoa" verify "$dir/images-1"
expect 0 "$metazoa" verify "$dir/merged.h5"
"$PYTHON" - "$dir" <<'END' || fail "counts"
import csv, json, sys
import h5py
dir = sys.argv[1]
run = f"{dir}/images-1"
rows = list(csv.DictReader(open(f"{run}/metrics.csv")))
assert list(rows[0])[10:] == ["fingerprint", "attacks", "melts", "lessons", "seconds"], list(rows[0])
seen = json.load(open(f"{run}/summary.json"))["interactions"]
# 16 edges: an odd sum leaves nobody alone, an even one two; 9 and 7 edges: always one.
meetings = 4 * 4 * (9 * 7.5 + 7 * 4 + 3 * 3)
for name, p in (("attacks", 0.02), ("melts", 0.03), ("lessons", 0.05)):
    values = [int(row[name]) for row in rows]
    assert values[0] == 0 and values[5] == 0 and min(values[1:5]) > 0, values
    assert seen[name] == sum(values), (name, seen, values)
    assert abs(seen[name] - p * meetings) < 5 * (p * meetings) ** 0.5, (name, seen, meetings)
    for file in (f"{run}/archive.h5", f"{dir}/merged.h5", f"{run}/checkpoint-5.h5"):
        assert list(h5py.File(file)[f"metrics/{name}"][:]) == values, file
END

# Without: the bits of a run that knows nothing of it, and no trace in its results.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/plain"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/zero" --set interaction.attack=0 --set interaction.melt=0.0
same "$dir/plain" "$dir/zero"
grep -q 'attacks\|melts\|lessons' "$dir/plain/metrics.csv" "$dir/plain/summary.json" && fail "interactions are named in a run without"
[ "$(sed -n 3p "$dir/plain/metrics.csv" | cut -d, -f11)" = "$(sed -n 3p "$dir/sums-1/metrics.csv" | cut -d, -f11)" ] &&
    fail "interactions change nothing"
"$PYTHON" - "$dir/plain" <<'END' || fail "files of a run without"
import sys
import h5py
for name in ("archive.h5", "checkpoint-3.h5"):
    with h5py.File(f"{sys.argv[1]}/{name}") as file:
        assert "attacks" not in file["metrics"] and "interactions" not in file.attrs, name
END

# What check predicts for the archive grows as the archive does.
for run in plain sums-1; do
    options=
    [ $run = sums-1 ] && options=$both
    "$metazoa" check "$dir/sums.yaml" $options | sed -n 's/^archive *about \([0-9.]*\) KiB.*/\1/p'
    cat "$dir/$run/archive"/* "$dir/$run/archive.h5" | wc -c
done | tr '\n' ' ' > "$dir/sizes"
awk 'function near(said, real) { return (said * 1024 - real) ^ 2 < (real / 20) ^ 2 }
     { exit !(NF == 4 && $3 > $1 && $4 > $2 && near($1, $2) && near($3, $4)) }' "$dir/sizes" ||
    fail "archive predicted and written, without and with interactions: $(cat "$dir/sizes")"

# All attack, always: particles diverge. They are named, or drawn anew, the same at every rank count.
for ranks in 1 3; do
    expect 1 mpirun -n $ranks "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/wild-$ranks" \
        --set interaction.attack=1 --set training.epochs=40
    grep '^metazoa: particle' "$dir/err" > "$dir/named-$ranks"
    expect 0 mpirun -n $ranks "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/reset-$ranks" \
        --set interaction.attack=1 --set training.on_divergence=reset
done
[ -s "$dir/named-1" ] || fail "no particle is named"
cmp "$dir/named-1" "$dir/named-3" || fail "another particle at 3 ranks"
same "$dir/reset-1" "$dir/reset-3"

# What cannot be, and what a resume must not change.
expect 2 "$metazoa" check "$dir/sums.yaml" --set interaction.attack=0.6 --set interaction.melt=0.5
says 'interaction.melt = 0.5: one thing at most happens in a meeting'
expect 2 "$metazoa" check "$dir/sums.yaml" --set interaction.attack=-0.1
says 'interaction.attack = -0.1: must be a number from 0 to 1'
expect 2 "$metazoa" check "$dir/sums.yaml" --set interaction.melts=0.1
says "unknown key 'interaction.melts'; did you mean 'interaction.melt'?"
expect 2 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --output "$dir/bad" --set interaction.melt=0.1 --set organism.edges=scalar
says 'interaction.melt = 0.1: particles interact, numbers do not'
[ -e "$dir/bad" ] && fail "a mistake left a folder behind"
expect 2 "$metazoa" train "$dir/sums.yaml" --resume --output "$dir/sums-1" --set interaction.attack=0.5
says interaction.attack

exit $failed
