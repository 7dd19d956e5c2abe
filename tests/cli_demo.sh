#!/bin/sh
# jobs/demo.sh on short runs and small images: it trains, probes, draws, and ends with the table; run again it does what is missing.
. tests/lib_train.sh
make_images
# What the scripts replace by other words, and what a shell would take apart, is in the names of folders.
share="$dir/RUN it's" demo=$dir/SEED/RUNS
mkdir "$dir/a b" "$dir/a"
case $BUILD in /*) METAZOA=$BUILD/metazoa ;; *) METAZOA=$PWD/$BUILD/metazoa ;; esac
# A program that is alone in its temporary folder, or fails.
printf '%s\n' '#!/bin/sh' '[ "$1" != probe ] || mkdir "${TMPDIR:-/tmp}/'"$(basename "$dir")"'" || exit 1' "exec $METAZOA "'"$@"' > "$dir/program"
chmod +x "$dir/program"
METAZOA=$dir/program
export METAZOA RANKS=2 SEEDS=2 IMAGE_SEEDS=1 MNIST="$dir/images"

# Short configurations, of which one states its fingerprint and the other one a wrong one. Without archives the slow figures are left out.
mkdir -p "$share/conf"
for config in conf/addition.yaml conf/mnist.yaml conf/fashion.yaml; do
    sed -e '/^# Fingerprint/d' -e 's/^  epochs: .*/  epochs: 3/' -e 's/trajectory_every: .*/trajectory_every: 0/' \
        -e '/^ *\(test_\)\{0,1\}samples:/d' -e 's/^task:/task:\n  samples: 150\n  test_samples: 60/' "$config" > "$share/$config"
done
expect 0 "$metazoa" train "$share/conf/addition.yaml" --quiet --output "$dir/alone"
fingerprint=$(tail -n 1 "$dir/alone/metrics.csv" | cut -d, -f11)
echo "# Fingerprint of epoch 3, seed 1: $fingerprint on every machine." >> "$share/conf/addition.yaml"
echo "# Fingerprint of epoch 3, seed 1: 0123456789abcdef on every machine." >> "$share/conf/mnist.yaml"

# The images are no MNIST, and nothing may be fetched here: a get-mnist.sh that finds what is there.
mkdir -p "$share/jobs"
ln -s "$PWD/analysis" "$share/"
cp jobs/demo.sh jobs/local.sh "$share/jobs/"
printf '[ -r "$1/train-images-idx3-ubyte" ]\n' > "$share/jobs/get-mnist.sh"

expect 2 sh "$share/jobs/demo.sh" "$dir/my runs"
says 'name a folder without blanks'
TMPDIR="$dir/a b" expect 0 sh "$share/jobs/demo.sh" "$demo"
[ -d "$dir/a" ] && [ -z "$(ls "$dir/a b")" ] || fail "temporary folders: $(ls -d "$dir"/a* "$dir/a b"/*)"
for kind in robustness lifetime basins stability substitution dropout goal settle; do
    [ -s "$demo/addition/seed-2/probe-$kind.json" ] || fail "no probe $kind of experiment 1"
    [ -s "$demo/mnist/seed-1/probe-$kind.json" ] || fail "no probe $kind of experiment 2"
done
for file in report.html figures/addition/figure-2.pdf figures/mnist/figure-6.png figures/mnist/figure-8.svg; do
    [ -s "$demo/$file" ] || fail "no $file"
done
grep -q '^Test accuracy at epoch 3  *[0-9]' "$dir/out" || { fail "no table:"; cat "$dir/out"; }
grep -q '^Self-replicators among the particles  *[0-9]' "$dir/out" || fail "no table of experiment 1"
grep -q '^the paper says' "$dir/out" && grep -q '^C1 Exp. 1: ' "$dir/out" || { fail "no claims of the paper:"; cat "$dir/out"; }

grep -q "^Reproduced: .*addition.yaml has the fingerprint $fingerprint at epoch 3" "$dir/out" || fail "no word of what was reproduced"
grep -q '^NOT REPRODUCED: .*mnist.yaml has the fingerprint [0-9a-f]* at epoch 3, not 0123456789abcdef' "$dir/out" || fail "no word of what was not"

# verify passes on every run of the demo, conventional networks included.
for runs in addition addition-conventional mnist mnist-conventional; do
    expect 0 "$metazoa" verify "$demo/$runs"
done

# Again at once: nothing is drawn again; a figure that is gone comes back.
pictures() { find "$demo" \( -name '*.pdf' -o -name report.html \) -exec ls -l --time-style=full-iso {} +; }
pictures > "$dir/drawn"
expect 0 sh "$share/jobs/demo.sh" "$demo"
pictures | diff "$dir/drawn" - || fail "figures that are there are drawn again"
rm "$demo/figures/mnist/figure-6.png"
# With a run that was lost, and with MNIST out of reach: only what is missing is made, with the same result, and Fashion-MNIST
# (if that is installed) stands in, with a word.
contents "$demo/addition/seed-2" > "$dir/before"
stamps() { ls -l --time-style=full-iso "$demo"/mnist/seed-1/*.h5 "$demo"/addition/seed-1/*.h5 | grep -v pca; }
stamps > "$dir/times"
rm -r "$demo/addition/seed-2"
if [ -r /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ]; then
    expect 0 env MNIST="$dir/nothing" sh "$share/jobs/demo.sh" "$demo"
    grep -q 'MNIST CANNOT BE HAD' "$dir/out" || fail "no word of Fashion-MNIST"
    [ -s "$demo/fashion/seed-1/summary.json" ] || fail "no run on Fashion-MNIST"
else
    expect 0 sh "$share/jobs/demo.sh" "$demo"
fi
[ -s "$demo/figures/mnist/figure-6.png" ] || [ -d "$demo/fashion" ] || fail "a figure that was removed does not come back"
contents "$demo/addition/seed-2" | diff "$dir/before" - > "$dir/difference" || { fail "seed 2 differs"; cat "$dir/difference"; }
stamps | diff "$dir/times" - || fail "finished work was done again"

# Runs of another configuration are not overwritten.
expect 2 env OPTIONS="--set training.batch=10" sh "$share/jobs/demo.sh" "$demo"
says "rm -r $demo/addition"
exit $failed
