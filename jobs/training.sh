#!/bin/sh
# What optimizers, schedules and pruning do to MNIST: every configuration in conf/training, seed after seed.
#   jobs/training.sh [FOLDER]       (make training) FOLDER: of the runs, runs/training
# It may be stopped at any time; run again, it goes on. Seed by seed all configurations are trained, so that after every seed all
# of them have as many. docs/training.md says what to make of it. Environment: as in local.sh; SEEDS (30), ONLY (a pattern of
# the configurations' names: 'curve-*'), MNIST (the folder of the data: data/mnist).
set -u
. "$(dirname "$0")/local.sh"
runs=${1:-runs/training}
images || exit 1

# table FOLDER: test accuracy with which training ended at each number of pruned particles: median of the seeds, least and most.
table()
{
    for file in "$1"/seed-*/metrics.csv; do
        awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
            $at["test_accuracy"] != "" && NR > 1 { last["pruned" in at ? $at["pruned"] : 0] = $at["test_accuracy"] }
            END { for (n in last) print n, last[n] }' "$file"
    done | sort -k 1n -k 2n | awk -v name="$(basename "$1")" '
        function say() { if (n) printf "%-32s %5d pruned  %.3f  (%.3f to %.3f, %d seeds)\n", name, before,
                                (x[int((n + 1) / 2)] + x[int(n / 2) + 1]) / 2, x[1], x[n], n }
        $1 != before { say(); n = 0 } { before = $1; x[++n] = $2 } END { say() }'
}
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

say "Figures"
for kind in curve ticket oneshot; do
    set -- "$runs/$kind"-*
    [ -d "$1" ] || continue
    tool figure pruned "$@" --output "$runs/figures/$kind" > /dev/null || exit
done
for folder in "$runs"/*/; do
    [ -d "$folder/seed-1" ] && table "$folder"
done > "$runs/table.txt"
echo "Figures   $runs/figures"
echo "Table     $runs/table.txt"
