#!/bin/sh
# Runs the tests and counts them: test_* once, mpi_* at 1, 2, 3 and 5 ranks, cli_*.sh and the Python tests.
# `run.sh long` runs tests/long_*.sh instead. Every test has a time limit. BUILD: folder of the binaries.
# A test that ends with exit code 77 is skipped. Ends with "N passed, N failed"; logs of failed tests are shown.
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
PYTHON=${PYTHON:-/usr/bin/python3}
export BUILD PYTHON OPENBLAS_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_base_warn_component_unused=0
export OMPI_MCA_mpi_yield_when_idle=1 # a rank that waits makes room for the others, and for whatever else runs here
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# run_one LABEL SECONDS COMMAND...
run_one()
{
    label=$1 limit=$2
    shift 2
    start=$(date +%s)
    if timeout -k 10 "$limit" "$@" > "$log" 2>&1 < /dev/null; then
        passed=$((passed + 1))
        echo "ok    $label ($(($(date +%s) - start)) s)"
    else
        code=$?
        if [ $code -eq 77 ]; then # what the test needs is not on this machine
            echo "skip  $label: $(tail -n 1 "$log")"
            return
        fi
        failed=$((failed + 1))
        echo "FAIL  $label (exit code $code)"
        tail -n 60 "$log" | sed 's/^/      | /'
    fi
}

if [ "${1:-}" = long ]; then
    for test in tests/long_*.sh; do
        [ -f "$test" ] && run_one "$test" 7200 sh "$test"
    done
else
    only=${1:-}
    for test in tests/test_*.c; do
        name=$(basename "$test" .c)
        case $name in *"$only"*) run_one "$name" 300 "$BUILD/tests/$name" ;; esac
    done
    for test in tests/mpi_*.c; do
        name=$(basename "$test" .c)
        case $name in *"$only"*)
            for ranks in 1 2 3 5; do
                run_one "$name at $ranks ranks" 300 mpirun -n $ranks "$BUILD/tests/$name"
            done ;;
        esac
    done
    for test in tests/cli_*.sh; do
        name=$(basename "$test" .sh)
        case $name in *compilers) limit=1200 ;; *) limit=600 ;; esac
        case $name in *"$only"*) [ -f "$test" ] && run_one "$name" "$limit" sh "$test" ;; esac
    done
    for test in tests/py_*.py; do
        name=$(basename "$test" .py)
        case $name in *"$only"*) [ -f "$test" ] && run_one "$name" 600 "$PYTHON" -m pytest -q -p no:cacheprovider "$test" ;; esac
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
