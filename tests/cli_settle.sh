#!/bin/sh
# training.settle: project makes every particle a self-replicator and changes no effective weight by a bit, also after training
# of the task alone; the same files at 1, 2, 3 and 5 ranks and on another grid, and after a stop before the projection.
. tests/lib_train.sh
make_images
make_configurations

# effective RUN: the bits of all effective weights, and the census.
effective()
{
    "$metazoa" probe substitution "$1" > /dev/null || fail "probe substitution $1"
    "$PYTHON" -c '
import h5py, hashlib, json, sys
with h5py.File(sys.argv[1] + "/probe-substitution.h5") as file:
    for layer in file["layers"]:
        print(hashlib.sha256(file["layers"][layer]["effective"][:].tobytes()).hexdigest())
' "$1"
}

for set in images sums; do
    for steps in 0 3; do
        base="$dir/$set-$steps"
        run="train $dir/$set.yaml --quiet --set training.self_train_steps=$steps --set training.settle_steps=0"
        expect 0 "$metazoa" $run --set training.settle=none --output "$base-none"
        expect 0 "$metazoa" $run --set training.settle=project --output "$base-1"
        effective "$base-none" > "$dir/before"
        effective "$base-1" > "$dir/after"
        cmp -s "$dir/before" "$dir/after" || fail "$set, $steps steps: the projection has changed effective weights"
        "$PYTHON" - "$base-1/summary.json" <<'END' || fail "$set, $steps steps: not all particles replicate"
import json, sys
summary = json.load(open(sys.argv[1]))
census = summary["census"]
print(summary["settle"], summary["census_before_settling"], census)
sys.exit(census["self_replicator"] != sum(census.values()))
END
        rm -f "$base-1"/probe-*
        for ranks in 2 3 5; do
            expect 0 mpirun -n $ranks "$metazoa" $run --set training.settle=project --output "$base-$ranks"
            same "$base-1" "$base-$ranks"
        done
        expect 0 mpirun -n 4 "$metazoa" $run --set training.settle=project --set parallel.grid=[1,2,2] --output "$base-grid"
        same "$base-1" "$base-grid"
        # Trained first, settled by a later start.
        rm -f "$base-none"/probe-*
        expect 0 mpirun -n 2 "$metazoa" $run --set training.settle=project --output "$base-none" --resume
        tail -n 1 "$base-none/metrics.csv" | cut -d, -f11 > "$dir/later"
        tail -n 1 "$base-1/metrics.csv" | cut -d, -f11 | cmp -s - "$dir/later" || fail "$set: settled later, other bits"
    done
done

# A schedule that ends at a rate of zero ends with training: settling and probes have the rates that are written.
zero="--set training.schedule=cosine --set training.schedule_factor=0"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet $zero --output "$dir/zero-none"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet $zero --output "$dir/zero-plain" --set training.settle=plain \
    --set training.settle_steps=40
expect 0 "$metazoa" probe settle "$dir/zero-none" --steps 40
"$PYTHON" - "$dir" <<'END' || fail "settling after a schedule that ends at zero"
import h5py, json, pathlib, sys
base = pathlib.Path(sys.argv[1])
with h5py.File(base / "zero-none/probe-settle.h5") as file:
    moved, loss = file["distance_mean"][:], file["self_train_loss"][:]
    census = file["types"][-1].tolist()
settled = json.load(open(base / "zero-plain/summary.json"))["census"]
print(moved, loss, census, settled)
assert 0 == moved[0] < moved[1] and loss[-1] < loss[0]
assert census == [settled[name] for name in ("divergent", "zero", "self_replicator", "secondary", "other")]
END

# plain wants a number of steps, and a number of steps alone means project.
expect 2 "$metazoa" check "$dir/sums.yaml" --set training.settle=plain
says "training.settle = plain"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.settle_steps=7 --output "$dir/implied"
grep -q '"settle": "project"' "$dir/implied/summary.json" || fail "settle_steps alone"
exit $failed
