#!/bin/sh
# Other compilers and another MPI: GCC and Clang with Open MPI and MPICH build without a warning (the tests of one process once
# with Clang: they know nothing of MPI), pass the tests of ranks (mpi_*) on one and two, and train conf/addition.yaml to the same
# bits as the program of this folder.
. tests/lib.sh
[ "$BUILD" = build ] || { echo "only beside the usual build"; exit 77; }
missing=
for word in clang mpicc.openmpi mpirun.openmpi mpicc.mpich mpirun.mpich; do command -v $word > /dev/null || missing="$missing $word"; done
[ -z "$missing" ] || { echo "not here:$missing (make deps-ci)"; exit 77; }
fingerprint() { tail -n 1 "$1/metrics.csv" | cut -d, -f 11; }
"$metazoa" train conf/addition.yaml --quiet --output "$dir/own" > "$dir/out" 2>&1 || fail "conf/addition.yaml: $(cat "$dir/out")"

# run LABEL COMMAND...: a test
run()
{
    label=$1
    shift
    timeout -k 10 300 "$@" > "$dir/out" 2>&1 < /dev/null || { fail "$label: exit code $?"; tail -n 20 "$dir/out"; }
}

# try COMPILER MPI TESTS OPTIMISATION: the usual pair has just passed all tests. What MPI it is has nothing to do with how the compiler
# optimises: with MPICH it does so less, which takes half of the time to build.
try()
{
    built=$BUILD/$2-$1 # kept: what does not change need not be built again
    tests=$(for test in tests/$3.c; do echo "$built/tests/$(basename "$test" .c)"; done)
    # shellcheck disable=SC2086
    if ! make -s -j"$(nproc)" BUILD="$built" CC="env OMPI_CC=$1 MPICH_CC=$1 mpicc.$2" OPT="$4" WERROR=-Werror all $tests > "$dir/make" 2>&1; then
        fail "it does not build with $1 and $2"
        tail -n 20 "$dir/make"
        return
    fi
    for test in tests/mpi_*.c; do
        test=$(basename "$test" .c)
        for ranks in 1 2; do run "$test with $1 and $2 at $ranks ranks" mpirun."$2" -n $ranks "$built/tests/$test"; done
    done
    for ranks in 1 2; do
        run "conf/addition.yaml with $1 and $2" mpirun."$2" -n $ranks "$built/metazoa" train conf/addition.yaml --quiet --output "$dir/$ranks"
        [ "$(fingerprint "$dir/$ranks")" = "$(fingerprint "$dir/own")" ] ||
            fail "other bits with $1 and $2 at $ranks ranks: $(fingerprint "$dir/$ranks") instead of $(fingerprint "$dir/own")"
    done
    rm -rf "$dir/1" "$dir/2"
}

try clang openmpi '[mt]*_*' -O3
try gcc mpich 'mpi_*' -O1
try clang mpich 'mpi_*' -O1

# MPICH gives its ranks pipes: the bar is shown if mpirun's output is a terminal, and not otherwise. Commands to paste name the
# launcher that fits.
built=$BUILD/mpich-gcc/metazoa
train="mpirun.mpich -n 2 $built train conf/addition.yaml --set training.epochs=3 --output $dir"
script -qec "$train/shown" /dev/null > "$dir/shown.txt" < /dev/null
grep -q '100 %  epoch 3/3' "$dir/shown.txt" || fail "no bar under mpirun.mpich: $(cat "$dir/shown.txt")"
$train/piped | cat > "$dir/piped.txt"
grep -q 'epoch 3/3' "$dir/piped.txt" && ! grep -q '%  epoch' "$dir/piped.txt" || fail "mpirun.mpich in a pipe: $(cat "$dir/piped.txt")"
mkdir "$dir/stopped" && touch "$dir/stopped/stop"
$train/stopped > "$dir/out" 2>&1
grep -q "go on with: mpirun.mpich -n 2 $built train" "$dir/out" || fail "how to go on: $(cat "$dir/out")"
(cd "$dir" && "$OLDPWD/$built" new own) > "$dir/out" 2>&1
[ "$(realpath "$(command -v mpirun)")" = "$(realpath "$(command -v mpirun.mpich)")" ] || grep -q 'mpirun.mpich -n 2' "$dir/out" ||
    fail "new names another mpirun: $(cat "$dir/out")"
exit $failed
