#!/bin/sh
# make dist: the tarball holds all that git does, builds where there is no git, and passes quick tests there.
. tests/lib.sh
git rev-parse -q --verify HEAD > /dev/null 2>&1 || { echo "not in a git repository: no tarball to make"; exit 0; }
make -s dist > "$dir/out" 2>&1 || { fail "make dist"; cat "$dir/out"; exit 1; }
tar -xzf dist/metazoa-*.tar.gz -C "$dir" || exit 1
git ls-tree -r --name-only HEAD | sort > "$dir/expected"
cd "$dir"/metazoa-* || exit 1
find . ! -type d | sed 's|^\./||' | grep -v '^REVISION$' | sort | cmp -s - "$dir/expected" || fail "the tarball holds other files than git"
unset BUILD
make -s -j2 > "$dir/out" 2>&1 || { fail "make"; tail -n 20 "$dir/out"; exit 1; }
GIT_DIR=/nowhere build/metazoa --version | grep -q "($(cat REVISION))" || fail "--version does not know the revision"
make -s -j2 build/tests/test_config build/tests/test_particle > "$dir/out" 2>&1 || { fail "make tests"; tail -n 20 "$dir/out"; }
for test in test_config test_particle cli_usage; do
    PYTHON=$PYTHON tests/run.sh $test > "$dir/out" 2>&1 || { fail "$test"; tail -n 20 "$dir/out"; }
done
mpirun -n 2 build/metazoa train conf/addition.yaml --quiet --output "$dir/run" > "$dir/out" 2>&1 || { fail "train"; cat "$dir/out"; }
build/metazoa verify "$dir/run" > "$dir/out" 2>&1 || { fail "verify"; cat "$dir/out"; }
exit $failed
