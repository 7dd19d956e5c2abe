#!/bin/sh
# A healthy run of every kind verifies, resumes to the same bits and can be the start of another one.
. tests/lib_train.sh
make_configurations

for edges in particle scalar; do
    for buffers in separate shared reset; do
        run=$dir/$edges-$buffers
        options="--quiet --set organism.edges=$edges --set training.momentum_buffers=$buffers"
        expect 0 "$metazoa" train "$dir/sums.yaml" $options --output "$run"
        expect 0 "$metazoa" verify "$run"
        grep -q DAMAGED "$dir/out" && fail "$run: $(grep DAMAGED "$dir/out")"
        grep -q 'checkpoint-3.h5: ok' "$dir/out" || fail "$run: its checkpoint was not verified"
        expect 0 "$metazoa" train "$dir/sums.yaml" $options --output "$run-resumed" --set training.epochs=2
        expect 0 mpirun -n 3 "$metazoa" train "$dir/sums.yaml" $options --output "$run-resumed" --resume
        [ "$(tail -n 1 "$run/metrics.csv" | cut -d, -f1-11)" = "$(tail -n 1 "$run-resumed/metrics.csv" | cut -d, -f1-11)" ] ||
            fail "$run: other numbers after a resume"
        expect 0 "$metazoa" train "$dir/sums.yaml" $options --output "$run-init" --init "$run/checkpoint-3.h5"
        rm -rf "$run" "$run-resumed" "$run-init"
    done
done

# Version 0.1 wrote a velocity that its scalars did not hold (zeros); such a file is sound.
cp tests/golden/checkpoint_scalar_0.1.h5 "$dir/checkpoint-3.h5"
expect 0 "$metazoa" verify "$dir/checkpoint-3.h5"
grep -q ': ok: checkpoint, epoch 3' "$dir/out" || fail "a checkpoint of version 0.1: $(cat "$dir/out")"

exit $failed
