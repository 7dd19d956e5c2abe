#!/bin/sh
# The program on processors with registers of 8 floats: the same fingerprints, whatever this machine has. (long_bits.sh tries
# registers of 4 floats, other compilers, no fused multiply-adds, and AArch64.)
. tests/lib.sh
[ "$BUILD" = build ] || { echo "built for other processors without sanitizers alone"; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "not an x86-64 machine"; exit 77; }

grep -qw avx2 /proc/cpuinfo || { echo "this processor has no AVX2"; exit 77; }
make -s -j"$(nproc)" BUILD="$dir/v3" ARCH=-march=x86-64-v3 OPT=-O1 "$dir/v3/tests/test_fingerprints" "$dir/v3/tests/test_particle" \
    "$dir/v3/tests/mpi_organism" > "$dir/make" 2>&1 || { tail -n 20 "$dir/make"; fail "it does not build for x86-64-v3"; exit 1; }

# run NAME COMMAND...
run()
{
    name=$1
    shift
    "$@" > "$dir/out" 2>&1 || { tail -n 20 "$dir/out"; fail "$name on x86-64-v3"; }
}

run fingerprints "$dir/v3/tests/test_fingerprints"
run particles "$dir/v3/tests/test_particle"
run organisms mpirun -n 2 "$dir/v3/tests/mpi_organism"
exit $failed
