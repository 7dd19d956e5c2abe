#!/bin/sh
# The numbers that info, status and train show are what they are called: which epoch they are of, of which particles they are
# a share, and that what is no number is not passed over. Finished is only what has done all its epochs.
. tests/lib_train.sh
cat > "$dir/sums.yaml" <<'END'
run: {name: sums}
task: {kind: addition, samples: 40, test_samples: 20}
organism: {hidden: [3]}
training: {epochs: 6, batch: 20, self_train_steps: 2}
END
trains() # NAME [OPTION]...
{
    name=$1
    shift
    expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/$name" "$@"
}
informs() { expect 0 "$metazoa" info "$dir/$1"; }

# A run that diverged: its last error is no number, not the one that it had before training.
trains diverged --set training.learning_rate=50 --set training.on_divergence=ignore
tail -n 1 "$dir/diverged/metrics.csv" | cut -d, -f5 | grep -qx nan || fail "it did not diverge: $(cat "$dir/diverged/metrics.csv")"
informs diverged
tells "error        nan on test data"
expect 0 "$metazoa" info --json "$dir/diverged"
tells '"score": null'
expect 0 "$metazoa" info "$dir/diverged" "$dir/diverged"
grep -q '^finished  *6/6  *nan ' "$dir/out" || fail "info: $(cat "$dir/out")"
mkdir "$dir/three" # in a median it is the worst
for seed in 1 2 3; do trains "three/seed-$seed" --set run.seed=$seed; done
cp "$dir/diverged/metrics.csv" "$dir/three/seed-1/"
cp "$dir/diverged/metrics.csv" "$dir/three/seed-2/"
expect 0 "$metazoa" info "$dir/three"
grep -q ' inf .* 3 runs, medians ' "$dir/out" || fail "the median of an error and two that are no numbers: $(cat "$dir/out")"

# What was measured before the last epoch says when.
trains settled --set training.settle=project --set measure.validate_every=4 --set measure.census_every=4
informs settled
grep -q '^error .* on test data, .* on training data at epoch 6;' "$dir/out" || fail "info of a settled run: $(cat "$dir/out")"
cp -r "$dir/settled" "$dir/older"
sed -i '$d' "$dir/older/metrics.csv"
sed -i '$d' "$dir/older/metrics.csv" # now it ends at epoch 5, with a census of epoch 4
# Whoever puts an older metrics.csv back is told that it is behind its checkpoint; an ensemble has no medians then.
mkdir "$dir/two"
cp -r "$dir/older" "$dir/two/seed-1"
cp -r "$dir/three/seed-2" "$dir/two/seed-2"
cp "$dir/three/seed-3/metrics.csv" "$dir/two/seed-2/"
for command in 'info' 'info --json' 'status' 'status --json'; do
    for run in older two; do
        expect 3 "$metazoa" $command "$dir/$run"
        says 'metrics.csv ends at epoch 5, checkpoint-7.h5 is newer: metazoa verify says more'
    done
done
expect 3 "$metazoa" info "$dir/two"
tells '2 runs, no medians'
rm "$dir/older"/checkpoint-[67].h5 # nothing says that the run went on
informs older
tr -s ' \n' ' ' < "$dir/out" | grep -q ' particles [^;]* at epoch 4 layer 0' || fail "info of an older census: $(cat "$dir/out")"

# Shares are of the particles that live, distances too.
trains pruned --set pruning.schedule=oneshot --set pruning.share=0.5 --set pruning.begin=3 --set training.settle=project
informs pruned
grep -qE '^layer 0 +6 particles, [0-9] of them pruned, 100.0 % self-replicators' "$dir/out" || fail "info of a pruned run: $(cat "$dir/out")"
expect 0 "$metazoa" info --json "$dir/pruned"
PYTHONPATH=analysis "$PYTHON" - "$dir/pruned" "$dir/out" <<'END' || fail "info of a pruned run: $(cat "$dir/out")"
import json, sys
import metazoa
run, said = metazoa.open(sys.argv[1]), json.load(open(sys.argv[2]))[0]
living = run.particles[run.particles["type"] != "pruned"]
assert said["self_replicators"] == 1 == run.replicators, (said["self_replicators"], run.replicators)
for layer in said["layers"]:
    here = living[living["layer"] == layer["layer"]]
    assert abs(layer["distance_mean"] - here["distance"].mean()) < 1e-5, (layer, here)
END
trains pruned2 --set pruning.schedule=oneshot --set pruning.share=0.5 --set pruning.begin=3 --set training.settle=project
tells 'self-replicators 100.0 %'

