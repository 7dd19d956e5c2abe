# shellcheck shell=sh
# For demo.sh, paper.sh and training.sh, which source it: runs on this machine, with as many processes as it has cores. $1, if it is
# there, is the folder of the runs. After it, the program is $metazoa, the configurations are in $conf, tool NAME ... starts a command
# of the analysis.
# Environment: METAZOA (the program), PYTHON (of the analysis), RANKS (processes, the cores of this machine), MPIRUN,
# OPTIONS (more of them for metazoa train, for short runs).
case ${1:-} in *[[:space:]]*) echo "$1: name a folder without blanks" >&2; exit 2 ;; esac
share=$(cd "$(dirname "$0")/.." && pwd) || exit 1
conf=$share/conf
metazoa=${METAZOA:-$share/build/metazoa}
[ -x "$metazoa" ] || metazoa=$(command -v metazoa) || { echo "no program: run make, or set METAZOA to its path" >&2; exit 2; }
[ -z "${PYTHON:-}" ] || export METAZOA_PYTHON="$PYTHON"
"$share/analysis/metazoa-table" --help > /dev/null || exit 2 # before hours of training: it says what is missing
cores=${RANKS:-$(nproc)} OPTIONS=${OPTIONS:-}
# Open MPI asks for leave to run as root (in a container), to run more processes than cores, and to leave the binding alone.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
export OPENBLAS_NUM_THREADS=1

say() { echo "== $*"; }

seconds() { date +%s; }

# tool NAME ARGUMENTS: a command of the analysis.
tool()
{
    name=$1
    shift
    "$share/analysis/metazoa-$name" "$@"
}

# train FOLDER CONFIG SEEDS [OPTION]...: seeds 1 to SEEDS in FOLDER/seed-1, ...; each on one process, some at a time; a single one on
# up to eight. What was interrupted goes on, and what is finished stays.
train()
{
    folder=$1 config=$2 seeds=$3
    shift 3
    start=$(seconds)
    if [ "$seeds" -gt 1 ]; then
        ranks=$((seeds < cores ? seeds : cores))
        set -- "$@" --set run.ensemble="$seeds" --output "$folder"
    else
        ranks=$((cores < 8 ? cores : 8))
        set -- "$@" --output "$folder/seed-1"
    fi
    ${MPIRUN:-mpirun} -n "$ranks" "$metazoa" train "$config" --resume --quiet "$@" $OPTIONS < /dev/null || {
        code=$?
        [ $code -ne 2 ] || echo "Runs of another configuration may lie there; to begin anew: rm -r $folder" >&2
        exit $code
    }
    echo "   $folder: $seeds seed(s) on $ranks process(es), $(($(seconds) - start)) s"
}

# probe FOLDER KIND [OPTION]...: every run in FOLDER, some at a time. At the end of options, SEED stands for seed-1, seed-2, ...
# Results of the run's last state stay, unless the program is newer. Each program has a temporary folder of its own: two that start at
# the same moment may fall over the one that Open MPI makes there ("mkdir: File exists", seen in 1 of 150 pairs).
probe()
{
    folder=$1 kind=$2
    shift 2
    start=$(seconds)
    for run in "$folder"/seed-*; do
        state=$(grep -o '"fingerprint": "[0-9a-f]*"' "$run/summary.json")
        { [ -n "$(find "$run/probe-$kind.h5" -newer "$metazoa" 2> /dev/null)" ] && grep -qsF "$state" "$run/probe-$kind.json"; } ||
            printf '%s\0' "$run"
    done | xargs -0 -r -P "$cores" -I '<run>' sh -c '
        program=$1 kind=$2 run=$3 seed=$(basename "$3")
        shift 3
        for word in "$@"; do
            shift
            case $word in */SEED) word=${word%SEED}$seed ;; esac
            set -- "$@" "$word"
        done
        TMPDIR=$(mktemp -d) || exit 1
        export TMPDIR
        trap "rm -rf \"\$TMPDIR\"" EXIT
        "$program" probe "$kind" "$run" "$@" > "$run/probe-$kind.log" 2>&1 || { cat "$run/probe-$kind.log" >&2; exit 1; }
        rm -f "$run/probe-$kind.log"' sh "$metazoa" "$kind" '<run>' "$@" || exit 1
    echo "   $folder: probe $kind, $(($(seconds) - start)) s"
}

# probes FOLDER BASELINE: all kinds of probes.
probes()
{
    probe "$1" robustness --published-counting
    probe "$1" lifetime
    probe "$1" basins
    probe "$1" stability
    probe "$1" substitution
    probe "$1" dropout --baseline "$2/SEED"
    probe "$1" goal
    probe "$1" settle
}

# drawn_from STAMP RUNS: all that decides what is drawn, and what lies beside the file STAMP.
drawn_from()
{
    # shellcheck disable=SC2086
    find $2 -name config.yaml -o -name metrics.csv -o -name summary.json -o -name 'probe-*.h5' | sort | xargs cksum
    find "$share/analysis/metazoa" -name '*.py' -o -name '*.css' -o -name '*.js' | sort | xargs cksum
    ls "$(dirname "$1")"
}

# once STAMP RUNS COMMAND...: the command draws figures or reports of those runs; it is left out when they were drawn from the same
# files by the same analysis, and are all there.
once()
{
    stamp=$1 from=$2
    shift 2
    [ "$(cat "$stamp" 2> /dev/null)" = "$(drawn_from "$stamp" "$from")" ] && return
    "$@" && drawn_from "$stamp" "$from" > "$stamp"
}

# images: sets $images to an experiment's name and $images_at to the folder of its data: MNIST or, where that cannot be had,
# Fashion-MNIST. Fails when neither is there.
images()
{
    images=mnist images_at=${MNIST:-data/mnist}
    sh "$share/jobs/get-mnist.sh" "$images_at" && return 0
    images=fashion images_at=/usr/share/datasets/fashion-mnist
    [ -r $images_at/train-images-idx3-ubyte.gz ] || {
        echo "Fashion-MNIST (the Debian package dataset-fashion-mnist) is not there either" >&2
        return 1
    }
    say "MNIST CANNOT BE HAD: Fashion-MNIST stands in for it. It is harder: the paper's numbers do not hold for it."
}
