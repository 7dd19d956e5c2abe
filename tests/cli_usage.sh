#!/bin/sh
# Usage: help and version, once at any rank count; wrong usage ends with exit code 2 and one clear message.
. tests/lib.sh

# expect CODE "PATTERN" COMMAND...: exit code, and a line of standard error that is exactly so; nothing else from us.
expect()
{
    code=$1 line=$2
    shift 2
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null
    got=$?
    [ $got -eq "$code" ] || fail "$*: exit code $got, not $code"
    [ "$(grep -c '^metazoa: ' "$dir/err")" -eq 1 ] || fail "$*: not one message: $(cat "$dir/err")"
    grep -qxF "metazoa: $line" "$dir/err" || fail "$*: \"$(cat "$dir/err")\" instead of \"$line\""
    [ -s "$dir/out" ] && fail "$*: prints $(cat "$dir/out")"
}

# once COMMAND...: exit code 0, nothing on standard error, and the first line stands there once.
once()
{
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null || fail "$*: exit code $?"
    [ -s "$dir/err" ] && fail "$*: complains: $(cat "$dir/err")"
    [ "$(grep -cxF -- "$(head -n 1 "$dir/out")" "$dir/out")" -eq 1 ] || fail "$*: prints more than once"
}

for ranks in 1 3; do
    once mpirun -n $ranks "$metazoa" --version
    for word in metazoa compiler MPI HDF5 BLAS; do
        grep -q "^$word  *[^ ]" "$dir/out" || fail "--version does not name $word"
    done
    once mpirun -n $ranks "$metazoa" --help
    once mpirun -n $ranks "$metazoa" check --help
    grep -q -- '--set SECTION.KEY=VALUE' "$dir/out" || fail "check --help does not name --set"
    grep -q -- '--resume' "$dir/out" && fail "check --help names an option of train"
    expect 2 'unknown subcommand "chek": "metazoa --help" lists them' mpirun -n $ranks "$metazoa" chek
done

# A BLAS that takes the processor for an old one is told of it, unless it was told by the user.
if "$metazoa" --version | grep -q 'DYNAMIC_ARCH' && grep -qw avx2 /proc/cpuinfo; then
    "$metazoa" --version | grep -q '^BLAS .*Prescott' && fail "kernels for an old processor"
    OPENBLAS_CORETYPE=Prescott "$metazoa" --version | grep -q '^BLAS .*Prescott' || fail "not the kernels that were asked for"
fi

# Help names every subcommand, every option, and every key of the effective configuration.
"$metazoa" --help > "$dir/help" || fail "--help"
for word in train check probe verify archive bench --set --output --init --resume --max-hours --quiet --json --help; do
    grep -q -- "^  $word " "$dir/help" || fail "--help does not name $word"
done
"$metazoa" --help markdown | cmp -s - docs/configuration.md || fail "docs/configuration.md is not what --help markdown prints"

# Help needs no MPI: it works with the loader told that there is none.
OMPI_MCA_btl=none OMPI_MCA_pml=none "$metazoa" --help | cmp -s - "$dir/help" || fail "--help needs MPI"

expect 2 'no subcommand: "metazoa --help" lists them' "$metazoa"
expect 2 'unknown subcommand "--foo": "metazoa --help" lists them' "$metazoa" --foo
expect 2 'check needs 1 argument, not 0: metazoa check CONFIG' "$metazoa" check
expect 2 'check needs 1 argument, not 2: metazoa check CONFIG' "$metazoa" check a b
expect 2 'check needs 1 argument, not 3: metazoa check CONFIG' "$metazoa" check a -- --quiet -x
expect 2 'check has no option --init: "metazoa check --help" lists them' "$metazoa" check a --init=b
expect 2 'check has no option --qui: "metazoa check --help" lists them' "$metazoa" check a --qui
expect 2 'check has no option -x: "metazoa check --help" lists them' "$metazoa" check a -x
expect 2 'option --set needs a value: SECTION.KEY=VALUE' "$metazoa" check a --set
expect 2 'option --quiet takes no value' "$metazoa" check a --quiet=3
echo '{task: {kind: addition}}' > "$dir/good.yaml"
expect 2 'option --ranks: "3x" is not a number from 1 to 1.04858e+06' "$metazoa" check "$dir/good.yaml" --ranks 3x
expect 2 'option --ranks: "0" is not a number from 1 to 1.04858e+06' "$metazoa" check --ranks=0 "$dir/good.yaml"

# Two mistakes: two messages.
"$metazoa" check --foo > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && [ "$(wc -l < "$dir/err")" -eq 2 ] || fail "two mistakes: $(cat "$dir/err")"
exit $failed
