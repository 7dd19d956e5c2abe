#!/bin/sh
# What an epoch's row and the archive say, on runs whose answers are known without computing: nothing is learned at a learning
# rate of 0, so that all epochs are equal; equal outputs are a tie; the settled organism is the last record.
. tests/lib_train.sh

"$PYTHON" - "$dir" <<'END'
import sys
import h5py, numpy as np
r = np.random.default_rng(6)
for name, x in (("zeros", np.zeros((60, 4), "f4")), ("normal", r.normal(size=(60, 4)).astype("f4"))):
    with h5py.File(f"{sys.argv[1]}/{name}.h5", "w") as f: f["x"], f["y"] = x, np.arange(60) % 5 // 2
END
cat > "$dir/c.yaml" <<'END'
task: {kind: hdf5, noise: 0.0, shuffle: false}
organism: {hidden: [3]}
training: {epochs: 3, batch: 20, self_train_steps: 2, learning_rate: 0.0}
archive: {trajectory_every: 2}
END
# column RUN NAME: its values from epoch 1 on, each once.
column()
{
    cut -d, -f "$(head -n 1 "$dir/$1/metrics.csv" | tr , '\n' | grep -nx "$2" | cut -d: -f1)" "$dir/$1/metrics.csv" | tail -n +3 | sort -u
}

# Sums and counters begin anew with every epoch.
expect 0 mpirun -n 2 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/normal.h5" --output "$dir/still"
for name in task_loss self_train_loss train_accuracy; do
    [ "$(column still $name | wc -l)" -eq 1 ] || fail "$name changes although nothing is learned: $(column still $name | tr '\n' ' ')"
done

"$PYTHON" - "$dir/still" << 'END' || fail "an epoch's sums outlive it"
import glob, sys
import h5py
with h5py.File(glob.glob(sys.argv[1] + "/checkpoint-3.h5")[0]) as f:
    for name in ("samples", "correct", "self_sweeps", "loss_sum", "error_sum", "self_loss_sum"):
        assert not f.attrs[name].any(), (name, f.attrs[name])
END

# The last epoch is recorded, whatever its number.
"$PYTHON" -c "import h5py, sys; assert list(h5py.File(sys.argv[1])['epoch']) == [0, 2, 3]" "$dir/still/archive.h5" || fail "the last epoch is no record"

# All outputs are 0: the lowest class wins the tie (24 of 60 labels are 0), and the loss is that of three equal chances.
expect 0 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/zeros.h5" --output "$dir/ties"
"$PYTHON" - "$(column ties train_accuracy)" "$(column ties task_loss)" <<'END' || fail "ties: accuracy $(column ties train_accuracy), loss $(column ties task_loss)"
import math, sys
assert abs(float(sys.argv[1]) - 0.4) < 1e-12 and abs(float(sys.argv[2]) - math.log(3)) < 1e-6
END

# The settled organism is recorded, whatever its epoch's number.
expect 0 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/normal.h5" --output "$dir/settled" \
    --set training.learning_rate=0.01 --set training.settle_steps=20 --set archive.trajectory_every=3
"$PYTHON" - "$dir/settled" <<'END' || fail "the settled organism is not the last record"
import glob, sys
import h5py, numpy as np
state = h5py.File(glob.glob(sys.argv[1] + "/checkpoint-4.h5")[0])
archive = h5py.File(sys.argv[1] + "/archive.h5")
assert archive["epoch"][-1] == 4, archive["epoch"][:]
assert np.array_equal(archive["layers/0/trajectory"][-1], state["layers/0/weights"][:])
END

# A loss that leaves all bounds ends the run, with a message that names the cause.
expect 1 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/normal.h5" --output "$dir/fast" --set training.learning_rate=50
says 'a smaller training.learning_rate may help, or training.on_divergence: reset; the checkpoints before it stay'
# So do weights that leave them where no loss is computed.
expect 1 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/normal.h5" --output "$dir/task" --set training.learning_rate=50 \
    --set training.self_train_steps=0
says 'its weights are no longer finite'
# And weights that the effective weight does not see, in the epoch's last batch, whose losses are still finite.
"$PYTHON" - "$dir/steep.h5" <<'END'
import h5py, numpy as np, sys
with h5py.File(sys.argv[1], "w") as f:
    for l, (cells, edges) in enumerate(((3, 4), (3, 3))):
        f[f"layers/{l}/weights"] = np.full((cells, edges, 27), 0.1, "f4")
        f[f"layers/{l}/weights"][..., 15:] = 1.6e6
END
for what in stop reset ignore; do
    expect "$([ $what = stop ] && echo 1 || echo 0)" mpirun -n 3 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/normal.h5" \
        --init "$dir/steep.h5" --output "$dir/unseen-$what" --set training.phases='[{self: 1}]' --set training.batch=60 \
        --set training.self_train_steps=1 --set training.self_train_learning_rate=100 \
        --set training.self_train_weights=replication --set training.on_divergence=$what
    says 'particle at layer 0, cell 0, edge 0 diverged in epoch 1: its weights are no longer finite'
done
PYTHONPATH=tests "$PYTHON" - "$dir/unseen-reset/checkpoint-1.h5" <<'END' || fail "divergent particles have other weights than those of their draw"
import sys
import draws, h5py, numpy as np
with h5py.File(sys.argv[1]) as file:
    w = np.concatenate([file[f"layers/{l}/weights"][:].reshape(-1, 27) for l in (0, 1)])
    seed = int(file.attrs["seed"])
    assert not any(file[f"layers/{l}/velocity_self"][:].any() for l in (0, 1))
assert (w == [draws.weights(seed, draws.RESET, 1, i) for i in range(21)]).all()
END
[ "$(column unseen-reset divergent)" = 0 ] || fail "divergent particles were not drawn anew"
[ "$(column unseen-ignore divergent)" = 21 ] || fail "not all diverged: $(cat "$dir/unseen-ignore/metrics.csv")"
expect 0 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/normal.h5" --output "$dir/again" --set training.learning_rate=50 \
    --set training.on_divergence=reset
says 'a smaller training.learning_rate may help; all particles are drawn anew'
"$PYTHON" - "$dir" <<'END'
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1] + "/great.h5", "w") as f: f["x"], f["y"] = np.ones((60, 4), "f4"), np.full((60, 1), 1e30, "f4")
END
expect 1 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/great.h5" --output "$dir/great" --set training.learning_rate=0.004
says 'scale the data to about 1'
says '1e+30 (targets)'
# Large data do not diverge by themselves: what the message tells helps.
"$PYTHON" - "$dir" <<'END'
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1] + "/large.h5", "w") as f: f["x"], f["y"] = np.ones((60, 4), "f4"), np.full((60, 1), 1e4, "f4")
END
expect 1 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/large.h5" --output "$dir/large" --set training.learning_rate=0.004
says 'scale the data to about 1, or take a smaller rate'
expect 0 "$metazoa" train "$dir/c.yaml" --quiet --set task.path="$dir/large.h5" --output "$dir/slow" --set training.learning_rate=1e-9
"$PYTHON" - "$(column slow task_loss)" << 'END' || fail "nothing is learned of large data: $(column slow task_loss)"
import sys
losses = sys.argv[1].split()
assert len(losses) > 1 and all(9e7 < float(loss) < 1.1e8 for loss in losses)
END
exit $failed
