#!/bin/sh
# Runs the tests and counts them: test_* once, mpi_* at 1, 2, 3 and 5 ranks, cli_*.sh and the Python tests.
#     tests/run.sh [NAME]    those with NAME in their names; all
#     tests/run.sh long      tests/long_*.sh instead
# JOBS tests run at the same time (as many as there are processors, at most 4), but those that measure time or use all
# processors run alone. BUILD: folder of the binaries. Every test has a time limit. A test that ends with exit code 77 is skipped.
# Logs of failed tests are shown; the last line is "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1

# run_one LABEL SECONDS COMMAND...: prints one line, and what a failed test said.
run_one()
{
    label=$1 limit=$2 log=$(mktemp) start=$(date +%s)
    shift 2
    timeout -k 10 "$limit" "$@" > "$log" 2>&1 < /dev/null
    code=$?
    case $code in
    0) result="ok    $label ($(($(date +%s) - start)) s)" ;;
    77) result="skip  $label: $(tail -n 1 "$log")" ;; # what the test needs is not on this machine
    *) result=$(echo "FAIL  $label (exit code $code)" && tail -n 60 "$log" | sed 's/^/      | /') ;;
    esac
    (flock 9 && printf '%s\n' "$result" && printf '%.4s\n' "$result" >> "$RESULTS") 9>> "$RESULTS"
    rm -f "$log"
}

# run_test FILE [RANKS]
run_test()
{
    name=$(basename "$1") && name=${name%.*}
    case $name in
    test_*) run_one "$name" 1200 "$BUILD/tests/$name" ;;
    mpi_*) run_one "$name at $2 ranks" 1200 mpirun -n "$2" "$BUILD/tests/$name" ;;
    cli_*) run_one "$name" 1200 sh "$1" ;;
    py_*) run_one "$name" 1200 "$PYTHON" -m pytest -q -p no:cacheprovider "$1" ;;
    long_*) run_one "$name" 7200 sh "$1" ;;
    esac
}

if [ "${1:-}" = --one ]; then # a call of this script by itself
    shift
    run_test "$@"
    exit 0
fi

BUILD=${BUILD:-build}
PYTHON=${PYTHON:-/usr/bin/python3}
cores=$(nproc)
JOBS=${JOBS:-$((cores < 4 ? cores : 4))}
export BUILD PYTHON OPENBLAS_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_base_warn_component_unused=0
export OMPI_MCA_mpi_yield_when_idle=1 # a rank that waits makes room for the others, and for whatever else runs here
export OMPI_MCA_pml="${OMPI_MCA_pml:-ob1}" # all ranks are here: drivers of fast networks, which need 0.2 s to start, are left out
# A build with sanitizers (make SAN=1): MPI leaves memory to the end of the process, which is not our leak (tests/README.md), and
# libraries that tests put before others come before the sanitizer.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0:verify_asan_link_order=0}"
# Tests run make themselves: with the variables of the make that runs this script (CC=...), not with its options (-j).
case ${MAKEFLAGS:-} in *'-- '*) export MAKEFLAGS="-- ${MAKEFLAGS#*-- }" ;; *) unset MAKEFLAGS ;; esac
unset MFLAGS MAKELEVEL

# All files of tests lie in one folder. In memory nobody waits for a disk (TMPDIR=/tmp tests/run.sh: with a disk).
memory_holds() # $1: a folder there. It needs 4 GiB and may have to hold programs.
{
    [ "$(df -Pk "$1" | awk 'END { print $4 }')" -gt 4194304 ] && cp /bin/true "$1/" && "$1/true"
}
scratch=
[ -n "${TMPDIR:-}" ] || scratch=$(mktemp -d /dev/shm/metazoa-tests-XXXXXX 2> /dev/null)
if [ -n "$scratch" ] && ! memory_holds "$scratch" 2> /dev/null; then
    rm -rf "$scratch"
    scratch=
fi
[ -n "$scratch" ] || scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
export TMPDIR="$scratch" RESULTS="$scratch/results"
: > "$RESULTS"

# chosen PATTERN...: the files, if NAME is in their names
chosen()
{
    for file in "$@"; do
        case $(basename "$file") in *"$only"*) [ -f "$file" ] && echo "$file" ;; esac
    done
}

only=${1:-}
# These run alone: they measure time, or start as many processes as there are processors, and more.
alone='/(cli_(compilers|scaling|signals|sim)|py_progress)\.'
if [ "$only" = long ]; then
    only=
    chosen tests/long_*.sh | xargs -r -n 1 sh tests/run.sh --one
else
    chosen tests/mpi_*.c | while read -r file; do printf '%s\n' "$file 1" "$file 2" "$file 3" "$file 5"; done |
        xargs -r -n 2 sh tests/run.sh --one
    chosen tests/test_*.c tests/cli_*.sh tests/py_*.py | grep -vE "$alone" | xargs -r -n 1 -P "$JOBS" sh tests/run.sh --one
    chosen tests/cli_*.sh tests/py_*.py | grep -E "$alone" | xargs -r -n 1 sh tests/run.sh --one
fi
failed=$(grep -c FAIL "$RESULTS")
echo "$(grep -c ok "$RESULTS") passed, $failed failed"
[ "$failed" -eq 0 ]
