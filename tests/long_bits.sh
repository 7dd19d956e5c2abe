#!/bin/sh
# The same bits on every machine: builds the computing core and tests/test_fingerprints.c for other compilers, optimisations,
# vectors and processors, with a stand-in for MPI, and compares each with tests/fingerprints. AArch64 runs in qemu-user.
# What is not on this machine is left out, and said. Variants in words: tests/long_bits.sh gcc-O2 ... runs those alone.
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
sources="tests/test_fingerprints.c tests/serial/comm.c src/task/image.c $(ls src/particle/*.c src/organism/*.c)
    src/parallel/exact_wide.c src/parallel/grid.c src/parallel/random.c src/base/error.c src/base/hash.c src/base/memory.c src/base/processor.c
    src/base/terminal.c src/base/text.c src/base/timer.c"
flags="-std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -Iinclude -I$dir/include -w"
mkdir -p "$dir/include"
for folder in /usr/include "$HOME/opt/include"; do # Random123 is headers alone, and the same for every processor
    [ -d "$folder/Random123" ] && ln -sf "$folder/Random123" "$dir/include/Random123" && break
done
failed=0 passed=0 wanted=" $* "

# variant NAME RUN COMPILER FLAG...: RUN is what runs the program ("" here).
variant()
{
    name=$1 run=$2 compiler=$3
    shift 3
    case $wanted in "  " | *" $name "*) ;; *) return ;; esac
    if ! command -v "$compiler" > /dev/null || ! command -v ${run:-true} > /dev/null; then
        echo "left out: $name needs $compiler $run"
        return
    fi
    # shellcheck disable=SC2086
    if ! $compiler $flags "$@" -o "$dir/$name" $sources -lm 2> "$dir/err"; then
        echo "FAIL $name does not build: $(head -n 3 "$dir/err")"
        failed=$((failed + 1))
    elif $run "$dir/$name" > "$dir/out"; then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name: $(tail -n 1 "$dir/out")"
        head -n 5 "$dir/out"
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
echo "$passed variants have the bits of tests/fingerprints, $failed have not"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
