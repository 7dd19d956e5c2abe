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
    for word in metazoa compiler MPI HDF5 arithmetic; do
        grep -q "^$word  *[^ ]" "$dir/out" || fail "--version does not name $word"
    done
    once mpirun -n $ranks "$metazoa" --help
    once mpirun -n $ranks "$metazoa" check --help
    grep -q -- '--set SECTION.KEY=VALUE' "$dir/out" || fail "check --help does not name --set"
    grep -q -- '--resume' "$dir/out" && fail "check --help names an option of train"
    expect 2 'unknown subcommand "chek"; did you mean "check"?' mpirun -n $ranks "$metazoa" chek
done

# Help names every subcommand, every option, and every key of the effective configuration.
"$metazoa" --help > "$dir/help" || fail "--help"
for word in train check probe verify archive bench --set --output --init --resume --max-hours --quiet --json --help; do
    grep -q -- "^  $word " "$dir/help" || fail "--help does not name $word"
done
"$metazoa" --help markdown | cmp -s - docs/configuration.md || fail "docs/configuration.md is not what --help markdown prints"

# Help needs no MPI: it works with the loader told that there is none.
OMPI_MCA_btl=none OMPI_MCA_pml=none "$metazoa" --help | cmp -s - "$dir/help" || fail "--help needs MPI"

expect 2 "no subcommand: \"$metazoa --help\" lists them" "$metazoa"
expect 2 "unknown subcommand \"--foo\": \"$metazoa --help\" lists them" "$metazoa" --foo
expect 2 'unknown subcommand "--verison"; did you mean "--version"?' "$metazoa" --verison
expect 2 'unknown subcommand "trian"; did you mean "train"?' "$metazoa" help trian

# Other ways to ask for the version and for help.
"$metazoa" --version > "$dir/version"
for word in -v -V version; do "$metazoa" $word | cmp -s - "$dir/version" || fail "$word does not print the version"; done
for word in -h help; do "$metazoa" $word | cmp -s - "$dir/help" || fail "$word does not print the help"; done
"$metazoa" train --help > "$dir/train"
"$metazoa" help train | cmp -s - "$dir/train" || fail "help train does not print the help of train"
"$metazoa" train -h | cmp -s - "$dir/train" || fail "train -h does not print the help of train"

# Each probe's help, and each only with its own options; the manual page and the completions name them all.
"$metazoa" probe --help > "$dir/probe"
"$metazoa" --help man > "$dir/man" && "$metazoa" --help bash > "$dir/bash" && "$metazoa" --help zsh > "$dir/zsh" || fail "forms of help"
for kind in $(sed -n '/^KIND is/,$s/^  \([a-z]*\) .*/\1/p' "$dir/probe"); do
    "$metazoa" probe $kind --help > "$dir/kind"
    "$metazoa" help probe $kind | cmp -s - "$dir/kind" || fail "help probe $kind is not probe $kind --help"
    for option in $(sed -n 's/^  \(--[a-z-]*\) .*/\1/p' "$dir/kind"); do
        for form in help bash zsh; do
            grep -q -- "$option" "$dir/$form" || fail "$form does not name $option of probe $kind"
        done
        grep -q -- "$(echo "$option" | sed 's/-/.-/g')" "$dir/man" || fail "the manual page does not name $option of probe $kind"
    done
done
"$metazoa" probe goal --help | grep -q -- --cap && fail "probe goal --help names an option of another probe"
"$metazoa" probe robustness --help | grep -q -- '--cap N .*(1000)' || fail "probe robustness --help does not tell the default of --cap"
expect 2 "check needs 1 argument, not 0: $metazoa check CONFIG" "$metazoa" check
expect 2 "check needs 1 argument, not 2: $metazoa check CONFIG" "$metazoa" check a b
expect 2 "check needs 1 argument, not 3: $metazoa check CONFIG" "$metazoa" check a -- --quiet -x
expect 2 "check has no option --init: \"$metazoa check --help\" lists them" "$metazoa" check a --init=b
expect 2 'check has no option --qui; did you mean --quiet?' "$metazoa" check a --qui
expect 2 "check has no option -x: \"$metazoa check --help\" lists them" "$metazoa" check a -x
expect 2 'option --set needs a value: SECTION.KEY=VALUE' "$metazoa" check a --set
expect 2 'option --quiet takes no value' "$metazoa" check a --quiet=3
echo '{task: {kind: addition}}' > "$dir/good.yaml"
expect 2 'option --ranks: "3x" is not an integer from 1 to 1048576' "$metazoa" check "$dir/good.yaml" --ranks 3x
expect 2 'option --ranks: "0" is not an integer from 1 to 1048576' "$metazoa" check --ranks=0 "$dir/good.yaml"

