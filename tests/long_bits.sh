#!/bin/sh
# The same bits on every machine: builds the computing core and tests/test_fingerprints.c for other compilers, optimisations,
# vectors and processors, with a stand-in for MPI, and compares each with tests/fingerprints. AArch64 runs in qemu-user.
# What is not on this machine is left out, and said. Variants in words: tests/long_bits.sh gcc-O2 ... runs those alone.
# What is built is the Makefile's list of sources, without MPI, HDF5 and libyaml; flags are the Makefile's, too.
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
core=$(make -s print-SOURCES | tr ' ' '\n' | grep -E '^src/(base|parallel|particle|organism)/|^src/task/image.c' |
    xargs grep -LE '<(mpi|hdf5|jansson)\.h>|parallel/comm_mpi\.h|base/json\.h')
sources="tests/test_fingerprints.c tests/serial/comm.c $core"
flags="$(make -s print-STANDARD) -Iinclude -I$dir/include -w"
mkdir -p "$dir/include"
for folder in /usr/include "$HOME/opt/include"; do # Random123 is headers alone, and the same for every processor
    [ -d "$folder/Random123" ] && ln -sf "$folder/Random123" "$dir/include/Random123" && break
done
failed=0 passed=0 wanted=" $* "

# judge NAME PROGRAM...: the program compares.
judge()
{
    name=$1
    shift
    if "$@" > "$dir/out" 2>&1; then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name: $(tail -n 1 "$dir/out")"
        head -n 5 "$dir/out"
        failed=$((failed + 1))
    fi
}

# whether NAME COMMAND...: it is wanted, and the commands that it needs are here.
whether()
{
    name=$1
    shift
    case $wanted in "  " | *" $name "*) ;; *) return 1 ;; esac
    for needed in "$@"; do
        command -v "$needed" > /dev/null || { echo "left out: $name needs $needed"; return 1; }
    done
}

# variant NAME RUN COMPILER FLAG...: RUN is what runs the program ("" here).
variant()
{
    name=$1 run=$2 compiler=$3
    shift 3
    whether "$name" "$compiler" $run || return
    # shellcheck disable=SC2086
    if $compiler $flags "$@" -o "$dir/$name" $sources -lm 2> "$dir/err"; then
        judge "$name" $run "$dir/$name"
    else
        echo "FAIL $name does not build: $(head -n 3 "$dir/err")"
        failed=$((failed + 1))
    fi
}

x86() { grep -qw "$1" /proc/cpuinfo; } # whether this processor has an instruction set

if x86 avx512bw; then
    variant gcc-v4-16 "" gcc -O3 -march=x86-64-v4
    variant clang-v4-16 "" clang -O3 -march=x86-64-v4
fi
if x86 fma; then
    variant gcc-O3 "" gcc -O3 -march=x86-64-v3
    variant gcc-O2 "" gcc -O2 -march=x86-64-v3
    variant gcc-O1 "" gcc -O1 -march=x86-64-v3
    variant gcc-O3-4 "" gcc -O3 -march=x86-64-v3 -DVECTOR=4
    variant gcc-sanitizers "" gcc -O1 -march=x86-64-v3 -fsanitize=address,undefined -fno-sanitize-recover=undefined
    variant clang-O3 "" clang -O3 -march=x86-64-v3
    variant clang-O2 "" clang -O2 -march=x86-64-v3
    variant clang-O2-4 "" clang -O2 -march=x86-64-v3 -DVECTOR=4
fi
if x86 ssse3; then
    variant gcc-v2 "" gcc -O2 -march=x86-64-v2 # without fused multiply-adds: the C library's, slowly
    variant clang-v2 "" clang -O2 -march=x86-64-v2
fi
variant aarch64-O3 "qemu-aarch64-static" aarch64-linux-gnu-gcc -O3 -static
variant aarch64-O1 "qemu-aarch64-static" aarch64-linux-gnu-gcc -O1 -static
if whether mpich mpicc.mpich mpirun.mpich; then # the whole program's library, with the real MPI
    if make -s BUILD="$dir/mpich" CC=mpicc.mpich "$dir/mpich/tests/test_fingerprints" > "$dir/err" 2>&1; then
        judge mpich mpirun.mpich -n 1 "$dir/mpich/tests/test_fingerprints"
    else
        echo "FAIL mpich does not build: $(head -n 3 "$dir/err")"
        failed=$((failed + 1))
    fi
fi
echo "$passed variants have the bits of tests/fingerprints, $failed have not"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
