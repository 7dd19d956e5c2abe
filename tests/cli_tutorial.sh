#!/bin/sh
# docs/tutorial.md, literally: all blocks marked ```sh are one shell script, which must work, in a copy of what a user would have.
# What it promises is checked at the end. With BUILD elsewhere, the tutorial's build/ is that folder.
root=$PWD
. tests/lib.sh

case $BUILD in /*) build=$BUILD ;; *) build=$root/$BUILD ;; esac
ln -s "$build" "$dir/build"
ln -s "$root/analysis" "$dir/analysis"
awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/tutorial.md | sed "s|/usr/bin/python3|$PYTHON|" > "$dir/tutorial.sh"
[ "$(grep -c . "$dir/tutorial.sh")" -gt 30 ] || fail "the tutorial has hardly any commands"
cd "$dir" || exit 1
sh -eu tutorial.sh > out 2> err < /dev/null || { fail "exit code $?"; tail -n 20 out err; }

run=runs/tutorial/flowers
grep -q 'organism  *8-6-3, gelu: 66 particles' out || fail "not 66 particles"
grep -qx 'the same, byte for byte' out || fail "two processes and one differ"
accuracy=$(sed -n 's/^ *"test_accuracy": \([0-9.]*\),$/\1/p' $run/summary.json)
awk -v a="$accuracy" 'BEGIN { exit !(a > 0.9) }' || fail "test accuracy $accuracy"
grep -q '^    "self_replicator": 66,$' $run/summary.json || fail "not all settled"
grep -q '"kind": "dropout"' out || fail "no result of the probe"
grep -q 'explained variance' out || fail "no explained variance"
[ "$(head -c 4 runs/tutorial/figures/figure-12.png | tail -c 3)" = PNG ] || fail "no figure 12"
grep -q '</html>' runs/tutorial/report.html || fail "no report"
[ $failed -eq 0 ] || tail -n 40 out
exit $failed
