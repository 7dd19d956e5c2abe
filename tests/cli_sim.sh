#!/bin/sh
# The simulation of clusters: messages and bytes that can be counted by hand, and time that falls with ranks.
command -v smpicc > /dev/null && command -v smpirun > /dev/null || { echo "no SimGrid here (libsimgrid-dev)"; exit 77; }
[ "$BUILD" = build ] || { echo "the simulation is built without sanitizers alone"; exit 77; }
. tests/lib.sh
make -s -j"$(nproc)" sim > "$dir/make" 2>&1 || { tail -n 20 "$dir/make"; fail "make sim"; exit 1; }

# simulate ORGANISM RANKS GRID [OPTION of study.py]...
simulate()
{
    organism=$1 ranks=$2 grid=$3
    shift 3
    "$PYTHON" sim/study.py "$organism" "$ranks" --grids "$grid" "$@" --csv "$dir/study.csv" > "$dir/out" 2>&1 || { cat "$dir/out"; fail "study.py $*"; }
}

# column NAME ORGANISM GRID: a number of that point.
column()
{
    "$PYTHON" -c 'import csv, sys
print(*(row[sys.argv[2]] for row in csv.DictReader(open(sys.argv[1])) if [row["organism"], row["grid"]] == sys.argv[3:]))' \
        "$dir/study.csv" "$@"
}

# same WHAT NUMBER EXPECTED
same() { [ "$2" = "$3" ] || fail "$1: $2 instead of $3"; }

# 225-5-5-10 has 71 + 2 + 4 groups of 16 particles. On 4 ranks of the batch axis their 1232 gradients are summed in two rounds,
# 616 and 308 doubles, and their effective weights, 616 doubles' worth, come together in two, 154 and 308.
simulate paper 4 4x1x1
same "messages on 4x1x1" "$(column messages paper 4x1x1)" 16
same "bytes of a rank on 4x1x1" "$(column rank_bytes paper 4x1x1)" $((8 * (616 + 308 + 154 + 308)))

# 8 chunks, each with two sums, for which either of two ranks sends a half there and one back: forward of the layers 1 and 2 (for
# backward of layer 2 both have its weights). On each pair of the batch axis, there and back for gradients and effective weights.
simulate paper 4 2x1x2
same "messages on 2x1x2" "$(column messages paper 2x1x2)" $((8 * 2 * 4 + 4 + 4))

# Three sums over three ranks, each of which sends two parts there and two back: forward of the layers 0 and 2, backward of
# layer 1.
simulate paper 3 1x3x1
same "messages on 1x3x1" "$(column messages paper 1x3x1)" $((8 * 3 * 3 * 4))

# A larger organism is between three and four times as fast on four ranks.
wide=784,512,512,10:1000
simulate $wide 1 1x1x1
simulate $wide 4 2x2x1
"$PYTHON" -c 'import sys; one, four = map(float, sys.argv[1:]); sys.exit(not 3 < one / four < 4)' \
    "$(column seconds $wide 1x1x1)" "$(column seconds $wide 2x2x1)" ||
    fail "$wide: $(column seconds $wide 1x1x1) s on one rank, $(column seconds $wide 2x2x1) s on four"

# Ranks that are dealt out to the nodes in turns are as quick as those that fill one after the other.
simulate $wide 8 4x2x1 --per-node 2
block=$(column seconds $wide 4x2x1)
rm "$dir/study.csv"
simulate $wide 8 4x2x1 --per-node 2 --placement cyclic
"$PYTHON" -c 'import sys; block, cyclic = map(float, sys.argv[1:]); sys.exit(not cyclic < 1.05 * block)' \
    "$block" "$(column seconds $wide 4x2x1)" || fail "cyclic placement: $(column seconds $wide 4x2x1) s instead of $block"

# The tables of docs/scaling.md, in short: one for each organism, and the comparison with real runs.
mkdir "$dir/page"
"$PYTHON" sim/page.py --short --folder "$dir/page" > "$dir/out" 2>&1 || { tail -n 20 "$dir/out"; fail "page.py"; }
[ "$(grep -c '^### ' "$dir/out")" -eq 2 ] && [ "$(grep -c '^| 225-5-5-10, 2000 |' "$dir/out")" -eq 2 ] && [ -s "$dir/page/scaling.svg" ] ||
    { cat "$dir/out"; fail "page.py: tables are missing"; }
exit $failed
