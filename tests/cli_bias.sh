#!/bin/sh
# Biases in whole runs: the same files at every number of ranks and across a resume on others; verified, replayed, begun with, pruned,
# probed, compiled; what the files and the analysis say of them.
. tests/lib_train.sh
make_images
cat > "$dir/bias.yaml" <<END
run: {name: bias, seed: 3}
task: {kind: idx, path: $dir/images, size: [4, 4]}
organism: {hidden: [9, 7], activation: gelu}
training: {epochs: 3, batch: 40, self_train_steps: 3, learning_rate: 0.01}
checkpoint: {every: 1, keep: 9}
archive: {trajectory_every: 1}
parallel: {block: 4, chunk: 16}
END
few="$dir/bias.yaml --quiet"

# works NAME KEY=VALUE: a kind of biases.
works()
{
    run=$dir/$1
    with="--set $2"
    # shellcheck disable=SC2086 # lists of words
    {
        expect 0 "$metazoa" train $few $with --output "$run"
        expect 0 on 5 "$metazoa" train $few $with --output "$run-5"
        same "$run" "$run-5"
        expect 0 on 4 "$metazoa" train $few $with --output "$run-grid" --set parallel.grid=[1,2,2]
        same "$run" "$run-grid"
        expect 0 on 3 "$metazoa" train $few $with --output "$run-stop" --set training.epochs=1
        expect 0 on 2 "$metazoa" train $few $with --output "$run-stop" --resume
        [ "$(tail -n 1 "$run/metrics.csv" | cut -d, -f11)" = "$(tail -n 1 "$run-stop/metrics.csv" | cut -d, -f11)" ] ||
            fail "$1: a resume on other ranks ends with other bits"
        expect 0 on 2 "$metazoa" verify --recompute "$run"
        tells 'proved: 4 epochs of metrics.csv'
        expect 0 on 2 "$metazoa" replay "$run" --epochs 2:3 --every-batch --output "$run-replay" --quiet
        expect 0 "$metazoa" train $few $with --output "$run-init" --init "$run/checkpoint-3.h5"
        expect 3 "$metazoa" train $few --output "$run-other" --init "$run/checkpoint-3.h5"
        expect 2 "$metazoa" train $few --output "$run" --resume
        says "${2%=*} (set them back"
        expect 0 "$metazoa" train $few $with --output "$run-pruned" --set pruning.schedule=gradual --set pruning.share=0.5 \
            --set pruning.begin=1 --set pruning.every=1 --set pruning.rounds=2 --set pruning.score=taylor
        expect 0 "$metazoa" verify "$run-pruned"
        expect 0 "$metazoa" pca "$run"
        for probe in substitution robustness stability settle; do
            expect 0 "$metazoa" probe $probe "$run"
        done
        expect 0 on 2 "$metazoa" probe dropout "$run"
    }
}

works cells organism.bias=true
works particles particle.bias=true
expect 2 "$metazoa" compile "$dir/particles"
says 'add no constant'
# shellcheck disable=SC2086
for key in training.settle=project training.self_train_weights=replication interaction.learn=0.1; do
    expect 2 "$metazoa" train $few --output "$dir/refused" --set particle.bias=true --set $key
done
# shellcheck disable=SC2086
expect 2 "$metazoa" train $few --output "$dir/refused" --set organism.edges=affine --set particle.bias=false
expect 0 "$metazoa" compile "$dir/cells" --output "$dir/compiled"
tells '"largest_output_change": 0.0,'
expect 0 "$metazoa" train "$dir/bias.yaml" --quiet --set organism.bias=true --set organism.edges=scalar --output "$dir/scalars"
expect 0 on 2 "$metazoa" compile "$dir/scalars" --output "$dir/compiled-scalars"
PYTHONPATH=analysis "$PYTHON" - "$dir" << 'END' || fail "the analysis finds other shapes"
import sys
import h5py
import metazoa
from metazoa.mathematics import particle
run = metazoa.open(f"{sys.argv[1]}/scalars")
with h5py.File(f"{sys.argv[1]}/scalars/checkpoint-3.h5") as file:
    shapes = [file[f"layers/{l}/weights"].shape for l in range(3)]
    assert shapes == [(9, 17, 1), (7, 10, 1), (3, 8, 1)] and file.attrs["bias"] == 1
with run.archive() as archive:
    assert [layer.matrix for layer in archive.layers.values()] == [(9, 17), (7, 10), (3, 8)]
    assert archive.layers[0].inputs == 16
run = metazoa.open(f"{sys.argv[1]}/particles")
assert run.particle == (3, 3, True) and run.particles.effective.notna().all()
with run.archive() as archive:
    layer = archive.layers[2]
    weights, types = layer.trajectory[-1].astype(float), layer.types(-1)
    assert layer.n_weights == 34 and (particle.census(weights, *run.particle) == types).all()
END
exit $failed
