#!/bin/sh
# metazoa compile: conventional networks and organisms trained by the task alone become organisms of self-replicators with the
# same function; the new run is sound, has the same files at 1, 2 and 3 ranks, and overwrites nothing.
. tests/lib_train.sh
make_images
make_configurations

# replicates RUN LIMIT: the last line on standard output says that all particles replicate and outputs changed by LIMIT at most.
replicates()
{
    tail -n 1 "$dir/out" | "$PYTHON" -c '
import json, sys
result = json.loads(sys.stdin.read())
print(result)
sys.exit(not (result["census"]["self_replicator"] == result["particles"] and result["largest_relative_output_change"] <= float(sys.argv[1])))
' "$1" || fail "compiled: $(tail -n 1 "$dir/out")"
}

for set in images sums; do
    quick="train $dir/$set.yaml --quiet --set training.settle=none --set training.settle_steps=0"
    expect 0 "$metazoa" $quick --set organism.edges=scalar --output "$dir/$set-scalar"
    expect 0 "$metazoa" compile "$dir/$set-scalar"
    replicates 0
    expect 0 "$metazoa" verify "$dir/$set-scalar-compiled"
    expect 2 "$metazoa" compile "$dir/$set-scalar"
    says "$set-scalar-compiled"
    for ranks in 2 3; do
        expect 0 mpirun -n $ranks "$metazoa" compile "$dir/$set-scalar" --output "$dir/$set-$ranks"
        same "$dir/$set-scalar-compiled" "$dir/$set-$ranks"
    done
    expect 0 "$metazoa" $quick --set training.self_train_steps=0 --output "$dir/$set-task"
    expect 0 mpirun -n 2 "$metazoa" compile "$dir/$set-task" --output "$dir/$set-task-compiled"
    replicates 0
done

# An effective weight that no self-replicator of finite weights has, whatever the run does about divergence.
for what in stop reset ignore; do
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set organism.edges=scalar --set training.settle=none \
        --set training.settle_steps=0 --set training.epochs=0 --set training.on_divergence=$what --output "$dir/large-$what"
    "$PYTHON" - "$dir/large-$what/checkpoint-0.h5" "$dir/large.h5" <<'END'
import sys, h5py
with h5py.File(sys.argv[1]) as source, h5py.File(sys.argv[2], "w") as file:
    for layer in source["layers"]:
        weights = source[f"layers/{layer}/weights"][:]
        weights[0] *= 3e38 / abs(weights[0]).max() if layer == "0" else 1
        file[f"layers/{layer}/weights"] = weights
END
    rm -r "$dir/large-$what"
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set organism.edges=scalar --set training.settle=none --init "$dir/large.h5" \
        --set training.settle_steps=0 --set training.epochs=0 --set training.on_divergence=$what --output "$dir/large-$what"
    expect 2 mpirun -n 2 "$metazoa" compile "$dir/large-$what"
    says "effective weight is too large"
done
exit $failed
