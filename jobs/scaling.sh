#!/bin/bash
# A scaling study: one configuration on several numbers of ranks and process grids, repeated, checked, tabulated and plotted.
#   jobs/scaling.sh CONFIG [option]... [-- options of metazoa train]
#     --ranks "1 2 4"     numbers of ranks
#     --grids "auto"      process grids: auto, all, or batch x rows x columns such as "auto 2x1x1 1x2x1" (those that fit are run)
#     --weak KEY=VALUE    weak scaling too: each whole number in VALUE is multiplied by the number of ranks, for example
#                         training.batch=2000 or organism.hidden=[64]
#     --no-strong         weak scaling alone
#     --repeats 3         (at least) of each point, taken in turns, so that a slow hour does not meet one point alone
#     --epochs 3          training.epochs of every run
#     --output DIR        folder of the study (scaling/NAME for CONFIG = .../NAME.yaml)
#     --mpirun COMMAND    start ranks by it ("mpirun"; -n is added) instead of SLURM, which is used where there is one
#     --sbatch OPTIONS    options for sbatch, such as "--partition=long --ntasks-per-node=32 --exclusive"
#     --dry-run           print the points and do nothing
# In the end DIR holds scaling.csv (a row a run), scaling-median.csv, and plots. Starting the same line again continues a study
# that was cut short; another build, configuration or launcher is refused: its times would not be comparable. The program is
# copied to DIR first, and each rank notes its node and the processors it may use. Environment: METAZOA, METAZOA_MPI, PYTHON.
set -u
die() { echo "scaling.sh: $*" >&2; exit 2; }

# One rank of a run: where it is and which processors it may use; then it becomes the program.
if [ "${1:-}" = --rank ]; then
    rank=${PMIX_RANK:-${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-${SLURM_PROCID:-0}}}}
    {
        echo "${SLURMD_NODENAME:-$(hostname)}"
        sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status
        sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo
    } > "$2/$rank"
    shift 2
    exec "$@"
fi

# All runs of one number of ranks and one repeat, inside a job or on this machine.
# cases: kind, ranks, grid, options (separated by tabs).
if [ "${1:-}" = --point ]; then
    study=$2 ranks=$3 repeat=${4:-${SLURM_ARRAY_TASK_ID:-1}}
    read -r -a launch < "$study/launcher"
    readarray -t options < "$study/options"
    while IFS=$'\t' read -r kind n grid extra; do
        [ "$n" = "$ranks" ] || continue
        run=$study/runs/$kind-$n-$grid-$repeat
        grep -qs '"finished": true' "$run/summary.json" && continue
        arguments=("${options[@]}" --quiet --output "$run")
        [ -n "$extra" ] && arguments+=(--set "$extra")
        [ "$grid" = auto ] || arguments+=(--set "parallel.grid=[${grid//x/, }]")
        # A second and third try for what a signal killed: MPI libraries do crash at their start now and then.
        for _ in 1 2 3; do
            rm -rf "$run" "$run.ranks"
            mkdir -p "$run.ranks"
            "${launch[@]}" -n "$n" bash "$study/scaling.sh" --rank "$run.ranks" "$study/metazoa" train "$study/config.yaml" \
                "${arguments[@]}" > "$run.out" 2>&1 < /dev/null && break
            code=$?
            echo "scaling.sh: exit code $code in $run.out:"
            tail -n 5 "$run.out"
            [ $code -ge 128 ] || break
        done
        echo "$(date +%T) $kind scaling, $n ranks, grid $grid, repeat $repeat"
    done < "$study/cases"
    exit 0
fi

case ${1:-} in '' | -*) sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
config=$1
shift
ranks="1 2 4" grids=auto weak='' strong=1 repeats=3 epochs=3 output='' mpirun='' sbatch_options='' dry=''
while [ $# -gt 0 ]; do
    case $1 in
    --ranks) ranks=${2:?} && shift ;;
    --grids) grids=${2:?} && shift ;;
    --weak) weak=${2:?} && shift ;;
    --no-strong) strong='' ;;
    --repeats) repeats=${2:?} && shift ;;
    --epochs) epochs=${2:?} && shift ;;
    --output) output=${2:?} && shift ;;
    --mpirun) mpirun=${2:?} && shift ;;
    --sbatch) sbatch_options=${2:?} && shift ;;
    --dry-run) dry=1 ;;
    --) shift && break ;;
    *) die "no option $1; without arguments it lists them" ;;
    esac
    shift
