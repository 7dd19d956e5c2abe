#!/bin/sh
# What only two objects together tell: a dataset and the scales of its axes, a probe's two files.
. tests/lib_train.sh
make_configurations

options="--quiet --set run.seed=5 --set archive.moments=true"
expect 0 "$metazoa" train "$dir/sums.yaml" $options --output "$dir/of-5"
expect 0 "$metazoa" pca "$dir/of-5"
expect 0 "$metazoa" probe goal "$dir/of-5"
expect 0 "$metazoa" archive merge "$dir/of-5" --output "$dir/of-5/merged.h5"
expect 0 "$metazoa" verify "$dir/of-5"

# Both files of a probe are there, have its name, and are of one state.
lost_half()
{
    expect 3 "$metazoa" verify "$dir/half"
    tells "$1"
    rm -rf "$dir/half"
    cp -r "$dir/of-5" "$dir/half"
}
rm -rf "$dir/half"
cp -r "$dir/of-5" "$dir/half"
rm "$dir/half/probe-goal.h5"
lost_half 'probe-goal.h5 is missing beside probe-goal.json: metazoa probe goal makes both anew'
rm "$dir/half/probe-goal.json"
lost_half 'probe-goal.h5 has lost probe-goal.json: metazoa probe goal makes both anew'
mv "$dir/half/probe-goal.h5" "$dir/half/probe-settle.h5"
rm "$dir/half/probe-goal.json"
lost_half 'probe-settle.h5 was renamed: it holds the probe goal'
expect 0 "$metazoa" probe goal "$dir/half" --epoch 2
cp "$dir/of-5/probe-goal.json" "$dir/half/"
lost_half 'probe-goal.h5 does not belong to probe-goal.json'
cp "$dir/half/probe-goal.h5" "$dir/half/probe-goal-first.h5"
expect 0 "$metazoa" verify "$dir/half"
rm -rf "$dir/half"

# Which scale an axis leads to has no checksum of HDF5's: it must be one whose own list leads back, in files of every kind.
# mislead FILE flip|swap: in its first list of references
mislead()
{
    "$PYTHON" - "$1" "$2" << 'END' || fail "$1 has no references to change"
import sys
with open(sys.argv[1], "r+b") as file:
    data = file.read()
    at = data.index(b"GCOL") + 16
    place = {}  # of the references in the heap: index, count, size, then the reference
    while int.from_bytes(data[at : at + 2], "little"):
        size = int.from_bytes(data[at + 8 : at + 16], "little")
        place[data[at + 16 : at + 16 + size]] = at + 16
        at += 16 + (size + 7) // 8 * 8
    one, other = list(place)[:2]
    file.seek(place[one])
    file.write(bytes([one[0], one[1] ^ 64, *one[2:]]) if sys.argv[2] == "flip" else other)
END
}
for name in probe-goal.h5 pca-organism.h5 merged.h5; do
    for change in flip swap; do
        cp "$dir/of-5/$name" "$dir/axes.h5"
        mislead "$dir/axes.h5" $change
        expect 3 "$metazoa" verify "$dir/axes.h5"
        tells 'its axes do not lead to their scales'
    done
done
# A resume and whoever else reads such a file says the same of it.
for name in checkpoint-3.h5 archive/segment-000000.h5; do
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    mislead "$dir/mixed/$name" swap
    expect 3 "$metazoa" verify "$dir/mixed"
    tells "$name: DAMAGED: "
    expect 0 "$metazoa" train "$dir/sums.yaml" $options --output "$dir/mixed" --resume
    says "$name"
    says 'its axes do not lead to their scales'
done
expect 3 "$metazoa" archive merge "$dir/mixed" --output "$dir/merged.h5"
says 'its axes do not lead to their scales'
# Probes and components of the same states with another tolerance: of a run that differs in it alone. Where --set asked for it,
# or for other data, they are this run's.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set measure.epsilon=0.5 --output "$dir/loose"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/strict"
for run in loose strict; do
    expect 0 "$metazoa" probe dropout "$dir/$run"
    expect 0 "$metazoa" pca "$dir/$run" --scope type
    expect 0 "$metazoa" verify "$dir/$run"
