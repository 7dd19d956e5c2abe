#!/bin/sh
# Training from a YAML file to results: the same bits at every rank count and grid, what is written, every exit code.
. tests/lib_train.sh
make_images
make_configurations

# One answer: metrics, checkpoints and archive have the same bytes at every rank count and on every grid.
for task in images sums; do
    expect 0 "$metazoa" train "$dir/$task.yaml" --output "$dir/$task-1"
    grids="2:1,2,1 3:auto 8:2,2,2"
    [ $task = images ] && grids="2:2,1,1 2:1,2,1 2:1,1,2 3:auto 4:auto 5:auto 8:2,2,2"
    for grid in $grids; do
        ranks=${grid%%:*} sizes=${grid#*:}
        [ "$sizes" = auto ] || sizes="[$sizes]"
        expect 0 mpirun -n "$ranks" "$metazoa" train "$dir/$task.yaml" --quiet --output "$dir/other" \
            --set "parallel.grid=$sizes"
        same "$dir/$task-1" "$dir/other"
        rm -rf "$dir/other"
    done
done

# What is written and said.
expect 0 "$metazoa" train "$dir/images.yaml" --output "$dir/said" --set training.learning_rate=0.03 --set training.batch=10
for word in organism 'data  ' 'grid  ' 'memory  ' '228 particles of width 3' '150 training' 'epoch 5/5' fingerprint finished; do
    grep -q "$word" "$dir/out" || { fail "no \"$word\" in the output"; cat "$dir/out"; }
done
[ -s "$dir/err" ] && fail "messages of a good run: $(cat "$dir/err")"
expect 0 "$metazoa" train "$dir/images.yaml" --output "$dir/quiet" --quiet
[ -s "$dir/out" ] && fail "--quiet says: $(cat "$dir/out")"
for file in config.yaml metrics.csv summary.json run.json archive.h5 checkpoint-5.h5; do
    [ -s "$dir/said/$file" ] || fail "no $file"
done
"$PYTHON" - "$dir/said" <<'END' || fail "summary.json or metrics.csv"
import csv, json, sys
run = sys.argv[1]
summary = json.load(open(f"{run}/summary.json"))
rows = list(csv.DictReader(open(f"{run}/metrics.csv")))
types = ["divergent", "zero", "self_replicator", "secondary", "other"]
particles = 16 * 9 + 9 * 7 + 7 * 3
assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3, 4, 5], rows
assert all(sum(int(row[t]) for t in types) == particles for row in rows)
assert summary["finished"] is True and summary["epochs"] == 5 and summary["ranks"] == 1
assert summary["particles"] == particles and summary["fingerprint"] == rows[-1]["fingerprint"]
assert summary["settle_steps"] == 40
assert summary["census_before_settling"] == {t: int(rows[4][t]) for t in types}
assert summary["census"] == {t: int(rows[5][t]) for t in types}
assert abs(summary["test_accuracy"] - float(rows[5]["test_accuracy"])) < 1e-9
assert abs(summary["test_accuracy_before_settling"] - float(rows[4]["test_accuracy"])) < 1e-9
shares = sum(phase["share"] for phase in summary["phases"].values())
assert abs(shares - 1) < 0.05, shares
for phase in summary["phases"].values():
    assert phase["min"] <= phase["mean"] + 1e-6 and phase["mean"] <= phase["max"] + 1e-6
losses = [float(row["task_loss"]) for row in rows[1:5]]
assert losses == sorted(losses, reverse=True), losses
assert float(rows[4]["train_accuracy"]) > 0.9, rows[4]
assert float(rows[5]["self_train_loss"]) < float(rows[1]["self_train_loss"])
END

# The paper's first experiment in short: it learns to add.
expect 0 mpirun -n 2 "$metazoa" train conf/addition.yaml --quiet --output "$dir/addition"
"$PYTHON" - "$dir/addition" <<'END' || fail "addition"
import json, sys
summary = json.load(open(f"{sys.argv[1]}/summary.json"))
assert summary["test_mae"] < 1e-6 and summary["census"]["self_replicator"] == summary["particles"] == 18, summary
END

# One task alone first. Self-training alone has no task loss; the task alone no self-training loss.
for first in self task; do
    expect 0 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/first-$first" --set training.first=$first \
        --set training.first_epochs=2
done
"$PYTHON" - "$dir" <<'END' || fail "training.first"
import csv, sys
def rows(run):
    return list(csv.DictReader(open(f"{sys.argv[1]}/{run}/metrics.csv")))
def known(run, column):
    return [row[column] not in ("", "nan") for row in rows(run)]
