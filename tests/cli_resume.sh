#!/bin/sh
# Stop and resume: a run that was stopped after every single batch and went on at another rank count each time has the same
# bytes as one that was never disturbed. Conflicts, finished runs, damaged checkpoints, locked folders.
. tests/lib_train.sh
make_images
make_configurations

# A stop file stops a run after its first batch. $1: configuration; $2: options.
stop_often()
{
    run=$dir/stopped n=0 code=75
    rm -rf "$run"
    mkdir "$run"
    while [ $code -eq 75 ] && [ $n -lt 60 ]; do
        n=$((n + 1))
        touch "$run/stop"
        mpirun -n $((n % 4 + 1)) "$metazoa" train "$1" --quiet --resume --output "$run" $2 > "$dir/out" 2> "$dir/err"
        code=$?
    done
    [ $code -eq 0 ] || { fail "$1 $2: exit code $code after $n starts"; cat "$dir/err"; }
    [ $n -gt 10 ] || fail "$1: only $n starts, nothing was disturbed"
    [ -e "$run/stop" ] && rm "$run/stop"
}

sed 's/epochs: 4,/phases: [{self: 1}, {task: 1}], momentum_buffers: reset, self_train_weights: replication,/' "$dir/images.yaml" > "$dir/phases.yaml"
{
    sed 's/epochs: 4,/epochs: 3,/' "$dir/images.yaml"
    echo 'pruning: {schedule: iterative, score: activity, share: 0.6, begin: 1, rounds: 2, every: 1, rewind: init, regrow: 0.3}'
} > "$dir/prune.yaml"
adam='optimizer: adamw, weight_decay: 0.1, schedule: cosine, warmup: 0.5, patience: 1'
adam="$adam, self_train_optimizer: adam, self_train_learning_rate: 0.001, self_train_schedule: step, self_train_schedule_every: 1"
sed -e "s/learning_rate: [0-9.]*/learning_rate: 0.002/" -e "s/epochs: 4,/epochs: 2, $adam,/" -e 's/^task: {/task: {validation: 0.2, /' "$dir/images.yaml" > "$dir/adam.yaml"
for name in phases prune adam; do
    rm -rf "$dir/images-1"
    expect 0 mpirun -n 2 "$metazoa" train "$dir/$name.yaml" --quiet --output "$dir/images-1"
    stop_often "$dir/$name.yaml" ""
    same "$dir/images-1" "$dir/stopped"
done
expect 0 "$metazoa" verify "$dir/stopped"
for field in squares_task squares_self age_task age_self; do
    cp "$dir/stopped/$(ls "$dir/stopped" | grep '^checkpoint-' | tail -n 1)" "$dir/broken.h5"
    "$PYTHON" - "$dir/broken.h5" $field <<END || fail "a value of $field cannot be changed"
import sys, h5py
with h5py.File(sys.argv[1], "r+") as file:
    data = file["/layers/0/" + sys.argv[2]]
    assert data.attrs["description"] and data.dims[2][0].size == data.shape[2]
    data[0, 0, 0] += 1
END
    expect 3 "$metazoa" verify "$dir/broken.h5"
done
set -- "$dir/sums.yaml" --quiet --output "$dir/cosine" --set training.schedule=cosine
expect 0 "$metazoa" train "$@"
expect 2 "$metazoa" train "$@" --resume --set training.epochs=4
grep -q 'training.epochs = 3 must stay' "$dir/err" || fail "a cosine goes on with other epochs: $(cat "$dir/err")"
rm -rf "$dir/images-1"
expect 0 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/images-1"

# A run that diverges and draws particles anew.
options="--set training.learning_rate=30 --set training.on_divergence=reset"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/reset" $options
stop_often "$dir/sums.yaml" "$options"
same "$dir/reset" "$dir/stopped"

