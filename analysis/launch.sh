# shellcheck shell=sh
# What stands behind metazoa-figure and the others, which source it: finds an interpreter that has what they need.
# METAZOA_PYTHON names one. Otherwise PATH's python3 is tried, then /usr/bin/python3.
here=$(dirname "$(readlink -f "$0")")
name=${0##*/metazoa-}
lacking=
check='import importlib.util as u, sys
lack = [n for n in "h5py numpy scipy matplotlib pandas yaml".split() if not u.find_spec(n)]
print(*lack if sys.version_info >= (3, 9) else ["version 3.9"])'

# try PYTHON ARGUMENT...: becomes the command, if that interpreter has all it needs.
try()
{
    python=$1
    shift
    lack=$("$python" -c "$check" 2> /dev/null) || lack='an interpreter that starts'
    [ -n "$lack" ] || exec "$python" -X utf8 -c \
        'import sys; sys.path[0] = sys.argv.pop(1); from metazoa.__main__ import run; sys.exit(run())' "$here" "$name" "$@"
    lacking="$lacking${lacking:+; }$(command -v "$python" || echo "$python") lacks $lack"
}

if [ -n "${METAZOA_PYTHON:-}" ]; then
    try "$METAZOA_PYTHON" "$@"
else
    try python3 "$@"
    try /usr/bin/python3 "$@"
fi
echo "metazoa-$name: $lacking. On Debian: apt install python3-h5py python3-matplotlib python3-pandas python3-scipy python3-yaml;" \
    "elsewhere: pip install $here. METAZOA_PYTHON names another Python." >&2
exit 2
