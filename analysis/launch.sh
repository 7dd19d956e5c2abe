# shellcheck shell=sh
# What stands behind metazoa-figure and the others, which source it: finds an interpreter that has what they need.
# METAZOA_PYTHON names one. Otherwise PATH's python3 is tried, then /usr/bin/python3.
here=$(dirname "$(readlink -f "$0")")
name=${0##*/metazoa-}
lacking=
# The dependencies in setup.py, by the names of their modules.
needs=$(sed -n 's/^dependencies = //p' "$here/setup.py" | tr -d '[]"' | tr ',' '\n' | sed 's/ //g; s/[<>=].*//; s/PyYAML/yaml/')
check='import importlib.util as u, sys
lack = [n for n in """'"$needs"'""".split() if not u.find_spec(n)]
print(*lack if sys.version_info >= (3, 9) else ["version 3.9"])'

# try PYTHON ARGUMENT...: becomes the command, if that interpreter has all it needs.
try()
{
    python=$1
    shift
    lack=$("$python" -c "$check" 2> /dev/null) || lack="an interpreter that starts${PYTHONHOME:+ (PYTHONHOME is $PYTHONHOME)}"
    [ -n "$lack" ] || exec "$python" -X utf8 -c \
        'import sys; sys.path[:1] = [sys.argv.pop(1), *filter(None, sys.path[:1])]; from metazoa.__main__ import run; sys.exit(run())' "$here" "$name" "$@"
    lacking="$lacking${lacking:+; }$(command -v "$python" || echo "$python") lacks $lack"
}

if [ -n "${METAZOA_PYTHON:-}" ]; then
    try "$METAZOA_PYTHON" "$@"
else
    try python3 "$@"
    try /usr/bin/python3 "$@"
fi
echo "metazoa-$name: $lacking. On Debian: apt install$(echo "$needs" | sed 's/^/ python3-/' | tr -d '\n');" \
    "elsewhere: pip install $here. METAZOA_PYTHON names another Python." >&2
exit 2
