#!/bin/sh
# docs/extending.md, literally: a copy of the sources gets its files and changes and is built once. Its commands give the same
# bits at one and two ranks, every run verifies, and the new program goes on with a run of the old one. No example touches more
# than five source files.
. tests/lib.sh
root=$PWD before=$(cd "$BUILD" && pwd)/metazoa
case $BUILD in */san) echo "not with sanitizers"; exit 0 ;; esac
mkdir "$dir/copy"
"$metazoa" train conf/addition.yaml --quiet --output "$dir/copy/runs/old" --set interaction.attack=0.3 --set training.epochs=3 ||
    fail "a run of the program as it is"
cp -a Makefile include src conf docs "$dir/copy/"
cp -a "$BUILD" "$dir/copy/build" # what does not change need not be built again
cd "$dir/copy" || exit 1
git -C "$root" describe --always --dirty > REVISION 2> /dev/null || cp "$root/REVISION" .

page=docs/extending.md
awk '/^<!-- file: / { file = $3 } /^```$/ && file { file = ""; inside = 0 } inside { print > file } /^```c$/ { inside = file != "" }' $page
awk '/^```diff$/ { inside = 1; next } /^```$/ { inside = 0 } inside' $page > change.diff
awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' $page > commands.sh
awk '/^## / { name = $0 } /^<!-- file: / || /^\+\+\+ / { n[name]++ }
     END { for (s in n) { sections++; if (n[s] > 5) print s " touches " n[s] " source files" }
           if (sections != 8) print sections " examples instead of 8" }' $page > counts
[ ! -s counts ] || fail "$(cat counts)"
patch -p1 -s < change.diff > log || { fail "the changes of $page do not apply: $(cat log)"; exit 1; }
make -s -j2 OPT=-O1 > log 2>&1 || { fail "make"; tail -n 20 log; exit 1; }

sh -eu commands.sh > log 2>&1 || { fail "the commands"; tail -n 20 log; }
build/metazoa train conf/addition.yaml --quiet --output runs/old --set interaction.attack=0.3 --set interaction.blend=0 \
    --set training.epochs=4 --resume > log 2>&1 || { fail "a run of the program before the changes does not go on"; cat log; }
mv runs alone
sed 's|^build/metazoa|mpirun -n 2 build/metazoa|' commands.sh > two.sh
sh -eu two.sh > log 2>&1 || { fail "the commands, at 2 ranks"; tail -n 20 log; }
for run in parity relu squared squared-compiled blend lion linear slow; do
    for place in alone runs; do cut -d , -f 1-11 $place/$run/metrics.csv > $place.csv; done
    cmp -s alone.csv runs.csv || fail "$run: one and two ranks differ: $(diff alone.csv runs.csv | head -n 4)"
    build/metazoa verify runs/$run > log 2>&1 || { fail "verify runs/$run"; cat log; }
done
build/metazoa train conf/addition.yaml --quiet --output runs/other --init runs/squared-compiled --set training.epochs=1 > log 2>&1 &&
    fail "--init takes particles of another kind"
cmp -s alone/squared/metrics.csv alone/old/metrics.csv && fail "squared positions change nothing"
"$before" verify runs/squared > log 2>&1 && fail "the program as it was knows a new kind"
grep -q 'of the kind "squared": use a newer program' log || fail "$(cat log)"
build/metazoa verify alone/old > log 2>&1 || { fail "verify of the older run"; cat log; }

# json RUN FILE NAME: a number in one of its files.
json()
{
    sed -n "s/.*\"$3\": \([0-9.e-]*\).*/\1/p" "alone/$1/$2"
}
# true_of "CONDITION" VALUE: a condition of awk on a number v.
true_of()
{
    awk -v v="$2" "BEGIN { exit !(v != \"\" && ($1)) }" || fail "$2, not $1: $3"
}
true_of 'v > 0.6' "$(json parity summary.json test_accuracy)" "accuracy of parity"
true_of 'v < 1e-4' "$(json relu probe-substitution.json largest)" "forward and plain of relu"
true_of 'v > 0' "$(head -n 1 alone/blend/metrics.csv | grep -c ,blends,)" "a column of blends"
true_of 'v > 0' "$(cut -d , -f 15 alone/blend/metrics.csv | tail -n 1)" "blends in an epoch"
build/metazoa train conf/addition.yaml --quiet --output runs/whole --set training.momentum_buffers=slow --set training.epochs=6
for run in slow whole; do tail -n 1 runs/$run/metrics.csv | cut -d , -f 11; done | uniq | wc -l | grep -qx 1 ||
    fail "slow: a resume differs from a run in one go"
cmp -s alone/parity/probe-scale.json runs/parity/probe-scale.json || fail "the probe at one and two ranks differs"
grep -q '"mean": \[[0-9.e-]*, [0-9.e-]*, [0-9.e-]*\]' runs/parity/probe-scale.json || fail "$(cat runs/parity/probe-scale.json)"
exit $failed
