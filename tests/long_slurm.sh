#!/bin/sh
# jobs/ on a real SLURM of four nodes, which this test starts on this host (tests/slurm/cluster.sh): a job that is preempted,
# loses a node, runs out of time or is cancelled and submitted again leaves the files of a run that nothing disturbed.
# Needs root, slurm-wlm and munge; takes about ten minutes. `long_slurm.sh NAME...` runs the named tests alone.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
top=$PWD
for tool in slurmctld slurmd munged; do
    PATH=$PATH:/usr/sbin command -v $tool > /dev/null || { echo "no $tool: apt-get install slurm-wlm munge"; exit 1; }
done
for name in $(env | sed -n 's/^\(S\(LURM\|BATCH\|RUN\)_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
dir=$(mktemp -d /tmp/metazoa-slurm-XXXXXX) || exit 1
cluster() { action=$1 && shift && bash "$top/tests/slurm/cluster.sh" "$action" "$dir/cluster" "$@"; }
trap 'cluster stop; [ -n "${KEEP:-}" ] && echo "kept: $dir" || rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
# A copy: whoever builds meanwhile changes nothing here.
METAZOA=$dir/metazoa
cp "$BUILD/metazoa" "$METAZOA" || exit 1
export METAZOA METAZOA_JOBS="$top/jobs" SLURM_CONF="$dir/cluster/slurm.conf" OPENBLAS_NUM_THREADS=1
# The nodes share this host's few processors: ranks that wait must give way.
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_base_warn_component_unused=0
cluster start 4 || exit 1
cd "$dir" || exit 1

failed=0
fail() { echo "FAIL  $*" && failed=$((failed + 1)) && return 1; }

# field JOB NAME: what SLURM knows of a job (JobState, Restarts, NodeList, ...).
field() { scontrol show job -o "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }

# wait_until SECONDS COMMAND...: whether the command came true in time.
wait_until()
{
    tries=$((2 * $1))
    shift
    while [ $tries -gt 0 ]; do
        "$@" && return 0
        tries=$((tries - 1))
        sleep 0.5
    done
    return 1
}
is_over() { case $(field "$1" JobState) in PENDING | CONFIGURING | RUNNING | SIGNALING | COMPLETING | REQUEUED | SUSPENDED | '') false ;; esac; }
has_checkpoint() { ls "$1"/checkpoint-*.h5 > /dev/null 2>&1; }

# ends JOB STATE SECONDS: the job gets there.
ends()
{
    wait_until "$3" is_over "$1"
    [ "$(field "$1" JobState)" = "$2" ] && return
    fail "job $1 is $(field "$1" JobState), not $2; its output:"
    tail -n 30 "$name.out"
    return 1
}

# submit [OPTION...] CONFIG [OPTION...]: train.sbatch as job $job in runs/$name with output $name.out.
submit() { job=$(sbatch --parsable --job-name="$name" --output="$name.out" "$@") || fail "sbatch $*"; }

# same RUN: its last checkpoint and its archive are those of the undisturbed run, byte for byte, its metrics but for the times.
same()
{
    for file in checkpoint-$epochs.h5 archive.h5 $(cd runs/undisturbed && ls archive/*); do
        cmp "runs/undisturbed/$file" "$1/$file" || fail "$1/$file is not that of the undisturbed run" || return
    done
    for run in runs/undisturbed "$1"; do
        awk -F , 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") skip = i } { $skip = ""; print }' "$run/metrics.csv" \
            > "$dir/$(basename "$run").rows"
    done
    cmp "$dir/undisturbed.rows" "$dir/$(basename "$1").rows" || fail "$1/metrics.csv is not that of the undisturbed run"
}

restarts() { [ "$(field "$job" Restarts)" -ge "$1" ] || fail "job $job was put back $(field "$job" Restarts) times, not $1"; }

# An epoch of this work takes about a second on one idle core, whatever the machine: the number of self-training steps follows
# from the processor time (which other programs hardly change) of one epoch of a thousand.
cat > work.yaml << 'END'
run: {name: work, seed: 7}
task: {kind: addition, inputs: 16, samples: 1000, test_samples: 100}
organism: {hidden: [48, 48], activation: linear}
training: {epochs: 40, batch: 50, self_train_steps: 1000, learning_rate: 1.0e-4}
archive: {trajectory_every: 5}
checkpoint: {every: 5}
END
epochs=40
seconds=$(bash -c 'TIMEFORMAT=%U; time "$METAZOA" train work.yaml --output runs/measure --set training.epochs=1 > measure.out' 2>&1)
steps=$(awk -v seconds="$seconds" 'BEGIN { print int(1000 / (seconds + 0)) }') || { cat measure.out; exit 1; }
sed -i "s/self_train_steps: 1000/self_train_steps: $steps/" work.yaml
echo "$steps self-training steps a batch"

test_finish()
{
    name=undisturbed
    submit -N2 -n2 "$top/jobs/train.sbatch" work.yaml --output runs/undisturbed
    ends "$job" COMPLETED 300 || exit 1
    grep -q '"finished": true' runs/undisturbed/summary.json || fail "not finished"
    [ -e runs/undisturbed/.starts ] && fail "the job left its list of starts behind"
}

# A job in the partition "high" needs all processors.
test_preempt()
{
    submit -N2 -n2 "$top/jobs/train.sbatch" work.yaml --output runs/preempt
    wait_until 120 has_checkpoint runs/preempt || fail "no checkpoint" || return
    sbatch -p high -N4 -n8 -o /dev/null --wrap 'sleep 3' > /dev/null
    ends "$job" COMPLETED 300 && restarts 1 && same runs/preempt
    grep -q 'DUE TO PREEMPTION' preempt.out || fail "was not preempted"
}

# The node of the batch script itself.
test_node()
{
    submit -N1 -n2 "$top/jobs/train.sbatch" work.yaml --output runs/node
    wait_until 120 has_checkpoint runs/node || fail "no checkpoint" || return
    node=$(field "$job" NodeList)
    cluster fail "$node"
    ends "$job" COMPLETED 300 && restarts 1 && same runs/node
    [ "$(field "$job" NodeList)" != "$node" ] || fail "still on $node"
    cluster return "$node"
}

# The other node of two: the ranks that live must not keep the job for ever.
test_peer()
{
    submit -N2 -n2 "$top/jobs/train.sbatch" work.yaml --output runs/peer
    wait_until 120 has_checkpoint runs/peer || fail "no checkpoint" || return
    node=$(scontrol show hostnames "$(field "$job" NodeList)" | tail -n 1)
    cluster fail "$node"
    ends "$job" COMPLETED 300 && restarts 1 && same runs/peer
    cluster return "$node"
}

# One rank of two dies alone, the other waits for it.
test_rank()
{
    submit -N2 -n2 "$top/jobs/train.sbatch" work.yaml --output runs/rank
    wait_until 120 has_checkpoint runs/rank || fail "no checkpoint" || return
    kill -KILL "$(pgrep -f "^$METAZOA train work.yaml .*runs/rank" | tail -n 1)"
    ends "$job" COMPLETED 300 && restarts 1 && same runs/rank
    grep -q 'killed by signal 9; back into the queue' rank.out || fail "did not put itself back"
}

# A minute is the shortest limit; 59 s before it, or at SLURM's next look (every 30 s), every rank gets its signal.
test_limit()
{
    submit -n1 --time=1 --signal=USR1@59 "$top/jobs/train.sbatch" work.yaml --output runs/limit
    ends "$job" COMPLETED 600 && restarts 1 && same runs/limit
    grep -q 'back into the queue' limit.out || fail "did not put itself back"
}

# Cancelled for good; the same line again, on one rank, goes on.
test_cancel()
{
    submit -N2 -n2 "$top/jobs/train.sbatch" work.yaml --output runs/cancel
    wait_until 120 has_checkpoint runs/cancel || fail "no checkpoint" || return
    scancel "$job"
    ends "$job" CANCELLED 60 && [ "$(field "$job" Restarts)" = 0 ] || fail "was put back"
    submit -n1 "$top/jobs/train.sbatch" work.yaml --output runs/cancel
    ends "$job" COMPLETED 600 && same runs/cancel
}

# The stop file ends the job, and it stays ended.
test_stop()
{
    submit -n2 "$top/jobs/train.sbatch" work.yaml --output runs/stop
    wait_until 120 has_checkpoint runs/stop || fail "no checkpoint" || return
    touch runs/stop/stop
    ends "$job" FAILED 120 && [ "$(field "$job" ExitCode)" = 75:0 ] && [ "$(field "$job" Restarts)" = 0 ] || fail "not stopped by the file"
}

# srun without PMIx starts programs that know nothing of each other: they refuse before they touch a file. (Open MPI refuses by
# itself; what the program says with other libraries is tested with the command line.)
test_singletons()
{
    srun -n2 --mpi=none "$METAZOA" train work.yaml --output runs/singletons > singletons.out 2>&1 && fail "trained as singletons"
    [ -e runs/singletons ] && fail "singletons touched the run's folder"
}

# One batch takes longer than SLURM waits: no checkpoint, however often the job is put back.
test_brake()
{
    submit -n1 "$top/jobs/train.sbatch" work.yaml --output runs/brake --set training.self_train_steps=1000000 \
        --set "organism.hidden=[96, 96]"
    for start in 1 2 3; do # the first one writes checkpoint-0, the others get no further
        wait_until 60 grep -qs "start $start on" brake.out || fail "start $start" || return
        sleep 2
        scontrol requeue "$job"
    done
    ends "$job" FAILED 120 && restarts 3
    grep -q 'put back twice without getting beyond runs/brake/checkpoint-0.h5' brake.out || fail "the reason is not given: $(cat brake.out)"
}

# Every start trains a batch and has no time for a second one: ended when three have.
test_crawl()
{
    submit -n1 "$top/jobs/train.sbatch" work.yaml --output runs/crawl --max-hours 1e-6
    ends "$job" FAILED 240 && restarts 3
    grep -q 'each of the last three starts trained a batch at most' crawl.out || fail "the reason is not given: $(cat crawl.out)"
}

# Less memory than the ranks need: said at once, and not tried again.
test_memory()
{
    submit -N1 -n2 --mem-per-cpu=4M "$top/jobs/train.sbatch" work.yaml --output runs/memory
    ends "$job" FAILED 120 && [ "$(field "$job" ExitCode)" = 2:0 ] && [ "$(field "$job" Restarts)" = 0 ] || fail "not refused"
    [ "$(grep -c 'too little memory: .*--mem-per-cpu=4M' memory.out)" -eq 1 ] || fail "not one message: $(cat memory.out)"
}

# ran LOG RANKS TEXT: the job of that output ran on so many ranks, and said TEXT.
ran() { grep -q ", $2 ranks, " "$1" && grep -q "$3" "$1" || fail "$1: not on $2 ranks, or no \"$3\": $(cat "$1")"; }

# Every shape that sbatch takes; a job's name is no folder; nothing of the user's environment; run.output of the configuration.
test_shapes()
{
    short="--set training.epochs=1 --set training.self_train_steps=1"
    sed "s|name: work|name: work, output: runs/of the file|" work.yaml > named.yaml
    for shape in "-N4 --ntasks-per-node=2:8" "-N2 --ntasks-per-node=1:2" "-n3:3" ":1"; do
        name=shape-${shape##*:}
        # Ranks of one node that is none: by TCP alone, for their shared memory has the same names as other nodes'.
        # shellcheck disable=SC2086
        OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo submit ${shape%:*} "$top/jobs/train.sbatch" work.yaml $short --output "runs/$name"
        ends "$job" COMPLETED 120 && ran "$name.out" "${shape##*:}" finished
    done
    name=environment
    # shellcheck disable=SC2086
    submit --export=METAZOA --job-name=a/b -n2 "$top/jobs/train.sbatch" named.yaml $short
    ends "$job" COMPLETED 120 && ran environment.out 2 finished
    [ -s "runs/of the file/summary.json" ] && [ ! -e runs/named ] || fail "run.output of the configuration is ignored"
    job=$(sbatch --parsable --export=NONE --job-name=a/b -n1 "$top/jobs/train.sbatch" work.yaml)
    ends "$job" FAILED 60
    grep -q 'no program .* set METAZOA' "metazoa-$job.out" && [ "$(wc -l < "metazoa-$job.out")" -eq 1 ] ||
        fail "without a program: $(cat "metazoa-$job.out")"
    touch runs/file
    name="file"
    submit -n1 "$top/jobs/train.sbatch" work.yaml --output runs/file/run
    ends "$job" FAILED 60
    [ "$(wc -l < file.out)" -eq 1 ] && grep -q 'runs/file/run' file.out || fail "a folder that cannot be: $(cat file.out)"
    submit -n1 "$top/jobs/train.sbatch" work.yaml --set training.epoch=3
    ends "$job" FAILED 60
    grep -q 'training.epochs' file.out || fail "a wrong key: $(cat file.out)"
}

# Seeds side by side, the same numbers as alone.
test_ensemble()
{
    small="--set training.epochs=4 --set archive.trajectory_every=0"
    job=$(METAZOA_RUNS=runs/ensemble sbatch --parsable -n2 --array=1-3 -o 'ensemble-%a.out' "$top/jobs/ensemble.sbatch" \
        "$top/conf/addition.yaml" $small)
    for seed in 1 2 3; do
        "$METAZOA" train "$top/conf/addition.yaml" $small --set run.seed=$seed --output runs/alone$seed > /dev/null
        name=ensemble-$seed
        ends "${job}_$seed" COMPLETED 120
        cmp runs/alone$seed/checkpoint-4.h5 runs/ensemble/addition-seed$seed/checkpoint-4.h5 || fail "seed $seed differs from the run alone"
    done
}

# Analysis after training, in one line of jobs.
test_analyse()
{
    submit -n1 "$top/jobs/train.sbatch" "$top/conf/addition.yaml" --output runs/analyse --set training.epochs=6
    job=$(PYTHON=${PYTHON:-/usr/bin/python3} METAZOA_ANALYSIS="$top/analysis" METAZOA_PROBES=dropout sbatch --parsable \
        --dependency=afterok:"$job" --output=analyse.out "$top/jobs/analyse.sbatch" 'runs/analys[e]')
    ends "$job" COMPLETED 300
    [ -s runs/analyse/report.html ] && [ -s runs/analyse/pca-organism.h5 ] || fail "no report or no components"
}

# A study over one, two and four nodes, unattended; then what it must refuse.
study() { PYTHON=${PYTHON:-/usr/bin/python3} bash "$top/jobs/scaling.sh" "$top/conf/addition.yaml" --ranks "1 2 4" \
    --grids "auto 1x1x2" --sbatch --ntasks-per-node=1 --weak "organism.hidden=[8]" --epochs 2 --output study -- --set archive.trajectory_every=0 "$@"; }
test_scaling()
{
    study > scaling.out 2>&1 || fail "exit code $?: $(tail -n 20 scaling.out)" || return
    awk -F , '$1 == "strong" { n++; nodes[$3] = 1; prints[$9] = 1 }
        END { for (p in prints) different++; exit !(n == 12 && different == 1 && nodes[1] && nodes[2] && nodes[4]) }' \
        study/scaling.csv || fail "not 12 strong runs on 1, 2 and 4 nodes with one fingerprint: $(cat study/scaling.csv)"
    [ -s study/scaling-strong.pdf ] && [ -s study/scaling-weak.png ] || fail "no plots"
    study --set run.seed=2 > refused.out 2>&1
    [ $? -eq 2 ] && grep -q 'begun with another' refused.out || fail "other options were taken: $(cat refused.out)"
    sed -i 's/"fingerprint": "./"fingerprint": "x/' study/runs/strong-2-auto-2/summary.json
    study > differs.out 2>&1
    [ $? -eq 1 ] && grep -q 'the results differ' differs.out || fail "a different result was not seen: $(cat differs.out)"
    sed -i 's/"compiler": "/"compiler": "other /' study/runs/strong-2-auto-3/run.json
    study > mixed.out 2>&1
    [ $? -eq 1 ] && grep -q 'mixed runs, compiler' mixed.out || fail "a mixture was not seen: $(cat mixed.out)"
}

[ $# -gt 0 ] || set -- shapes preempt rank node peer limit cancel stop singletons brake crawl memory ensemble analyse scaling
for test in finish "$@"; do
    before=$failed began=$(date +%s) name=$test
    "test_$test"
    [ "$failed" -eq "$before" ] && echo "ok    $test ($(($(date +%s) - began)) s)"
done
[ "$failed" -eq 0 ]
