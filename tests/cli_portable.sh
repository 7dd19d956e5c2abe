#!/bin/sh
# The program on older processors: kernels with registers of 4 and 8 floats give what they must, whatever this machine has.
. tests/lib.sh
[ "$BUILD" = build ] || { echo "built for other processors without sanitizers alone"; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "not an x86-64 machine"; exit 77; }

# try ARCHITECTURE: at -O1, which is quick to build
try()
{
    arch=$1
    make -s -j"$(nproc)" BUILD="$dir/$arch" ARCH=-march="$arch" OPT=-O1 "$dir/$arch/tests/test_particle" "$dir/$arch/tests/mpi_organism" > "$dir/make" 2>&1 ||
        { tail -n 20 "$dir/make"; fail "it does not build for $arch"; return; }
    "$dir/$arch/tests/test_particle" > "$dir/out" 2>&1 || { tail -n 20 "$dir/out"; fail "particles on $arch"; }
    mpirun -n 2 "$dir/$arch/tests/mpi_organism" > "$dir/out" 2>&1 || { tail -n 20 "$dir/out"; fail "organisms on $arch"; }
}

try x86-64
! grep -qw avx2 /proc/cpuinfo || try x86-64-v3
exit $failed