# Checkpoints by time, inside epochs, leave no trace in the result.
expect 0 mpirun -n 2 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/minutes" --set checkpoint.minutes=1e-6
cut -d, -f11 "$dir/images-1/metrics.csv" > "$dir/fingerprints1"
cut -d, -f11 "$dir/minutes/metrics.csv" | cmp - "$dir/fingerprints1" || fail "checkpoints by time change the result"

# A finished run says so and stays as it is.
contents "$dir/images-1" > "$dir/before"
expect 0 mpirun -n 3 "$metazoa" train "$dir/images.yaml" --resume --output "$dir/images-1"
grep -q 'finished already' "$dir/out" || fail "a finished run does not say so: $(cat "$dir/out")"
contents "$dir/images-1" | cmp - "$dir/before" || fail "a finished run was changed"

# Killed after its last checkpoint, before older ones were removed: the next start removes them.
set -- --quiet --output "$dir/kept" --set checkpoint.every=1
expect 0 mpirun -n 2 "$metazoa" train "$dir/images.yaml" "$@" --set checkpoint.keep=100
[ "$(ls "$dir/kept" | grep -c '^checkpoint-')" -gt 3 ] || fail "there are no checkpoints to remove"
expect 0 mpirun -n 3 "$metazoa" train "$dir/images.yaml" --resume "$@" --set checkpoint.keep=2
[ "$(ls "$dir/kept" | grep '^checkpoint-' | tr '\n' ' ')" = "checkpoint-4.h5 checkpoint-5.h5 " ] || fail "older checkpoints stay: $(ls "$dir/kept")"

# --resume in an empty folder begins; more epochs may be asked for later, with the bits of a run that had them at once.
expect 0 "$metazoa" train "$dir/sums.yaml" --resume --output "$dir/longer"
tells "no checkpoint is in $dir/longer: the run begins"
cp "$dir/longer/summary.json" "$dir/summary.json"
expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/longer" --set training.epochs=6 \
    --set 'parallel.grid=[1, 2, 1]'
cp "$dir/summary.json" "$dir/longer/" # as if the job had been killed after its last checkpoint
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/longer" --set training.epochs=6
grep -q '"epochs": 6,' "$dir/longer/summary.json" || fail "summary.json stays that of an earlier end: $(cat "$dir/longer/summary.json")"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/long" --set training.epochs=6
cut -d, -f11 "$dir/long/metrics.csv" > "$dir/fingerprints1"
cut -d, -f11 "$dir/longer/metrics.csv" | cmp - "$dir/fingerprints1" || fail "more epochs later are not the same"

# Conflicts are named, all of them; a schedule that has begun cannot be shortened.
expect 2 mpirun -n 2 "$metazoa" train "$dir/images.yaml" --resume --output "$dir/images-1" --set training.learning_rate=0.5 \
    --set parallel.block=8
says training.learning_rate
says parallel.block
expect 2 "$metazoa" train "$dir/sums.yaml" --resume --output "$dir/longer" --set training.epochs=4
says training.epochs
expect 2 "$metazoa" train "$dir/images.yaml" --resume --output "$dir/images-1" --set training.settle_steps=100
says training.settle_steps
contents "$dir/images-1" | cmp - "$dir/before" || fail "a conflict changed the run"

# A run's data are part of it: the same ones have one digest at every rank count and grid; others are refused, and accepted on purpose.
"$PYTHON" - "$dir" <<'END'
import os, sys
import h5py, numpy as np
os.chdir(sys.argv[1])
r = np.random.default_rng(4)
x, y = r.normal(size=(90, 70)).astype("f4"), r.integers(0, 3, 90)
def put(name, x=x, y=y, test=0):
    with h5py.File(f"data-{name}.h5", "w") as f: f["x"], f["y"], f["test/x"], f["test/y"] = x, y, x[:20] + np.float32(test), y[:20]