# Paths are meant as in a configuration: ~/ is the home folder, and what would make a folder called "$HOME" is refused, once.
for option in 'train --output' 'train --init' 'replay --output' 'pca --output' 'new --data'; do
    # shellcheck disable=SC2016
    expect 2 "option ${option#* } = \$HOME/x: variables like \$HOME are not replaced here: write it out" \
        "$metazoa" ${option% *} "$dir/good.yaml" ${option#* } '$HOME/x'
done
(cd "$dir" && HOME=$dir/home && export HOME && case $metazoa in /*) ;; *) metazoa=$OLDPWD/$metazoa ;; esac &&
    "$metazoa" train good.yaml --quiet --output='~/run' --set training.epochs=0 --set training.self_train_steps=0) || fail "~ in --output"
[ -e "$dir/home/run/config.yaml" ] || fail "--output=~/run is not below the home folder"

# Words that an option takes.
expect 2 'option --progress: "brr" is none of auto, bar, plain, none; did you mean bar?' "$metazoa" train a --progress brr
expect 2 'unknown subcommand "trian"; did you mean "train"?' "$metazoa" help man trian

# Words that nobody reads are refused, at several ranks once.
expect 2 '"check" is a word too many' "$metazoa" help train check
expect 2 '"x" is a word too many' mpirun -n 2 "$metazoa" --version x
expect 2 '"robust" is a word too many' "$metazoa" help probe robust
expect 2 '"goal" is a word too many' "$metazoa" help man probe goal
expect 2 '"x" is a word too many' "$metazoa" --help markdown x
expect 2 'new: "" names no configuration: metazoa new NAME writes NAME.yaml' "$metazoa" new ''
expect 2 'new: "runs/" names no configuration: metazoa new NAME writes NAME.yaml' "$metazoa" new runs/
expect 2 '--quiet and --progress bar: choose one' "$metazoa" train "$dir/good.yaml" --quiet --progress bar
expect 2 'option --seed: "99999999999999999999" is not an integer from 0 to 9223372036854775807' "$metazoa" pca "$dir" --seed 99999999999999999999
for number in nan inf -1 0 1e999 '' ' 3' 3x 0x10 1_0 '3 '; do
    expect 2 "option --max-hours: \"$number\" is not a number from 1e-09 to 1e+06" "$metazoa" train "$dir/good.yaml" --max-hours "$number"
    [ "$number" = 0 ] || expect 2 "option --epoch: \"$number\" is not an integer from 0 to 1099511627776" "$metazoa" probe goal "$dir" --epoch "$number"
done

# Options that contradict each other, or that have no part, are refused before anything is done.
expect 2 '--quiet and --json: choose one' "$metazoa" check "$dir/good.yaml" --quiet --json
expect 2 'task addition draws its samples and reads no data: leave --data out' "$metazoa" new "$dir/new" --task addition --data "$dir"
expect 2 'option --share: "2" is not a number from 1e-09 to 1' "$metazoa" verify "$dir" --recompute --share 2
expect 2 "$dir/good.yaml: --recompute needs the folder of a run, not a file" "$metazoa" verify "$dir/good.yaml" --recompute
expect 2 '--output: not valid YAML: invalid leading UTF-8 octet' "$metazoa" check "$dir/good.yaml" --output "$(printf 'a\377')"
expect 3 "$dir/nowhere: there is no such file" "$metazoa" train "$dir/good.yaml" --quiet --output "$dir/init" --init "$dir/nowhere"
expect 3 "$dir: expected a regular file, found a folder" "$metazoa" train "$dir/good.yaml" --quiet --output "$dir/init" --init "$dir"

# Two mistakes: two messages.
"$metazoa" check --foo > "$dir/out" 2> "$dir/err"
[ $? -eq 2 ] && [ "$(wc -l < "$dir/err")" -eq 2 ] || fail "two mistakes: $(cat "$dir/err")"
exit $failed
