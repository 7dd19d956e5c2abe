# shellcheck shell=sh
# For the shell tests: sourced, not run. $metazoa is the program, $dir a fresh folder; $failed counts what went wrong.
metazoa=$BUILD/metazoa
PYTHON=${PYTHON:-/usr/bin/python3}
[ -x "$metazoa" ] || { echo "no $metazoa"; exit 1; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

fail()
{
    echo "FAILED: $*"
    failed=1
}
