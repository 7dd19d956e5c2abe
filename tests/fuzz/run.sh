#!/bin/sh
# make fuzz: runs the targets (all, or those that are named), FUZZ_SECONDS each, two at a time. FUZZ_KEEP: a folder
# that keeps what the fuzzers collect (build/fuzz/corpus). What they find is in build/fuzz/found; exit code 1 then.
# Crashes inside libhdf5 are counted and kept, but are not ours (triage.sh).
cd "$(dirname "$0")/../.." || exit 1
fuzz=${FUZZ:-build/fuzz}
seconds=${FUZZ_SECONDS:-60}
keep=${FUZZ_KEEP:-$fuzz/corpus}
export OPENBLAS_NUM_THREADS=1 OMPI_MCA_btl=self OMPI_MCA_btl_base_warn_component_unused=0
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:handle_abort=1:quarantine_size_mb=8
export UBSAN_OPTIONS=print_stacktrace=1
place=/dev/shm
[ -w $place ] || place=/tmp
TMPDIR=$(mktemp -d $place/metazoa-fuzz-run-XXXXXX) || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# fuzz_one TARGET: the log's last lines tell how it went.
fuzz_one()
{
    target=$1 more=
    found=$fuzz/found/$target
    mkdir -p "$keep/$target" "$found"
    [ "$target" = config ] && build/metazoa --help markdown | sed -n 's/^| `\([a-z_]*\)`.*/"\1: "/p; s/^## \(.*\)/"\1:"/p' > "$TMPDIR/config.dict" &&
        more="-dict=$TMPDIR/config.dict -max_len=4096"
    [ "$target" = idx ] && more=-max_len=1024
    [ "$target" = cifar10 ] && more=-max_len=512
    # HDF5 crashes by itself: go on after a crash, in a process of its own.
    [ "$target" = hdf5 ] && more="-max_len=20000 -fork=1 -ignore_crashes=1 -ignore_ooms=0 -ignore_timeouts=0"
    # shellcheck disable=SC2086
    "$fuzz/fuzz_$target" -max_total_time="$seconds" -rss_limit_mb=3000 -malloc_limit_mb=2000 -timeout="${FUZZ_TIMEOUT:-60}" -detect_leaks=1 \
        -print_final_stats=1 -artifact_prefix="$found/" $more "$keep/$target" "tests/fuzz/corpus/$target" > "$fuzz/$target.log" 2>&1
    code=$?
    sh tests/fuzz/triage.sh "$target" "$found" >> "$fuzz/$target.log" 2>&1
    ours=$?
    grep -a '^stat::number_of_exec\|^#[0-9]*: cov' "$fuzz/$target.log" | tail -n 1
    tail -n 1 "$fuzz/$target.log"
    { [ $code -eq 0 ] || [ "$target" = hdf5 ]; } && [ $ours -eq 0 ]
}

[ $# -gt 0 ] || set -- config idx cifar10 hdf5
failed=0
while [ $# -gt 0 ]; do
    fuzz_one "$1" & first=$!
    shift
    second=
    [ $# -gt 0 ] && { fuzz_one "$1" & second=$!; shift; }
    wait $first || failed=1
    [ -z "$second" ] || wait $second || failed=1
done
exit $failed