assert known("first-self", "task_loss") == [False, False, False, True, True, False], rows("first-self")
assert known("first-self", "self_train_loss") == [False, True, True, True, True, True]
assert known("first-task", "task_loss") == [False, True, True, True, True, False]
assert known("first-task", "self_train_loss") == [False, False, False, True, True, True]
END
# Phases as a list; the old keys are two of them.
expect 0 mpirun -n 3 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/phases" --set 'training.phases=[{self: 2}, {both: 2}]'
same "$dir/phases" "$dir/first-self"
switch='training.phases=[{task: 2}, {self: 1}, {task: 1}]'
for ranks in 2 4 5; do # 4: a grid
    grid=$([ $ranks -ne 4 ] || echo '--set parallel.grid=[1,2,2]')
    expect 0 mpirun -n $ranks "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/switch-$ranks" --set "$switch" $grid
done
expect 0 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/switch" --set "$switch"
for ranks in 2 4 5; do
    same "$dir/switch" "$dir/switch-$ranks"
done
"$PYTHON" - "$dir/switch" <<'END' || fail "training.phases"
import csv, sys
rows = list(csv.DictReader(open(f"{sys.argv[1]}/metrics.csv")))
def known(column):
    return [row[column] not in ("", "nan") for row in rows]
assert known("task_loss")[:5] == [False, True, True, False, True], rows
assert known("self_train_loss")[:5] == [False, False, False, True, False], rows
END
# Self-training that moves only what replication needs leaves the task as it is without, to the bit, and makes replicators.
expect 0 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/without" --set training.self_train_steps=0 \
    --set training.settle=none --set training.settle_steps=0
for ranks in 1 2 3 4 5; do
    grid=$([ $ranks -ne 4 ] || echo '--set parallel.grid=[1,2,2]')
    expect 0 mpirun -n $ranks "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/replication-$ranks" \
        --set training.self_train_weights=replication --set training.settle=none --set training.settle_steps=0 $grid
    same "$dir/replication-1" "$dir/replication-$ranks"
done
cut -d, -f1,2,4,5 "$dir/without/metrics.csv" > "$dir/task"
cut -d, -f1,2,4,5 "$dir/replication-1/metrics.csv" | cmp -s - "$dir/task" || fail "replication disturbs the task"
"$PYTHON" - "$dir" <<'END' || fail "replication"
import csv, sys
loss = [float(row["self_train_loss"]) for row in csv.DictReader(open(f"{sys.argv[1]}/replication-1/metrics.csv")) if row["epoch"] != "0"]
assert loss[-1] < loss[0] / 2, loss
END
expect 0 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/until" --set training.first=task \
    --set training.first_epochs=4 --set training.first_until_accuracy=0.01
"$PYTHON" - "$dir/until" <<'END' || fail "training.first_until_accuracy"
import csv, sys
rows = list(csv.DictReader(open(f"{sys.argv[1]}/metrics.csv")))
assert [row["self_train_loss"] not in ("", "nan") for row in rows] == [False, False, True, True, True, True], rows
END

# More ranks than particles.
for ranks in 1 5; do
    expect 0 mpirun -n $ranks "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/few-$ranks" \
        --set 'organism.hidden=[]' --set task.inputs=2
done
same "$dir/few-1" "$dir/few-5"

# --init: the weights and velocities of another run's end.
expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/init" --init "$dir/sums-1/checkpoint-3.h5"
first=$(sed -n 2p "$dir/init/metrics.csv" | cut -d, -f11) last=$(tail -n 1 "$dir/sums-1/metrics.csv" | cut -d, -f11)
[ "$first" = "$last" ] || fail "--init begins with $first, not $last"
expect 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/bad" --init "$dir/sums.yaml"
says 'sums.yaml: cannot be opened as an HDF5 file: it is no HDF5 file'
expect 3 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/bad" --init "$dir/none.h5"
says none.h5
expect 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/bad" --resume --init "$dir/images-1/checkpoint-5.h5"
# Beside --resume it is for the start alone, as a job script asks for it that says the same each time.
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/init" --resume --init "$dir/sums-1/checkpoint-3.h5"
tells '--init is not read'
# What one optimizer remembers is nothing to another one, nor to other buffers.
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/adam" --init "$dir/sums-1/checkpoint-3.h5" --set training.optimizer=adam \
    --set checkpoint.keep=9
tells 'velocities of another optimizer'
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/adam-2" --init "$dir/adam/checkpoint-3.h5" --set training.optimizer=adamw
grep -q 'another optimizer' "$dir/out" && fail "adamw does not go on with adam's state"
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/shared" --init "$dir/sums-1/checkpoint-3.h5" --set training.momentum_buffers=shared \
    --set checkpoint.keep=9