done
for names in 'probe-dropout.h5 probe-dropout.json' probe-dropout.h5 probe-dropout.json pca-type.h5; do
    rm -rf "$dir/mixed"
    cp -r "$dir/strict" "$dir/mixed"
    for name in $names; do cp "$dir/loose/$name" "$dir/mixed"; done
    expect 3 "$metazoa" verify "$dir/mixed"
    grep 'DAMAGED: ' "$dir/out" | grep epsilon | grep -q "${names%% *}" || fail "$names of another tolerance: $(cat "$dir/out")"
    "$PYTHON" -c 'import sys
sys.path[:0] = ["analysis"]
import metazoa
metazoa.Run(sys.argv[1]).probe_summary("dropout")' "$dir/mixed" > "$dir/out" 2> "$dir/err" && [ "$names" != pca-type.h5 ] &&
        fail "the analysis takes $names of another tolerance"
done
expect 0 "$metazoa" probe dropout "$dir/strict" --set measure.epsilon=0.5
expect 0 "$metazoa" verify "$dir/strict"
grep -q 'other data' "$dir/out" && fail "a probe with --set is one of other data: $(cat "$dir/out")"
expect 0 "$metazoa" probe dropout "$dir/strict" --set task.samples=150 --accept-other-data
expect 0 "$metazoa" verify "$dir/strict"
tells 'probe-dropout.h5 is of other data'
"$PYTHON" -c 'import sys
sys.path[:0] = ["analysis"]
import metazoa
run = metazoa.Run(sys.argv[1])
run.probe_summary("dropout")
assert "other data" in run.probe_remark("dropout")' "$dir/strict" || fail "the analysis refuses a probe on other data"

# Ensembles: each folder holds its seed, and none is lost.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.ensemble=3 --set training.epochs=1 --output "$dir/three"
expect 0 "$metazoa" verify "$dir/three"
mv "$dir/three/seed-6" "$dir/lost"
expect 3 "$metazoa" verify "$dir/three"
tells 'seed-6 is not there, 1 of 3 runs'
cp -r "$dir/three/seed-5" "$dir/three/seed-6"
expect 3 "$metazoa" verify "$dir/three"
tells 'seed-6: DAMAGED: its files are of the run with seed 5'
expect 3 "$metazoa" info "$dir/three"
tells '3 runs, no medians'
says 'run.seed'
# And all are of one experiment: no median mixes learning rates or tolerances.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=6 --set training.epochs=1 --set measure.epsilon=0.5 --output "$dir/sixth"
rm -r "$dir/three/seed-6"
cp -r "$dir/sixth" "$dir/three/seed-6"
expect 3 "$metazoa" verify "$dir/three"
tells 'seed-6/config.yaml has not the configuration of seed-5 with run.seed=6; these differ: measure.epsilon'
tells 'three: an ensemble of 3 runs: DAMAGED'
expect 3 "$metazoa" info --json "$dir/three"
says 'these differ: measure.epsilon'
"$PYTHON" -c 'import json, sys
assert json.load(open(sys.argv[1]))[0]["score"] is None' "$dir/out" || fail "a score over two tolerances: $(cat "$dir/out")"
expect 3 on 2 "$metazoa" probe goal "$dir/three"
says 'these differ: measure.epsilon'
[ ! -s "$dir/out" ] || fail "medians over two tolerances: $(cat "$dir/out")"
rm -r "$dir/three/seed-6"
cp -r "$dir/lost" "$dir/three/seed-6"
sed -i 's/"digest": "[0-9a-f]*/&0/' "$dir/three/seed-6/run.json"
expect 3 "$metazoa" info "$dir/three"
says 'seed-6 was trained on other data than seed-5'
cp "$dir/lost/run.json" "$dir/three/seed-6"
expect 0 "$metazoa" verify "$dir/three"
expect 0 "$metazoa" info "$dir/three"
tells '3 runs, medians'

exit $failed
