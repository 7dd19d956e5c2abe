#!/bin/sh
# What optimizers, schedules and pruning do to MNIST: every configuration in conf/training, seed after seed.
#   jobs/training.sh [FOLDER]       FOLDER: of the runs, runs/training
# It may be stopped at any time; run again, it goes on. Seed by seed all configurations are trained, so that after every seed all
# of them have as many. docs/training.md says what to make of it. Environment: as in local.sh; SEEDS (30), ONLY (a pattern of
# the configurations' names: 'curve-*'), MNIST (the folder of the data: data/mnist).
set -u
. "$(dirname "$0")/local.sh"
runs=${1:-runs/training}
images || exit 1
begin=$(seconds) seed=0
while [ $seed -lt "${SEEDS:-30}" ]; do
    seed=$((seed + 1))
    for config in "$conf"/training/${ONLY:-*}.yaml; do
        name=$(basename "$config" .yaml)
        grep -qs '"finished": true' "$runs/$name/seed-$seed/summary.json" || echo "$name"
    done | xargs -r -P "$cores" -I NAME "$metazoa" train "$conf/training/NAME.yaml" --resume --quiet --set run.seed=$seed \
        --set task.path="$images_at" --output "$runs/NAME/seed-$seed" $OPTIONS || exit
    say "seed $seed of ${SEEDS:-30}, $(($(seconds) - begin)) s"
done
