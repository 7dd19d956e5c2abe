#!/bin/sh
# Every configuration in conf/ has the fingerprint that its head states, if its data are on this machine.
. tests/lib.sh
tried=0
for config in $(grep -l '^# Fingerprint' conf/*.yaml); do
    if "$metazoa" check "$config" > /dev/null 2>&1; then
        reproduces "$config" --set checkpoint.every=0
        echo "tried $config"
        tried=$((tried + 1))
    else
        echo "left out: the data of $config are not here"
    fi
done
[ $tried -gt 2 ] || { echo "needs the images of MNIST: make data"; exit 77; }
exit $failed