# After a resume the time is that of all epochs that are told with it.
trains long --set training.epochs=3
cp -R "$dir/long" "$dir/lost"
cp -R "$dir/long" "$dir/behind"
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/long" --resume
grep -q '^finished .*: 6 epochs in .* with the earlier starts (start-up ' "$dir/out" || fail "the last line of a resumed run: $(cat "$dir/out")"

# An archive that ends before the run, or begins after it: what is said of it says so, in the results as well.
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/lost" --resume --set training.epochs=4
rm -r "$dir/lost/archive" "$dir/lost/archive.h5"
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/lost" --resume
informs lost
tr -s ' \n' ' ' < "$dir/out" | grep -q '; moved by [0-9.e-]* in the mean since epoch 5, farthest .* archive 2 records, epochs 5 to 6 ' ||
    fail "info of an archive that begins late: $(cat "$dir/out")"
mv "$dir/behind/archive" "$dir/behind/archive.h5" "$dir"
cp -R "$dir/long/." "$dir/behind"
rm -r "$dir/behind/archive" "$dir/behind/archive.h5"
mv "$dir/archive" "$dir/archive.h5" "$dir/behind"
informs behind
tr -s ' \n' ' ' < "$dir/out" | grep -q 'layer 0 6 particles, [0-9.]* % self-replicators at epoch 3; .* archive 4 records, epochs 0 to 3 ' ||
    fail "info of an archive that ends early: $(cat "$dir/out")"

# A finished run that was given more epochs and was killed at once is not finished. A record without a census says nothing of types.
trains slow --set training.epochs=1 --set training.self_train_steps=300000
goes_on() # WHAT FILE: starts the run again, until the file has this text
{
    "$metazoa" train "$dir/slow/config.yaml" --output "$dir/slow" --resume --set training.epochs=100 --set measure.census_every=1000 > "$dir/log" 2>&1 &
    other=$!
    for _ in $(seq 600); do
        grep -q "$1" "$dir/slow/$2" && return
        sleep 0.05
    done
    fail "no $1 in $2: $(cat "$dir/log")"
}
goes_on '"epochs": 100' run.json
kill -KILL $other
wait $other 2> /dev/null
expect 0 "$metazoa" status "$dir/slow"
grep -q ' not running  epoch [0-9]* of 100' "$dir/out" || fail "status of a killed run: $(cat "$dir/out")"
[ "$(PYTHONPATH=analysis "$PYTHON" -c 'import metazoa, sys; print(metazoa.open(sys.argv[1]).state)' "$dir/slow")" = stopped ] || fail "Python calls a killed run finished"
goes_on '^3,' metrics.csv
kill -TERM $other
wait $other
[ $? -eq 75 ] || fail "SIGTERM: $(cat "$dir/log")"
informs slow
grep -q '^layer 0 *6 particles; moved by ' "$dir/out" || fail "info of a record without a census: $(cat "$dir/out")"
expect 0 "$metazoa" info --json "$dir/slow"
tells '"layer": 0, "particles": 6, "census": null, '

# An early stop: all epochs are those that it had, in the last line, in the bar and in info.
"$PYTHON" - "$dir/noise.h5" <<'END'
import h5py, numpy, sys
random = numpy.random.default_rng(1)
with h5py.File(sys.argv[1], "w") as file:
    for part in "", "test/":
        file[part + "x"], file[part + "y"] = random.normal(size=(60, 4)).astype("f4"), numpy.arange(60) % 3
END
cat > "$dir/early.yaml" <<END
run: {name: early}
task: {kind: hdf5, path: $dir/noise.h5, validation: 0.3}
organism: {hidden: [3]}
training: {epochs: 500, batch: 20, self_train_steps: 2, patience: 2, learning_rate: 0.05}
END
expect 0 "$metazoa" train "$dir/early.yaml" --output "$dir/early"
grep -q '^stops early' "$dir/out" || fail "it did not stop early: $(cat "$dir/out")"
last=$(tail -n 1 "$dir/early/metrics.csv" | cut -d, -f1)
tells "epoch $last/$last  task loss"
informs early
tells "epochs       $last of $last"
rm -r "$dir/early"
expect 0 "$metazoa" train "$dir/early.yaml" --output "$dir/early" --progress bar --set measure.validate_every=2
tr '\r' '\n' < "$dir/out" | grep -q '^\[#*\] 100 % ' || fail "the bar does not end at 100 %: $(tr '\r' '\n' < "$dir/out")"

exit $failed