z = x.copy(); z[89, 69] += 1
put("same"), put("last", z), put("scale", x * 2), put("order", x[::-1], y[::-1]), put("labels", y=(y + 1) % 3), put("test", test=1)
put("fewer", x[:80], y[:80]), put("classes", y=y % 2), put("inputs", x[:, :60])
END
cat > "$dir/data.yaml" <<'END'
task: {kind: hdf5, size: original}
organism: {hidden: [3]}
training: {epochs: 2, batch: 50, self_train_steps: 2}
parallel: {block: 16}
checkpoint: {every: 1}
END
digest() { "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["data"]["digest"])' "$1/run.json"; }
data_run() { data=$1; shift; "$metazoa" train "$dir/data.yaml" --quiet --set task.path="$dir/data-$data.h5" "$@"; }
expect 0 data_run same --output "$dir/data"
for grid in '[3, 1, 1]' '[1, 3, 1]' '[1, 1, 3]'; do
    for share in always never; do
        rm -rf "$dir/grid"
        expect 0 mpirun -n 3 "$metazoa" train "$dir/data.yaml" --quiet --set task.path="$dir/data-same.h5" --output "$dir/grid" \
            --set parallel.grid="$grid" --set parallel.share_data=$share
        [ "$(digest "$dir/grid")" = "$(digest "$dir/data")" ] || fail "$grid, $share: another digest of the same data"
    done
done
for case in "last:training samples" "scale:training samples" "order:training samples, training labels" "labels:training labels" \
    "test:test samples" "fewer:number of training samples" "classes:number of classes" "inputs:number of inputs"; do
    expect 2 data_run "${case%%:*}" --output "$dir/data" --resume --set training.epochs=3
    says "these differ: ${case#*:}"
done
expect 2 "$metazoa" probe goal "$dir/data" --set task.path="$dir/data-test.h5"
says 'these differ: test samples'
expect 0 "$metazoa" probe goal "$dir/data" --set task.path="$dir/data-test.h5" --accept-other-data

# --set of a probe: nothing that would make another organism or other inputs of what the checkpoint holds.
for set in organism.activation=linear organism.hidden=[2] particle.width=2 run.seed=9 training.optimizer=adam task.noise=1; do
    expect 2 "$metazoa" probe goal "$dir/data" --set $set
    says "--set changes what the run was trained with: ${set%%=*}"
done
expect 2 "$metazoa" compile "$dir/data" --output "$dir/data-compiled" --set organism.activation=linear
expect 0 "$metazoa" probe goal "$dir/data" --set measure.epsilon=0.1 --set training.learning_rate=0.1
expect 2 data_run labels --output "$dir/data" --resume --accept-other-data # all is done: run.json would name data of no epoch
says 'no epoch would be trained on other data'
expect 0 data_run labels --output "$dir/data" --resume --set training.epochs=3 --accept-other-data
expect 0 data_run labels --output "$dir/data" --resume --set training.epochs=4
expect 2 data_run same --output "$dir/data" --resume --set training.epochs=5

# A damaged newest checkpoint: named, and the one before it is used.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/damaged"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/sound"
ls "$dir/damaged"/checkpoint-*.h5 > "$dir/list"
[ "$(wc -l < "$dir/list")" -ge 2 ] || fail "fewer than two checkpoints: $(cat "$dir/list")"
"$PYTHON" - "$dir/damaged/checkpoint-3.h5" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
for at in range(len(data) // 4, len(data) // 4 * 3, 97): data[at] ^= 16
open(sys.argv[1], "wb").write(data)
END
expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/damaged"
says checkpoint-3.h5
same "$dir/sound" "$dir/damaged"

# No checkpoint at all: a start that was killed early begins anew, but nothing is lost by it, neither an archive nor --init.
rm "$dir/damaged"/checkpoint-*.h5
contents "$dir/damaged" > "$dir/before"
expect 3 "$metazoa" verify "$dir/damaged"
tells 'summary.json says that the run finished at epoch 3, of which there is no sound checkpoint'
tells 'recoverable: no training (no sound checkpoint); '
expect 3 on 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/damaged" --set training.learning_rate=0.5
says 'its checkpoints are gone'
contents "$dir/damaged" | cmp - "$dir/before" || fail "a refused resume changed the run"
set -- "$dir/sums.yaml" --quiet --output "$dir/warm" --set training.epochs=1
expect 0 "$metazoa" train "$@" --init "$dir/sound/checkpoint-3.h5"
tail -n 1 "$dir/warm/metrics.csv" > "$dir/before"
rm -r "$dir/warm"/checkpoint-* "$dir/warm"/archive* "$dir/warm/summary.json"
expect 2 on 2 "$metazoa" train "$@" --resume
says 'its start with --init left no checkpoint'
expect 0 "$metazoa" train "$@" --resume --init="$dir/sound/checkpoint-3.h5"
cut -d, -f1-11 "$dir/before" > "$dir/before1"
tail -n 1 "$dir/warm/metrics.csv" | cut -d, -f1-11 | cmp - "$dir/before1" || fail "begun anew it is another run"

# The last checkpoint of a finished run is lost: what takes the newest says that the run went further.
set -- "$dir/sums.yaml" --quiet --set archive.moments=true --output "$dir/mixed"
expect 0 "$metazoa" train "$@"
cp "$dir/mixed/checkpoint-3.h5" "$dir/last.h5"
for command in 'probe goal' compile 'pca --moments'; do
    # shellcheck disable=SC2086 # two words
    expect 0 "$metazoa" $command "$dir/mixed"
    grep -q 'goes on after' "$dir/err" && fail "$command of a whole run: $(cat "$dir/err")"
    rm -rf "$dir/mixed-compiled"
done
rm "$dir/mixed/checkpoint-3.h5"
expect 3 "$metazoa" verify "$dir/mixed"
tells 'summary.json says that the run finished at epoch 3, of which there is no sound checkpoint (train --resume computes it again)'
for command in 'probe goal' compile 'pca --moments'; do
    # shellcheck disable=SC2086 # two words
    expect 0 "$metazoa" $command "$dir/mixed"
    says 'the newest sound checkpoint, which is taken, is of epoch 2; metrics.csv goes on after it'
    rm -rf "$dir/mixed-compiled"
done
expect 0 "$metazoa" probe goal "$dir/mixed" --epoch 2
grep -q 'goes on after' "$dir/err" && fail "probe --epoch: $(cat "$dir/err")"
expect 0 "$metazoa" train "$@" --resume
cmp "$dir/last.h5" "$dir/mixed/checkpoint-3.h5" || fail "a resume without the last checkpoint ends in another state"
# A job that died between checkpoints is none.
rm "$dir/mixed/checkpoint-3.h5" "$dir/mixed/summary.json"
expect 0 "$metazoa" verify "$dir/mixed"
# What keeps none but the last, and what is of no epochs, is sound.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set checkpoint.every=0 --set checkpoint.keep=1 --set training.settle=plain --set training.settle_steps=20 --output "$dir/settled"
expect 0 "$metazoa" verify "$dir/settled"
expect 0 "$metazoa" compile "$dir/settled" --output "$dir/compiled"
expect 0 "$metazoa" verify "$dir/compiled"


# An ensemble may get more runs; its first seed stays, and a folder holds either an ensemble or a run.
set -- "$dir/sums.yaml" --quiet --resume --set training.epochs=0 --output "$dir/seeds"
expect 0 "$metazoa" train "$@" --set run.ensemble=2
expect 0 on 2 "$metazoa" train "$@" --set run.ensemble=3
grep -q '"members": 3' "$dir/seeds/seed-5/run.json" && [ -f "$dir/seeds/seed-7/metrics.csv" ] || fail "no more runs: $(ls "$dir/seeds")"
expect 2 on 2 "$metazoa" train "$@" --set run.ensemble=2 --set run.seed=6
says 'run.seed = 6, but the first seed of this ensemble is 5'
expect 0 on 2 "$metazoa" train "$dir/sums.yaml" --resume --set training.epochs=0 --output "$dir/seeds" --set run.ensemble=2
grep -q 'is an ensemble of 3 runs: all but the first 2 are left as they are' "$dir/out" || fail "fewer runs: $(cat "$dir/out")"
expect 2 on 2 "$metazoa" train "$@"
says "holds an ensemble: set run.ensemble, or choose another folder, such as $dir/seeds/seed-5"
expect 2 on 2 "$metazoa" train "$@" --set run.ensemble=2 --output "$dir/warm"
says 'holds a run by itself'
expect 0 "$metazoa" verify "$dir/seeds"
rm -r "$dir/seeds"
expect 0 "$metazoa" train "$@" --set run.ensemble=2 --init "$dir/sound/checkpoint-3.h5"
rm -r "$dir/seeds/seed-6" # as if the job had been stopped before it began
expect 2 on 2 "$metazoa" train "$@" --set run.ensemble=2
says 'its first run began with --init'
expect 0 "$metazoa" train "$@" --set run.ensemble=2 --init "$dir/sound/checkpoint-3.h5"

# A checkpoint of version 0.1: it goes on, and says plainly that its first epochs had other arithmetic.
mkdir "$dir/old"
cp tests/golden/checkpoint_scalar_0.1.h5 "$dir/old/checkpoint-3.h5"
"$PYTHON" -c 'import h5py, sys; print(bytes(h5py.File(sys.argv[1])["config"][()]).decode().rstrip("\0"))' "$dir/old/checkpoint-3.h5" > "$dir/old.yaml"
expect 0 on 2 "$metazoa" train "$dir/old.yaml" --resume --set training.epochs=5 --output "$dir/old"
tells 'resumes    '
tells 'its first epochs were computed by arithmetic 1, what follows by 2: the run as a whole cannot be computed again'
expect 1 "$metazoa" replay "$dir/old" --epochs 0:5
tells 'the first epochs of the run were computed by arithmetic 1; this program has 2 and cannot prove them'

# One that was about to settle by steps of self-training, as settle_steps without `settle` meant there: not by projection.
mkdir "$dir/old2"
cp tests/golden/checkpoint_settling_0.1.h5 "$dir/old2/checkpoint-3.h5"
"$PYTHON" -c 'import h5py, sys; print(bytes(h5py.File(sys.argv[1])["config"][()]).decode().rstrip("\0"))' "$dir/old2/checkpoint-3.h5" > "$dir/old.yaml"
expect 2 on 2 "$metazoa" train "$dir/old.yaml" --resume --output "$dir/old2"
says 'training.settle = plain, training.settle_steps = 20'
expect 0 "$metazoa" train "$dir/old.yaml" --resume --output "$dir/old2" --set training.settle=plain
grep -q '"settle": "plain"' "$dir/old2/summary.json" || fail "$(cat "$dir/old2/summary.json")"

# A folder that another job uses.
"$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/used" --set training.epochs=1000000 --set archive.trajectory_every=0 \
    --set checkpoint.every=0 > "$dir/out1" 2>&1 &
other=$!
n=0
while [ ! -s "$dir/used/metrics.csv" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
expect 2 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/used"
says used
kill -TERM $other
wait $other
[ $? -eq 75 ] || fail "the other job did not stop well: $(cat "$dir/out1")"
# Killed after a resume: it has not stopped, whatever the start before did.
"$metazoa" train "$dir/sums.yaml" --resume --output "$dir/used" --set training.epochs=1000001 --set archive.trajectory_every=0 \
    --set checkpoint.every=0 > "$dir/out1" 2>&1 &
other=$!
n=0
while [ -e "$dir/used/summary.json" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
kill -KILL $other
wait $other
"$metazoa" status "$dir/used" | grep -q ' not running  epoch' || fail "$("$metazoa" status "$dir/used")"
grep -q 'these keys have other values from here on: training.epochs$' "$dir/out1" || fail "no word of other keys: $(cat "$dir/out1")"

# A resume plans by the time that an earlier start's checkpoints took, not by a guess from their size. With one that took 300
# hours nothing but a batch fits into 24. (A start that trains one batch at most is what jobs/train.sbatch looks for.)
long="$dir/sums.yaml --quiet --output $dir/pace --set training.epochs=1000000 --max-hours"
expect 75 "$metazoa" train $long 1e-6
"$PYTHON" - "$dir/pace/run.json" << 'END' || fail "no time of a checkpoint in run.json"
import json, sys
run = json.load(open(sys.argv[1]))
assert 0 < run["checkpoint_seconds"] < 1000
run["checkpoint_seconds"] = 300 * 3600
json.dump(run, open(sys.argv[1], "w"))
END
expect 75 "$metazoa" train $long 24 --resume
says 'the time limit is near'
grep -q '"batches": 1,$' "$dir/pace/summary.json" || fail "not one batch: $(grep batches "$dir/pace/summary.json")"

# Random small organisms, cuts, ways of writing and process grids of 3, 5 and 6 ranks, killed at a random operation of a random
# rank and resumed on another grid: the bytes of one undisturbed rank.
SEED=${SEED:-$(date +%s)}
"$PYTHON" - "$SEED" > "$dir/cases" <<'END'
import random, sys
chance = random.Random(int(sys.argv[1]))
def grid():
    ranks = chance.choice([3, 5, 6])
    a = chance.choice([k for k in range(1, ranks + 1) if ranks % k == 0])
    b = chance.choice([k for k in range(1, ranks // a + 1) if ranks // a % k == 0])
    return f"{ranks} [{a},{b},{ranks // a // b}]"
for _ in range(3):
    hidden = [chance.randint(1, 9) for _ in range(chance.randint(1, 3))]
    settings = {"organism.hidden": hidden, "parallel.block": chance.randint(1, 6), "parallel.chunk": chance.choice([1, 3, 16]),
                "training.batch": chance.randint(20, 70), "training.epochs": 5, "archive.trajectory_every": chance.randint(1, 3),
                "archive.fraction": chance.choice([1, 0.5]), "checkpoint.every": chance.randint(1, 3),
                "io.parallel_from": chance.choice([0, 10**9]), "io.alignment": chance.choice([0, 4096]),
                "training.momentum_buffers": chance.choice(["separate", "shared", "reset"]),
                "training.on_divergence": "reset"}  # some diverge
    words = " ".join(f"--set {key}={str(value).replace(' ', '')}" for key, value in settings.items())
    print(chance.choice(["images", "sums"]), grid(), grid(), chance.randint(1, 400), chance.choice([0, 0, 1]), words)
END
while read -r name ranks grid ranks2 grid2 kill rank words; do
    rm -rf "$dir/one" "$dir/many"
    # shellcheck disable=SC2086
    {
        expect 0 "$metazoa" train "$dir/$name.yaml" --quiet --output "$dir/one" $words
        METAZOA_KILL_WRITE=$kill METAZOA_FAULT_RANK=$rank mpirun -n "$ranks" "$metazoa" train "$dir/$name.yaml" --quiet \
            --output "$dir/many" $words --set "parallel.grid=$grid" > "$dir/out" 2> "$dir/err" < /dev/null
        expect 0 mpirun -n "$ranks2" "$metazoa" train "$dir/$name.yaml" --quiet --output "$dir/many" $words --resume \
            --set "parallel.grid=$grid2"
    }
    expect 0 "$metazoa" verify "$dir/many"
    same "$dir/one" "$dir/many"
    [ $failed = 0 ] || { echo "SEED=$SEED: $name $ranks $grid $ranks2 $grid2 $kill $rank $words"; break; }
done < "$dir/cases"

exit $failed
