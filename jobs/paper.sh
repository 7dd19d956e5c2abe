#!/bin/sh
# All experiments of the paper at its sizes, and ours beyond it: trained, probed, drawn, reported, and set beside the paper.
#   jobs/paper.sh [FOLDER]       (make paper) FOLDER: of the runs, runs/paper
# It may be stopped at any time; run again, it does only what is not there yet. After each part it says how many are left, and
# for how long if they take as long as those of this start. Environment: as in local.sh; SEEDS (of every experiment and variant:
# 30), IMAGE_SEEDS (of experiment 2: SEEDS), MNIST (folder of its data: data/mnist).
set -u
. "$(dirname "$0")/local.sh"
runs=${1:-runs/paper}
begin=$(seconds)
seeds=${SEEDS:-30} image_seeds=${IMAGE_SEEDS:-${SEEDS:-30}}

# What differs from an experiment, by name. EPOCHS stands for the experiment's.
#   self-task, task-self     footnote 2 of the paper: one task first, then the other one alone
#   self-both, task-both     one task first, then both
#   replication              self-training that cannot disturb the task
#   task-only                no self-training; all particles become self-replicators afterwards
#   momentum-shared, -reset  what the momentum of two tasks in one optimizer may mean
#   small-start              effective weights begin as small as a conventional network's
#   background, rotated      inputs none of which is always zero: metazoa-paper pixels
VARIANTS='conventional     organism.edges=scalar
replication      training.self_train_weights=replication
task-only        training.self_train_steps=0 training.settle=project
self-task        training.phases=[{"self":20},{"task":EPOCHS}]
task-self        training.phases=[{"task":EPOCHS},{"self":20}]
self-both        training.phases=[{"self":20},{"both":EPOCHS}]
task-both        training.phases=[{"task":20},{"both":EPOCHS}]
momentum-shared  training.momentum_buffers=shared
momentum-reset   training.momentum_buffers=reset
small-start      organism.start=layer'
IMAGE_VARIANTS="$VARIANTS
steps-1          training.self_train_steps=1
steps-25         training.self_train_steps=25
noise-0          task.noise=0
noise-0.1        task.noise=0.1
hidden-5-5-5     organism.hidden=[5,5,5]
epochs-2000      training.epochs=2000
background       task.kind=hdf5 task.path=$runs/data/background.h5
rotated          task.kind=hdf5 task.path=$runs/data/rotated.h5
fashion          task.path=/usr/share/datasets/fashion-mnist"

lines() { echo "$1" | wc -l; }

# part: one more part is done.
parts=$((2 + $(lines "$VARIANTS") + 2 + $(lines "$IMAGE_VARIANTS") + 1 + 2)) finished=0
part()
{
    finished=$((finished + 1))
    left=$((parts - finished))
    echo "   part $finished of $parts; $left left, some $((($(seconds) - begin) * left / finished / 60 + 1)) min"
}

# compiled FOLDER [OPTION]...: metazoa compile of every run in FOLDER; FOLDER-compiled/seed-1.json says what it printed.
compiled()
{
    folder=$1
    shift
    mkdir -p "$folder-compiled"
    for run in "$folder"/seed-*; do
        made=$folder-compiled/$(basename "$run")
        [ -z "$(find "$made.json" -newer "$run/summary.json" -newer "$metazoa" 2> /dev/null)" ] || continue
        rm -rf "$made"
        "$metazoa" compile "$run" --json --output "$made" "$@" > "$made.new" && mv "$made.new" "$made.json" || exit 1
        rm -r "$made"
    done
    echo "   $folder: compiled"
}

