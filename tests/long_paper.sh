#!/bin/sh
# make paper on few samples: stopped, it goes on where it was; then all tables, figures and the report are there, and a third
# start trains and probes nothing.
. tests/lib.sh

export SEEDS=1 RANKS=2 METAZOA="$metazoa" OPTIONS='--set task.samples=2000 --set task.test_samples=500'
[ -r data/mnist/train-images-idx3-ubyte ] || { echo "skipped: make data brings MNIST to data/mnist"; exit 77; }

timeout -s INT 25 sh jobs/paper.sh "$dir/paper" > "$dir/first" 2>&1 && fail "it was not stopped"
sh jobs/paper.sh "$dir/paper" > "$dir/second" 2>&1 || fail "it does not go on: $(tail -n 5 "$dir/second")"
parts=$(sed -n 's/.*part [0-9]* of \([0-9]*\); 0 left.*/\1/p' "$dir/second")
[ "$(grep -c '^   part ' "$dir/second")" -eq "${parts:-0}" ] || fail "its parts are not as many as it says"
for name in $(sed -n 's/^<!-- table \(.*\) -->$/\1/p' docs/reproduction.md); do
    grep -qx "## $name" "$dir/paper/claims.md" || fail "claims.md has no table $name"
done
grep -q '| C20 .*confirmed' "$dir/paper/claims.md" || fail "particles alone were not looked at"
for file in report.html table.txt figures/addition/lifetime.png figures/addition/basins.png figures/mnist/stability.png figures/mnist/figure-12.png; do
    [ -s "$dir/paper/$file" ] || fail "there is no $file"
done
sh jobs/paper.sh "$dir/paper" > "$dir/third" 2>&1 || fail "a third start: $(tail -n 5 "$dir/third")"
find "$dir/paper" \( -name 'checkpoint-*' -o -name 'probe-*.h5' \) -newer "$dir/second" | grep . && fail "a third start made these anew"
exit $failed