done
[ -r "$config" ] || die "no file $config"
[ "$repeats" -ge 3 ] 2> /dev/null || die "--repeats $repeats: at least 3 are needed for a median and a spread"
[ -n "$strong$weak" ] || die "--no-strong leaves nothing to do without --weak"
case $weak in '' | *.*=*[0-9]*) ;; *) die "--weak needs SECTION.KEY=VALUE with a number in it" ;; esac
program=${METAZOA:-build/metazoa}
[ -x "$program" ] || program=$(command -v metazoa) || die "no program: set METAZOA to its path"
here=$(cd "$(dirname "$0")" && pwd)
[ -r "$here/scaling.py" ] || die "no scaling.py beside this script"

# fits N GRID: whether so many ranks make this grid.
fits() { [ "$2" = auto ] || { [[ $2 =~ ^([0-9]+)x([0-9]+)x([0-9]+)$ ]] && [ $((${2//x/*})) -eq "$1" ]; }; }
all_grids()
{
    local b r
    for ((b = 1; b <= $1; b++)); do
        for ((r = 1; r <= $1 / b; r++)); do
            [ $(($1 % (b * r))) -eq 0 ] && echo "${b}x${r}x$(($1 / (b * r)))"
        done
    done
}
scaled() { awk -v n="$1" -v s="${2#*=}" 'BEGIN { while (match(s, /[0-9]+/)) { printf "%s%d", substr(s, 1, RSTART - 1),
    n * substr(s, RSTART, RLENGTH); s = substr(s, RSTART + RLENGTH) } print s }'; }
cases()
{
    local n grid
    for n in $ranks; do
        for grid in ${grids/all/$(all_grids "$n")}; do
            fits "$n" "$grid" || continue
            [ -n "$strong" ] && printf 'strong\t%d\t%s\t\n' "$n" "$grid"
            [ -n "$weak" ] && printf 'weak\t%d\t%s\t%s=%s\n' "$n" "$grid" "${weak%%=*}" "$(scaled "$n" "$weak")"
        done
    done
}
if [ -n "$dry" ]; then cases; exit; fi

study=${output:-scaling/$(basename "$config" .yaml)}
mkdir -p "$study/runs" && study=$(cd "$study" && pwd) || exit 1
if [ -n "$mpirun" ] || ! sinfo -h > /dev/null 2>&1; then
    slurm='' launcher=${mpirun:-mpirun}
else
    slurm=1 launcher="srun --wait=30 --mpi=${METAZOA_MPI:-pmix} --cpus-per-task=${METAZOA_CPUS:-1}"
fi
# What must not change within a study.
facts()
{
    echo "program       $(sha256sum < "$program" | cut -c 1-64)"
    echo "configuration $(sha256sum < "$config" | cut -c 1-64)"
    echo "launcher      $launcher"
    echo "sbatch        ${slurm:+$sbatch_options}"
    echo "epochs        $epochs"
    echo "options       $*"
}
if [ -e "$study/study.txt" ] && ! facts "$@" | diff "$study/study.txt" - > "$study/difference"; then
    echo "scaling.sh: $study was begun with another build, configuration, launcher or options (<: then, >: now):" >&2
    cat "$study/difference" >&2
    die "choose another --output, or remove that folder"
fi
rm -f "$study/difference"
facts "$@" > "$study/study.txt"
cp "$here/scaling.sh" "$here/scaling.py" "$study/"
cp "$config" "$study/config.yaml"
[ -e "$study/metazoa" ] || cp "$program" "$study/metazoa" || exit 1
echo "$launcher" > "$study/launcher"
printf '%s\n' --set training.epochs="$epochs" "$@" > "$study/options"
cases > "$study/cases"
[ -s "$study/cases" ] || die "none of the grids fits any number of ranks"

if [ -z "$slurm" ]; then
    for repeat in $(seq "$repeats"); do
        for n in $ranks; do bash "$study/scaling.sh" --point "$study" "$n" "$repeat"; done
    done
else
    # One array for each number of ranks, "%1" and "singleton" (of one name): one job at a time, none disturbs another.
    name=scaling-$(basename "$study")-$$ jobs=''
    for n in $ranks; do
        job=$(sbatch --parsable --job-name="$name" --dependency=singleton --array="1-$repeats%1" -n "$n" \
            --cpus-per-task="${METAZOA_CPUS:-1}" --output="$study/job-%A_%a.out" $sbatch_options \
            "$study/scaling.sh" --point "$study" "$n") || exit 1
        jobs=$jobs:${job%%;*}
    done
    echo "scaling.sh: jobs ${jobs#:} of $name; waiting for them"
    sbatch --wait --job-name="$name-end" --dependency="afterany$jobs" -n 1 --output=/dev/null --wrap true > /dev/null
    cat "$study"/job-*.out
fi
exec "${PYTHON:-python3}" "$study/scaling.py" "$study" "$repeats"
