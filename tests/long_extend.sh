#!/bin/sh
# docs/extending.md, literally: a copy of the sources gets its files and changes, is built, and trains and probes at one and
# two ranks with the same bits.
. tests/lib.sh
root=$PWD
case $BUILD in */san) echo "not with sanitizers"; exit 0 ;; esac
mkdir "$dir/copy"
cp -a Makefile include src conf docs "$dir/copy/"
cp -a "$BUILD" "$dir/copy/build" # what does not change need not be built again
cd "$dir/copy" || exit 1
git -C "$root" describe --always --dirty > REVISION 2> /dev/null || cp "$root/REVISION" .

awk '/^<!-- file: / { file = $3 } /^```$/ && file { file = ""; inside = 0 } inside { print > file } /^```c$/ { inside = file != "" }' docs/extending.md
awk '/^```diff$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/extending.md > change.diff
awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/extending.md > commands.sh
[ -s src/task/parity.c ] && [ -s src/measure/probe_scale.c ] && [ "$(grep -c '^+++' change.diff)" -eq 4 ] &&
    [ -s commands.sh ] || fail "docs/extending.md does not have the blocks that it should"
patch -p1 -s < change.diff || fail "the changes of docs/extending.md do not apply"
make -s -j2 > log 2>&1 || { fail "make"; tail -n 20 log; }
sh -eu commands.sh > log 2>&1 || { fail "the commands"; tail -n 20 log; }
mv runs/parity runs/alone
sed 's|^build/metazoa|mpirun -n 2 build/metazoa|' commands.sh > two.sh
sh -eu two.sh > log 2>&1 || { fail "the commands, at 2 ranks"; tail -n 20 log; }
for run in alone parity; do cut -d , -f 1-11 runs/$run/metrics.csv > $run.csv; done
cmp -s alone.csv parity.csv || fail "one and two ranks differ: $(diff alone.csv parity.csv | head -n 4)"
cmp -s runs/alone/probe-scale.json runs/parity/probe-scale.json || fail "the probe at one and two ranks differs"
grep -q '"mean": \[[0-9.e-]*, [0-9.e-]*, [0-9.e-]*\]' runs/parity/probe-scale.json || fail "$(cat runs/parity/probe-scale.json)"
accuracy=$(sed -n 's/^ *"test_accuracy": \([0-9.]*\),$/\1/p' runs/parity/summary.json)
awk -v a="$accuracy" 'BEGIN { exit !(a > 0.6) }' || fail "test accuracy \"$accuracy\""
echo "test accuracy $accuracy; $(cat runs/parity/probe-scale.json)"
exit $failed
