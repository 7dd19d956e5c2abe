#!/bin/sh
# What optimizers, schedules and pruning do to MNIST, and to wide organisms: the runs, tables and figure of docs/training.md.
#   jobs/training.sh [FOLDER]       (make training) FOLDER: of the runs, runs/training
# It may be stopped at any time; run again, it goes on. Seed by seed every configuration in conf/training is trained, so that after
# each seed all of them have as many; then the wide organisms. Environment: as in local.sh; SEEDS (30; of wide organisms at most
# 10), ONLY (a pattern of names: 'curve-*', '*wide*'), MNIST (the folder of the data: data/mnist), PAGE (docs/training.md of a
# working tree: its tables and figure are replaced, too).
set -u
. "$(dirname "$0")/local.sh"
runs=${1:-runs/training} seeds=${SEEDS:-30}
images || exit 1
export metazoa runs OPTIONS

# ask NAME CONFIG SEED [OPTION]...: prints the run, for train_those, unless it is finished or not among ONLY.
ask()
{
    # shellcheck disable=SC2254 # a pattern
    case $1 in ${ONLY:-*}) ;; *) return ;; esac
    grep -qs '"finished": true' "$runs/$1/seed-$3/summary.json" && return
    line=
    for word in "$@"; do
        line="$line${line:+ }\"$word\""
    done
    echo "$line"
}

# Trains the runs that it reads, some at a time.
train_those()
{
    # shellcheck disable=SC2016
    xargs -r -P "$cores" -L 1 sh -c '
        name=$1 config=$2 seed=$3
        shift 3
        exec "$metazoa" train "$config" --resume --quiet --set run.seed=$seed --output "$runs/$name/seed-$seed" "$@" $OPTIONS' sh
}

begin=$(seconds) seed=0
while [ $((seed += 1)) -le "$seeds" ]; do
    for config in "$conf"/training/*.yaml; do
        ask "$(basename "$config" .yaml)" "$config" $seed --set task.path="$images_at"
    done | train_those || exit
    say "seed $seed of $seeds, $(($(seconds) - begin)) s"
done

# Wide organisms: first ways to train them, judged by validation samples after 2 of 12 epochs; then the two configurations, and
# the way that was best (docs/training.md), on all samples.
cosine='--set training.schedule=cosine --set training.schedule_factor=0'
adam="$cosine --set training.optimizer=adam --set training.learning_rate=0.001"
# wide NAME [OPTION]...: asks for conf/NAME.yaml, with other options for mnist-wide-adam; or for a way that is only tried.
wide()
{
    name=$1
    shift
    set -- "$@" --set archive.trajectory_every=0 --set checkpoint.keep=1
    case $name in
        fashion-wide) ask "$name" "$conf/$name.yaml" "$seed" "$@" ;;
        mnist-wide*) ask "$name" "$conf/mnist-wide.yaml" "$seed" --set task.path="$images_at" "$@" ;;
        *) ask "$name" "$conf/mnist-wide.yaml" "$seed" --set task.path="$images_at" --set task.validation=0.1 \
            --set training.epochs=2 --set training.on_divergence=reset "$@" ;;
    esac
}
for seed in 101 102 103; do
    for rate in 0.01 0.02 0.04; do wide wide-sgd-$rate --set training.learning_rate=$rate; done
    wide wide-sgd-decay --set training.weight_decay=0.0001
    wide wide-sgd-cosine $cosine
    wide wide-adam-cosine $adam
done | train_those || exit
seed=0
while [ $((seed += 1)) -le $((seeds < 10 ? seeds : 10)) ]; do
    wide mnist-wide
    wide mnist-wide-adam $adam
    wide fashion-wide
done | train_those || exit

say "Tables and figure"
for kind in curve ticket oneshot; do
    set -- "$runs/$kind"-*
    [ -d "$1" ] || continue
    tool figure pruned "$@" --output "$runs/figures/$kind" --formats pdf,svg > /dev/null || exit
done
tool paper training "$runs" > "$runs/table.txt" || exit
[ -z "${PAGE:-}" ] || {
    tool paper training "$runs" --page "$PAGE" && cp "$runs/figures/curve/pruned.svg" "$(dirname "$PAGE")/pruning.svg" || exit
}
echo "Figures   $runs/figures"
echo "Tables    $runs/table.txt"