tells 'other momentum_buffers'
expect 0 "$metazoa" train "$dir/sums.yaml" --output "$dir/sgd" --init "$dir/adam/checkpoint-3.h5" --set training.epochs=0
"$PYTHON" - "$dir" <<'END' || fail "an optimizer goes on with the state of another one"
import h5py, sys
for run in ("adam", "shared", "sgd"):
    with h5py.File(f"{sys.argv[1]}/{run}/checkpoint-0.h5") as file:
        for layer in file["layers"].values():
            assert layer["weights"][:].any()
            steps = [name for name in layer if name.startswith(("velocity", "squares", "age"))]
            assert steps and not any(layer[name][:].any() for name in steps), run
END

# Mistakes.
expect 2 mpirun -n 4 "$metazoa" train "$dir/sums.yaml" --output "$dir/bad2" --set 'parallel.grid=[3, 1, 1]'
says '[2, 1, 2]'
[ -e "$dir/bad2" ] && fail "a wrong grid left a folder behind"
expect 2 "$metazoa" train "$dir/sums.yaml" --output "$dir/sums-1"
says sums-1
expect 2 "$metazoa" train "$dir/sums.yaml" --output "$dir/bad2" --max-hours never
expect 2 "$metazoa" train "$dir/sums.yaml" --output "$dir/bad2" --set training.epoch=3
expect 3 "$metazoa" train "$dir/images.yaml" --output "$dir/bad2" --set "task.path=$dir/nowhere"
says nowhere
[ -e "$dir/bad2" ] && fail "a mistake left a folder behind"

# One of several programs that MPI knows nothing of; a batch script's own call is none.
expect 2 env SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_STEP_NUM_TASKS=4 "$metazoa" train "$dir/sums.yaml" --output "$dir/bad2"
says 'srun --mpi=pmix'
[ -e "$dir/bad2" ] && fail "a singleton left a folder behind"
expect 0 env SLURM_NTASKS=4 SLURM_PROCID=0 SLURM_JOB_ID=1 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/batch"

