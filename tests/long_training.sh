#!/bin/sh
# make training on few samples: stopped, it goes on; then the tables of docs/training.md and the figure are there, and a third start
# trains nothing.
. tests/lib.sh

[ -r data/mnist/train-images-idx3-ubyte ] || { echo "skipped: make data brings MNIST to data/mnist"; exit 77; }
export SEEDS=2 RANKS=2 METAZOA="$metazoa" ONLY='*-activity' OPTIONS='--set task.samples=300 --set task.test_samples=100'
cp docs/training.md "$dir/page.md"

timeout -s INT 10 sh jobs/training.sh "$dir/training" > "$dir/first" 2>&1 && fail "it was not stopped"
PAGE="$dir/page.md" sh jobs/training.sh "$dir/training" > "$dir/second" 2>&1 || fail "it does not go on: $(tail -n 5 "$dir/second")"
for config in conf/training/*-activity.yaml; do
    grep -qs '"finished": true' "$dir/training/$(basename "$config" .yaml)/seed-2/summary.json" || fail "$config was not trained"
done
grep -q '^| organism, `activity` | 2 |' "$dir/page.md" || fail "the page has other tables"
[ -s "$dir/pruning.svg" ] || fail "there is no figure beside the page"
sh jobs/training.sh "$dir/training" > "$dir/third" 2>&1 || fail "a third start: $(tail -n 5 "$dir/third")"
find "$dir/training" -name 'checkpoint-*' -newer "$dir/second" | grep . && fail "a third start trained again"
exit $failed