# experiment NAME CONFIG SEEDS EPOCHS VARIANTS [OPTION]...: an experiment, its variants (whose archives nobody looks at), and
# all probes.
experiment()
{
    name=$1 config=$2 n=$3 epochs=$4 table=$5
    shift 5
    train "$runs/$name" "$config" "$n" "$@"
    part
    mkdir -p "$runs"
    echo "$table" | sed "s/EPOCHS/$epochs/" > "$runs/variants"
    while read -r variant keys; do
        options='--set archive.trajectory_every=0'
        case $variant in background | rotated | fashion) options='--set archive.trajectory_every=200' ;; esac # for types by input
        for key in $keys; do
            options="$options --set $key"
        done
        [ "$variant" != fashion ] || [ -r "${keys#*=}/train-images-idx3-ubyte.gz" ] || {
            echo "   $name-$variant is left out: the Debian package dataset-fashion-mnist is not there"
            part
            continue
        }
        some=$n
        [ "$variant" != epochs-2000 ] || [ "$n" -ge 30 ] || some=$((n < 2 ? n : 2)) # as long as ten others; decides no claim
        train "$runs/$name-$variant" "$config" "$some" "$@" $options --set run.name="$name-$variant"
        variants="$variants $runs/$name-$variant"
        part
    done < "$runs/variants"
    rm "$runs/variants"
    probes "$runs/$name" "$runs/$name-conventional"
    part
    main="$main $runs/$name"
}

main='' variants=
say "Experiment 1: 2-3-3-1 particles learn to add two numbers"
experiment addition "$conf/addition.yaml" "$seeds" 60 "$VARIANTS"

say "Experiment 2: 225-5-5-10 particles learn to tell images"
if images; then
    [ -f "$runs/data/rotated.h5" ] || tool paper pixels "$images_at" "$runs/data" || exit 1
    experiment "$images" "$conf/$images.yaml" "$image_seeds" 200 "$IMAGE_VARIANTS" --set task.path="$images_at"
    probe "$runs/$images-task-self" settle --epoch 200
    train "$runs/$images-wide-conventional" "$conf/mnist-wide.yaml" 1 --set task.path="$images_at" --set organism.edges=scalar \
        --set training.settle=none --set training.epochs=5 --set archive.trajectory_every=0 --set run.name="$images-wide-conventional"
    compiled "$runs/$images-conventional"
    compiled "$runs/$images-wide-conventional"
    compiled "$runs/$images-task-self" --epoch 200
    part
    probe "$runs/$images-replication" dropout --baseline "$runs/$images-conventional/SEED"
    say "Beyond the paper: all particles self-replicators; as much at an accuracy that its organism cannot reach"
    for name in goal wide; do
        n=1
        [ $name = wide ] || n=$image_seeds
        [ $name = goal ] || [ "$image_seeds" -ge 30 ] || {
            echo "   $images-$name is left out where there are less than 30 seeds: it takes as long as all of five"
            part
            continue
        }
        train "$runs/$images-$name" "$conf/mnist-$name.yaml" "$n" --set task.path="$images_at" --set run.name="$images-$name"
        probe "$runs/$images-$name" goal
        main="$main $runs/$images-$name"
        part
    done
else
    say "Experiment 2 is left out: it has no data"
    images=
fi

say "Figures, reports"
started=
trap '[ -z "$started" ] || kill $started 2> /dev/null' EXIT

# finish: waits for all that was started.
finish()
{
    for one in $started; do
        wait "$one" || exit 1
    done
    started=
}

for folder in $main; do # each computes the principal components of its own runs, which the next ones read
    tool figure all "$folder" --output "$runs/figures/${folder##*/}" > /dev/null 2>&1 &
    started="$started $!"
done
finish
tool report $main $variants --output "$runs/report.html" --quiet > /dev/null &
started=$!
tool paper claims "$runs" > "$runs/claims.md" &
started="$started $!"
tool table $main $variants > "$runs/table.txt" &
started="$started $!"
finish
tool table $main $variants --markdown > "$runs/table.md" || exit 1

echo
cat "$runs/table.txt"
echo
echo "Figures   $runs/figures"
echo "Report    $runs/report.html"
echo "Table     $runs/table.txt, $runs/table.md"
echo "Claims    $runs/claims.md: all tables of docs/reproduction.md"
echo "All in $(($(seconds) - begin)) s. docs/reproduction.md says what to make of it"
[ -n "$images" ]
