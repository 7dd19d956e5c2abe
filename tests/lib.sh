# shellcheck shell=sh
# For the shell tests: sourced, not run. $metazoa is the program, $dir a fresh folder; $failed counts what went wrong.
metazoa=$BUILD/metazoa
PYTHON=${PYTHON:-/usr/bin/python3}
[ -x "$metazoa" ] || { echo "no $metazoa"; exit 1; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# reproduces CONFIG [OPTION]...: training it gives the fingerprint that its head states.
reproduces()
{
    config=$1
    shift
    stated=$(sed -n 's/^# Fingerprint of epoch \([0-9]*\), seed 1: \([0-9a-f]*\).*/\1 \2/p' "$config")
    [ -n "$stated" ] || { fail "$config states no fingerprint"; return; }
    "$metazoa" train "$config" --quiet --set archive.trajectory_every=0 "$@" --output "$dir/reproduced" > "$dir/out" 2>&1 ||
        fail "$config: $(cat "$dir/out")"
    found=$(awk -F, -v epoch="${stated% *}" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "fingerprint") at = i }
        $1 == epoch { print $at }' "$dir/reproduced/metrics.csv")
    [ "$found" = "${stated#* }" ] || fail "$config has the fingerprint $found at epoch ${stated% *}, not ${stated#* }"
    rm -rf "$dir/reproduced"
}

fail()
{
    echo "FAILED: $*"
    failed=1
}
