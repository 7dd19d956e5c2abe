#!/bin/sh
# README's quick start, line by line, in a copy of what a user would have, with images that are told apart fast instead of MNIST.
# What installs, builds and downloads is left out; every file that the lines promise must be there.
root=$PWD
. tests/lib_train.sh
make_images
case $BUILD in /*) build=$BUILD ;; *) build=$root/$BUILD ;; esac
mkdir "$dir/data" && ln -s "$dir/images" "$dir/data/mnist"
ln -s "$build" "$dir/build"
ln -s "$root/analysis" "$root/conf" "$dir"
sed -n '/^## Quick start/,/^and in Python/s/^    //p' README.md | grep -v '^make' > "$dir/start.sh"
sed -n '/^and in Python/,/^A job/s/^    //p' README.md > "$dir/start.py"
[ "$(grep -c . "$dir/start.sh")" -ge 5 ] && [ "$(grep -c . "$dir/start.py")" -ge 2 ] || fail "the quick start has hardly any lines"
sed -n '/^## Quick start/,/^and in Python/s/^    //p' README.md | awk '/^make data/ { have = 1 } /mnist/ && !have { exit 1 }' ||
    fail "a line uses MNIST before it is there"
export METAZOA_PYTHON="$PYTHON"
cd "$dir" || exit 1
while read -r line; do
    sh -c "$line" > out 2> err < /dev/null || { fail "$line: exit code $?"; tail -n 5 out err; }
    promised=$(echo "$line" | sed -n 's/.*#.*: \([a-z/.]*\)$/\1/p')
    [ -z "$promised" ] || [ -e "$promised" ] || fail "$line: no $promised"
done < start.sh
echo 'assert weights.ndim == 4 and weights.shape[3] == 27, weights.shape' >> start.py
PYTHONPATH=analysis "$PYTHON" start.py > out 2>&1 || fail "the lines in Python: $(cat out)"
exit $failed
