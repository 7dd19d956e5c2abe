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

# Files that are sound, but of another run or edited: each is named, and those that belong together are not.
for seed in 5 6; do
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=$seed --set archive.moments=true --output "$dir/of-$seed"
    expect 0 "$metazoa" pca "$dir/of-$seed"
    expect 0 "$metazoa" probe goal "$dir/of-$seed"
    expect 0 "$metazoa" archive merge "$dir/of-$seed" --output "$dir/of-$seed/merged.h5"
    expect 0 "$metazoa" verify "$dir/of-$seed"
    grep -q 'of another' "$dir/out" && fail "a sound run: $(cat "$dir/out")"
done

# astray CODE NAME WORDS: the other run's file is seen, and these words are said in its line.
astray()
{
    code=$1
    shift
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    rm -r "$dir/mixed/$1"
    cp -r "$dir/of-6/$1" "$dir/mixed/$1"
    expect $code "$metazoa" verify "$dir/mixed"
    grep "$2" "$dir/out" | grep -q "$1" || fail "$1 of another run: $(cat "$dir/out")"
}
astray 3 config.yaml 'these differ: run.seed'
astray 3 run.json 'is of another run'
astray 3 summary.json 'is of another run'
astray 3 checkpoint-2.h5 'is of another run'
astray 3 archive 'is of another run'
astray 3 archive.h5 'is of another run'
astray 0 merged.h5 'is of another run'
astray 3 pca-organism.h5 'is of another run'
astray 3 probe-goal.h5 'is of another run'

# edited FILE FROM TO CODE WORDS
edited()
{
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    grep -q "$2" "$dir/mixed/$1" || fail "$1 has no $2"
    sed -i "s/$2/$3/" "$dir/mixed/$1"
    expect "$4" "$metazoa" verify "$dir/mixed"
    tells "$5"
}
edited config.yaml 'activation: linear' 'activation: gelu' 3 'these differ: organism.activation'
edited config.yaml 'activation: linear' 'activation: lineer' 3 'lineer'
edited config.yaml 'hidden: .5, 9.' 'hidden: [5, 8]' 3 'these differ: organism.hidden'
edited config.yaml 'epsilon: .*' 'epsilon: 0.001' 3 'these differ: measure.epsilon'
edited config.yaml 'epochs: 3' 'epochs: 7' 0 'training.epochs'
edited config.yaml 'name: sums' 'name: other' 0 'sound'
edited run.json '"inputs": 6' '"inputs": 7' 3 'run.json'
edited run.json '"training_samples": 200' '"training_samples": 20' 3 'run.json'
edited run.json '"digest": "[0-9a-f]*"' '"digest": "0123456789abcdef"' 3 'run.json'
edited run.json '^{' '[' 3 'run.json'
edited summary.json '"task_loss": ' '"task_loss": 1' 3 'summary.json'
edited summary.json '"other": ' '"other": 1' 3 'summary.json'
edited summary.json '^{' '[' 3 'summary.json'
for name in config.yaml run.json; do
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    rm "$dir/mixed/$name"
    expect 3 "$metazoa" verify "$dir/mixed"
    tells "$name is missing"
done

exit $failed
