#!/bin/sh
# All experiments of the paper at its sizes, and ours beyond it: trained, probed, drawn, reported, and set beside the paper.
#   jobs/paper.sh [FOLDER]       (make paper) FOLDER: of the runs, runs/paper
# Run again, it does only what is not there yet. Environment: as in local.sh; SEEDS (of experiment 1: 10), IMAGE_SEEDS (of
# experiment 2: 5), MNIST (folder of its data: data/mnist).
set -u
. "$(dirname "$0")/local.sh"
runs=${1:-runs/paper}
begin=$(seconds)

# What differs from an experiment in one thing. The paper's footnotes train one task first; the momentum of the two tasks can also
# be one and the same, or the self-training can start every batch without one; effective weights can begin as small as a
# conventional network's.
VARIANTS='conventional     organism.edges=scalar
self-first       training.first=self training.first_epochs=20
task-first       training.first=task training.first_epochs=20
momentum-shared  training.momentum_buffers=shared
momentum-reset   training.momentum_buffers=reset
small-start      organism.start=layer'

# experiment NAME CONFIG SEEDS [OPTION]...: an experiment, its variants (whose archives nobody looks at), and all probes.
experiment()
{
    name=$1 config=$2 n=$3
    shift 3
    train "$runs/$name" "$config" "$n" "$@"
    echo "$VARIANTS" > "$runs/variants"
    while read -r variant keys; do
        options=
        for key in $keys; do
            options="$options --set $key"
        done
        train "$runs/$name-$variant" "$config" "$n" "$@" $options --set run.name="$name-$variant" --set archive.trajectory_every=0
        variants="$variants $runs/$name-$variant"
    done < "$runs/variants"
    rm "$runs/variants"
    probes "$runs/$name" "$runs/$name-conventional"
    main="$main $runs/$name"
}

main='' variants=
say "Experiment 1: 2-3-3-1 particles learn to add two numbers"
experiment addition "$conf/addition.yaml" "${SEEDS:-10}"

say "Experiment 2: 225-5-5-10 particles learn to tell images"
if images; then
    experiment "$images" "$conf/$images.yaml" "${IMAGE_SEEDS:-5}" --set task.path="$images_at"
    say "Beyond the paper: all particles self-replicators; as much at an accuracy that its organism cannot reach"
    for name in goal wide; do
        n=1
        [ $name = wide ] || n=${IMAGE_SEEDS:-5}
        train "$runs/$images-$name" "$conf/mnist-$name.yaml" "$n" --set task.path="$images_at" --set run.name="$images-$name"
        probe "$runs/$images-$name" goal
        main="$main $runs/$images-$name"
    done
else
    say "Experiment 2 is left out: it has no data"
    images=
fi

say "Figures, reports"
for folder in $main; do
    tool figure all "$folder" --output "$runs/figures/${folder##*/}" > /dev/null 2>&1 || exit 1
done
tool report $main $variants --output "$runs/report.html" --quiet > /dev/null || exit 1
tool table $main $variants > "$runs/table.txt" || exit 1
tool table $main $variants --markdown > "$runs/table.md" || exit 1

echo
cat "$runs/table.txt"
echo
echo "Figures   $runs/figures"
echo "Report    $runs/report.html"
echo "Table     $runs/table.txt, $runs/table.md"
echo "All in $(($(seconds) - begin)) s. docs/reproduction.md says what to make of it"
[ -n "$images" ]
