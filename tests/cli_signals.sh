#!/bin/sh
# Every way to stop a run early ends in a checkpoint, exit code 75 and the command that goes on; a second signal hurries.
. tests/lib_train.sh
make_configurations

# A run that would take hours. $1: folder; $2: ranks; more options follow. Its process is $job; its ranks are in $pids.
start_long()
{
    run=$dir/$1 ranks=$2
    shift 2
    : > "$dir/out" # what the run before said must not be taken for this one's
    mpirun -n "$ranks" "$metazoa" train "$dir/sums.yaml" --output "$run" --set training.epochs=1000000 \
        --set task.samples=20000 --set archive.trajectory_every=100 --set checkpoint.every=100 "$@" > "$dir/out" 2> "$dir/err" &
    job=$!
    n=0
    while ! grep -q 'answered within' "$dir/out" && kill -0 $job 2> /dev/null && [ $n -lt 600 ]; do
        sleep 0.1
        n=$((n + 1))
    done
    pids=$(pgrep -P $job -x metazoa)
}

# Waits for the run; it must have stopped for a reason with this text.
stopped()
{
    wait $job
    got=$?
    [ $got -eq 75 ] || fail "$run: exit code $got, not 75: $(cat "$dir/err")"
    says "$1"
    says '--resume'
    ls "$run"/checkpoint-*.h5 > /dev/null 2>&1 || fail "$run: no checkpoint"
    [ "$("$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["finished"])' "$run/summary.json")" = False ] ||
        fail "$run: summary.json says that a stopped run is finished"
}

# Each signal, to one rank alone, at 1 and 3 ranks.
for signal in TERM:15 INT:2 USR1:10; do
    for ranks in 1 3; do
        start_long "${signal%:*}-$ranks" $ranks
        [ "$(echo "$pids" | wc -l)" -eq $ranks ] || fail "there are other ranks than $ranks: $pids"
        kill -"${signal%:*}" "$(echo "$pids" | tail -n 1)"
        stopped "signal ${signal#*:} "
    done
done

# It goes on where it stood: no epoch is missing or doubled.
cut -d, -f1 "$dir/TERM-3/metrics.csv" | tail -n 1 > "$dir/epoch"
epochs=$(($(cat "$dir/epoch") + 2))
expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/TERM-3" --set training.epochs=$epochs \
    --set task.samples=20000 --set archive.trajectory_every=100 --set checkpoint.every=100
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/undisturbed" --set training.epochs=$epochs \
    --set task.samples=20000 --set archive.trajectory_every=100 --set checkpoint.every=100
cut -d, -f1-11 "$dir/TERM-3/metrics.csv" > "$dir/rows"
cut -d, -f1-11 "$dir/undisturbed/metrics.csv" | diff - "$dir/rows" > "$dir/difference" ||
    { fail "a stopped run's metrics differ"; head -n 5 "$dir/difference"; }

# Every other signal that would end the program; started by nohup it is deaf to SIGHUP.
for signal in HUP:1 QUIT:3 USR2:12 XCPU:24 ALRM:14 VTALRM:26 PROF:27 RTMIN:34; do
    start_long "${signal%:*}" 1
    kill -"${signal%:*}" "$(echo "$pids" | tail -n 1)"
    stopped "signal ${signal#*:} "
done
run=$dir/nohup
(trap '' HUP && exec "$metazoa" train "$dir/sums.yaml" --output "$run" --set training.epochs=1000000 --set task.samples=20000) \
    > "$dir/out" 2> "$dir/err" &
job=$!
n=0
while [ ! -s "$run/metrics.csv" ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
kill -HUP $job
sleep 1
kill -TERM $job
stopped 'signal 15 '

# Whoever reads what it says may go away: the run goes on.
"$metazoa" train "$dir/sums.yaml" --output "$dir/pipe" --set training.epochs=40 --set task.samples=20000 | head -n 1 > "$dir/out"
grep -q '"finished": true' "$dir/pipe/summary.json" || fail "a run ended with the reader of its output"

# A signal to the launcher reaches the ranks.
start_long launcher 2 --max-hours 5
kill -USR1 $job
stopped 'signal 10'
grep -q 'the time limit leaves' "$dir/out" || fail "nothing is said of the epochs that fit: $(cat "$dir/out")"

# The stop file, which has then done its work.
start_long file 2
touch "$run/stop"
stopped 'stop file'
[ -e "$run/stop" ] && fail "the stop file is still there"

# Limits: by its own clock the run ends before them (unless a busy machine took so long to start it that none was left).
ends_before()
{
    stopped 'time limit'
    "$PYTHON" - "$run/summary.json" "$1" <<'END' || fail "$run outlived its limit"
import json, sys
summary = json.load(open(sys.argv[1]))
started, took = summary["start_up_seconds"], summary["loop_seconds"]
print(f"limit {sys.argv[2]} s: start-up {started:.2f} s, loop {took:.2f} s")
assert started + took < float(sys.argv[2]) or started > 0.3 * float(sys.argv[2])
END
}
start_long hours 2 --max-hours 0.0035
ends_before 12.6
export SLURM_JOB_END_TIME=$(($(date +%s) + 13))
start_long slurm 2
unset SLURM_JOB_END_TIME
ends_before 13

# A second signal: the older checkpoint stays, and is good.
start_long hurry 2 --set checkpoint.every=1
kill -USR1 $pids
sleep 0.01
kill -USR1 $pids
stopped 'signal 10'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/hurry" --max-hours 1 \
    --set training.epochs="$(($(tail -n 1 "$dir/hurry/metrics.csv" | cut -d, -f1) + 1))" --set task.samples=20000 \
    --set archive.trajectory_every=100 --set checkpoint.every=1

# An ensemble stops as a whole, and goes on.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/whole" --set run.ensemble=3
mkdir -p "$dir/ensemble"
touch "$dir/ensemble/stop"
expect 75 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/ensemble" --set run.ensemble=3
echo 'one of the runs was stopped' > "$dir/ensemble/stop" # left where a run failed and mpirun ended the others
expect 0 mpirun -n 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/ensemble" --set run.ensemble=3 --resume
for seed in 5 6 7; do same "$dir/whole/seed-$seed" "$dir/ensemble/seed-$seed"; done

exit $failed