# Jobs train in the folder that the configuration or an option names; each member of a job array has its own beside it.
mkdir "$dir/fake"
# shellcheck disable=SC2016
printf '#!/bin/sh\nwhile case $1 in -*) ;; *) false ;; esac; do shift; done\nexec "$@"\n' > "$dir/fake/srun"
for name in squeue scontrol scancel; do printf '#!/bin/sh\n' > "$dir/fake/$name"; done
chmod +x "$dir"/fake/*
for options in "" "--output $dir/job"; do
    for script in train ensemble; do
        # shellcheck disable=SC2086
        expect 0 env PATH="$dir/fake:$PATH" METAZOA="$metazoa" SLURM_JOB_ID=1 SLURM_ARRAY_TASK_ID=7 SLURM_JOB_NODELIST=here \
            bash jobs/$script.sbatch "$dir/sums.yaml" --quiet --set training.epochs=1 $options
    done
done
for folder in sums-run job; do
    grep -q 'seed: 5' "$dir/$folder/config.yaml" || fail "train.sbatch did not train in $folder"
    grep -q 'seed: 7' "$dir/$folder-seed7/config.yaml" || fail "ensemble.sbatch did not train in $folder-seed7"
done

# A job that gets on is put back as often as it takes, whatever the nodes' clocks say.
mkdir "$dir/behind"
# shellcheck disable=SC2016
printf '#!/bin/sh\nn=$(ls "$RUN" | grep -c checkpoint)\ntouch -d "-$n hour" "$RUN/checkpoint-$((8 + n)).h5"\nexit 75\n' > "$dir/behind/srun"
chmod +x "$dir/behind/srun"
for start in 1 2 3 4; do
    expect 75 env PATH="$dir/behind:$dir/fake:$PATH" RUN="$dir/clocks" METAZOA="$metazoa" SLURM_JOB_ID=1 SLURM_JOB_NODELIST=here \
        bash jobs/train.sbatch "$dir/sums.yaml" --output "$dir/clocks"
done
printf '#!/bin/sh\nexit 75\n' > "$dir/behind/srun"
for code in 75 75 1; do
    expect $code env PATH="$dir/behind:$dir/fake:$PATH" METAZOA="$metazoa" SLURM_JOB_ID=1 SLURM_JOB_NODELIST=here \
        bash jobs/train.sbatch "$dir/sums.yaml" --output "$dir/clocks"
done
says 'put back twice'

# The analysis of a job takes an ensemble's folder, too, whatever signs are in its name.
printf '#!/bin/sh\necho "$@"\n' > "$dir/fake/metazoa-figure"
cp "$dir/fake/metazoa-figure" "$dir/fake/metazoa-report"
chmod +x "$dir/fake/metazoa-figure" "$dir/fake/metazoa-report"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/en [5]" --set run.ensemble=2 --set training.epochs=1
expect 0 env PATH="$dir/fake:$PATH" METAZOA="$metazoa" METAZOA_ANALYSIS="$dir/fake" METAZOA_PROBES=goal bash jobs/analyse.sbatch "$dir/en [5]"
for seed in 5 6; do
    { [ -s "$dir/en [5]/seed-$seed/pca-organism.h5" ] && [ -s "$dir/en [5]/seed-$seed/probe-goal.h5" ]; } || fail "analyse.sbatch left seed $seed out"
done
expect 2 env PATH="$dir/behind:/usr/bin:/bin" METAZOA="$metazoa" METAZOA_ANALYSIS="$dir/nowhere" bash jobs/analyse.sbatch "$dir/en [5]"
says "no metazoa-figure in $dir/nowhere"

# Divergence: the same particle at every rank count, the good checkpoint stays; reset and ignore go on, with the same bits.
for ranks in 1 3; do
    expect 1 mpirun -n $ranks "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/huge-$ranks" \
        --set training.learning_rate=30
    grep '^metazoa' "$dir/err" > "$dir/named-$ranks"
    says 'layer 0, cell 0, edge 0'
    [ -s "$dir/huge-$ranks/checkpoint-0.h5" ] || fail "no good checkpoint after a divergence"
    for what in reset ignore; do
        expect 0 mpirun -n $ranks "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/$what-$ranks" \
            --set training.learning_rate=30 --set training.on_divergence=$what
    done
done
cmp "$dir/named-1" "$dir/named-3" || fail "another particle at 3 ranks"
same "$dir/reset-1" "$dir/reset-3"
same "$dir/ignore-1" "$dir/ignore-3"

# A fraction so small that layers have no particle in the archive.
for ranks in 1 3; do
    for epochs in 2 4; do
        expect 0 mpirun -n $ranks "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/scarce-$ranks" \
            --set archive.fraction=0.005 --set checkpoint.every=2 --set training.epochs=$epochs
    done
    expect 0 "$metazoa" verify "$dir/scarce-$ranks"
    expect 0 "$metazoa" archive merge "$dir/scarce-$ranks"
    expect 0 "$metazoa" verify "$dir/scarce-$ranks/archive-merged.h5"
done
expect 0 "$PYTHON" -c 'import h5py, sys
layers = h5py.File(sys.argv[1])["layers"]
particles = [layers[l]["trajectory"].shape[1] for l in layers]
assert 0 in particles and [layers[l]["type"].shape[1] for l in layers] == particles, particles' "$dir/scarce-3/archive-merged.h5"

# An ensemble: the same bits as single runs; more organisms than groups of ranks, and fewer.
expect 0 mpirun -n 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/ensemble" --set run.ensemble=5
expect 0 mpirun -n 5 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/ensemble2" --set run.ensemble=2
same "$dir/ensemble/seed-5" "$dir/sums-1"
same "$dir/ensemble2/seed-6" "$dir/ensemble/seed-6"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/single" --set run.seed=9
same "$dir/single" "$dir/ensemble/seed-9"


# Standard streams. What commands print is their result, and train says that its files are complete; streams that are closed are
# not taken for the files that are opened next.
run=$dir/sums-1
for words in --version --help "help man train" "info $run" "verify $run" "check $dir/sums.yaml"; do
    # shellcheck disable=SC2086
    "$metazoa" $words > /dev/full 2> "$dir/err"
    [ $? -eq 1 ] || fail "$words into a full disk is no failure"
    says 'standard output cannot be written: No space left'
done
"$metazoa" train "$dir/sums.yaml" --output "$dir/unheard" > /dev/full 2> "$dir/err"
[ $? -eq 1 ] || fail "train into a full disk is no failure"
says 'standard output cannot be written'
says 'what it had to do is done, and its files are complete'
"$metazoa" probe goal "$dir/unheard" > /dev/full 2> "$dir/err"
[ $? -eq 1 ] && [ "$(wc -l < "$dir/err")" -eq 1 ] || fail "probe into a full disk: $(cat "$dir/err")"
says 'its files are complete'
rm "$dir/unheard"/probe-goal.*
"$metazoa" train "$dir/sums.yaml" --output "$dir/closed" <&- >&- 2>&- || fail "train needs its standard streams"
same "$run" "$dir/unheard"
same "$run" "$dir/closed"
# A limit of the size of files is an error with a message, not a signal. (Open MPI's own files have 4 MiB.)
(ulimit -f 20000 && expect 1 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/limited" --set organism.hidden=[400,400]; exit $failed) ||
    failed=1
says 'File too large'
exit $failed
