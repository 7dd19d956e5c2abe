#!/bin/sh
# Pruning in whole runs: which particles are pruned, as numpy chooses them; that they are zero for ever; what the files say of them;
# the same files at every rank count; replays; a changed mask is found; what does not go together is refused. (cli_resume stops in
# the middle of rounds.)
. tests/lib_train.sh
make_images
make_configurations
cat > "$dir/prune.yaml" <<END
run: {name: prune, seed: 3}
task: {kind: idx, path: $dir/images, size: [4, 4]}
organism: {hidden: [9, 7], activation: gelu}
training: {epochs: 5, batch: 40, self_train_steps: 3, learning_rate: 0.01}
pruning: {schedule: gradual, score: replicators, share: 0.6, begin: 1, every: 2, rounds: 2}
checkpoint: {every: 1, keep: 99}
parallel: {block: 4, chunk: 16}
END

expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/one"
expect 0 on 3 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/three"
same "$dir/one" "$dir/three"
expect 0 "$metazoa" verify "$dir/one"
expect 0 on 2 "$metazoa" verify --recompute "$dir/one"
tells 'proved: 6 epochs of metrics.csv'
expect 0 on 2 "$metazoa" replay "$dir/one" --epochs 3:4 --every-batch --output "$dir/again" --quiet
expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/numbers" --set organism.edges=scalar --set pruning.score=magnitude \
    --set pruning.rewind=0
expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/whole" --set pruning.schedule=none
expect 0 "$metazoa" verify "$dir/whole"

# numpy's twins: a particle applied to itself (or its effective weight), from the checkpoint before the round.
PYTHONPATH=analysis "$PYTHON" - "$dir" << 'END' || fail "pruned particles are not the ones, or not zero"
import csv, sys
import h5py
import numpy as np
folder = sys.argv[1]
N = 16 * 9 + 9 * 7 + 7 * 3
rows = list(csv.DictReader(open(f"{folder}/one/metrics.csv")))
wanted = [0, 0, round(0.6 * (1 - 0.5**3) * N), round(0.6 * (1 - 0.5**3) * N), round(0.6 * N), round(0.6 * N)]
assert [int(row["pruned"]) for row in rows] == wanted, rows
for row in rows:
    assert sum(int(row[k]) for k in ("divergent", "zero", "self_replicator", "secondary", "other", "pruned")) == N, row

def layers(run, epoch, name):
    with h5py.File(f"{folder}/{run}/checkpoint-{epoch}.h5") as file:
        return [file[f"layers/{l}/{name}"][:].astype(float) for l in range(3)]

def flat(arrays):
    return np.concatenate([a.reshape(-1, a.shape[-1]) if a.ndim == 3 else a.ravel() for a in arrays])

def place(k, i):  # positions of 5-3-3-1, over their maxima
    return np.array([k / 2, i[0] / 2, i[1] / 4])
spots = np.array([place(k, i) for k, size in enumerate(((3, 5), (3, 3), (1, 3))) for i in np.ndindex(size)])

def movement(w):
    a = np.einsum("ni,nij,njk->nk", w[:, 24:27], w[:, 15:24].reshape(-1, 3, 3), w[:, :15].reshape(-1, 3, 5))
    return np.abs((a[:, :1] - 1) * w + a[:, 1:4] @ spots.T).max(1)

for run, score in (("one", movement), ("numbers", lambda w: np.abs(w[:, 0]))):
    for epoch, n in ((1, wanted[2]), (3, wanted[4])):
        before, mask = flat(layers(run, epoch, "weights")), flat(layers(run, epoch + 1, "pruned"))
        old = flat(layers(run, epoch, "pruned"))
        assert mask.sum() == n and set(mask) <= {0, 1} and (mask >= old).all()
        now = score(before)
        new = (mask == 1) & (old == 0)
        assert now[new].max() <= now[mask == 0].min() * (1 + 1e-4), (run, epoch)
for run in ("one", "numbers"):  # after fine-tuning
    for name in ("weights", "velocity_task", "velocity_self"):
        if run == "numbers" and name == "velocity_self":
            continue
        mask, values = flat(layers(run, 5, "pruned")), flat(layers(run, 5, name))
        assert (values[mask == 1] == 0).all(), (run, name)
        assert name != "weights" or (values[mask == 0] != 0).any(1).all(), run
first, kept = flat(layers("numbers", 0, "weights")), flat(layers("numbers", 1, "kept"))
assert (first == kept).all()
with h5py.File(f"{folder}/one/archive.h5") as file:
    for l, mask in enumerate(layers("one", 5, "pruned")):
        types = file[f"layers/{l}/type"]
        assert (types.attrs["flag_meanings"].split()[5] in ("pruned", b"pruned")) and ((types[-1] == 5) == (mask == 1)).all()
with h5py.File(f"{folder}/whole/checkpoint-5.h5") as file:
    assert "pruned" not in file["layers/0"] and "kept" not in file["layers/0"] and "pruned" not in file["metrics"]
END

# The mask of one particle is another one; then with the digest that belongs to it.
cp -r "$dir/one" "$dir/changed"
"$PYTHON" - "$dir/changed/checkpoint-5.h5" << 'END' || fail "the mask was not changed"
import sys
import h5py
import numpy as np
M = 2 ** 64 - 1
def mix(x):
    for _ in range(2):
        x = (x ^ x >> 32) * 0xD6E8FEB86659FD93 & M
    return x ^ x >> 32
def hash_four(data, position):  # base/hash.h
    h = mix(position + 0x9E3779B97F4A7C15 & M) ^ len(data)
    return mix(h ^ int.from_bytes(data, "little"))
with h5py.File(sys.argv[1], "r+") as file:
    d = file["layers/0/pruned"]
    old, new = np.float32(d[2, 5]), np.float32(1 - d[2, 5])
    d[2, 5] = new
    position = 2 * d.shape[1] + 5
    digest = int(d.attrs["digest"]) - hash_four(old.tobytes(), position) + hash_four(new.tobytes(), position)
    d.attrs.modify("digest", np.uint64(digest & M))
    del file.attrs["attributes_digest"]
END
expect 3 "$metazoa" verify "$dir/changed"
tells 'checkpoint-5.h5: DAMAGED: the fingerprint of its particles is'
expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/changed" --resume
says 'checkpoint-5.h5 is damaged and not used'
same "$dir/one" "$dir/changed"

# What reads the files of pruned runs: probes, a summary, a compiled organism and one that begins with the weights.
expect 0 "$metazoa" info "$dir/one"
tells '228 edges' && tells '137 of 228 pruned'
expect 0 "$metazoa" train "$dir/prune.yaml" --output "$dir/settled" --set training.settle=project --set training.epochs=4
tells 'self-replicators 100.0 %' # shares are those of the particles that live
expect 0 "$metazoa" info "$dir/settled"
tells '91 self_replicator (100.0 %); 137 of 228 pruned' && tells 'pruned, 100.0 % self-replicators'
expect 0 "$metazoa" info "$dir/settled" "$dir/one"
tells ' 100 %'
expect 0 "$metazoa" probe dropout "$dir/one" --baseline "$dir/numbers" --points 4 --seeds 1 --json
cp "$dir/out" "$dir/dropout"
expect 0 "$metazoa" probe settle "$dir/one" --steps 10
expect 0 "$metazoa" pca "$dir/one" --scope type --walks 0 --output "$dir/types.h5"
"$PYTHON" - "$dir" << 'END' || fail "pruned particles are dropped, or counted, once more"
import json, sys
import h5py
import numpy as np
folder = sys.argv[1]
o = json.load(open(f"{folder}/dropout"))
n = o["same_count"]["dropped"]
assert o["census"]["self_replicator"] == n and sum(o["census"].values()) == 228 - 137, o["census"]
assert max(o["overlap_with_replicators"]["organism"].values()) <= n, o["overlap_with_replicators"]
# Means are those of the 91 that live.
P = np.array([[k / (2 + 1e-8), i / (2 + 1e-8), j / (4 + 1e-8)] for k, shape in enumerate(((3, 5), (3, 3), (1, 3)))
              for i in range(shape[0]) for j in range(shape[1])])
def self_loss(w):
    rows = np.hstack([w[:, None], P, np.zeros((27, 1))])
    return np.mean((rows @ w[:15].reshape(3, 5).T @ w[15:24].reshape(3, 3).T @ w[24:] - w) ** 2)
with h5py.File(f"{folder}/one/checkpoint-5.h5") as file, h5py.File(f"{folder}/one/probe-settle.h5") as settle:
    layers = [file[f"layers/{l}"] for l in range(3)]
    living = np.concatenate([layer["weights"][:][layer["pruned"][:] == 0] for layer in layers]).astype(float)
    loss, moved, changed = (settle[name][:] for name in ("self_train_loss", "distance_mean", "distance_max"))
    assert len(living) == 91 and np.isclose(loss[0], np.mean([self_loss(w) for w in living]), rtol=1e-5), loss
    kind, size = settle["gradient/type_before"][:], settle["gradient/size"][:]
    assert (kind == 5).sum() == 137 and not size[kind == 5].any() and (moved <= changed).all()
with h5py.File(f"{folder}/one/probe-dropout.h5") as file:
    share = file["curves/organism/magnitude/share"][:]
    score = file["curves/organism/magnitude/score"][0]
    assert share[0] == 0 and share[-1] == 1 and score[0] == file["baseline"][()]
with h5py.File(f"{folder}/types.h5") as file, h5py.File(f"{folder}/one/archive.h5") as archive:
    last = np.concatenate([archive[f"layers/{l}/type"][-1].ravel() for l in range(len(archive["layers"]))])
    samples, records = file["groups/count"][:], len(archive["epoch"])
    assert len(samples) == 6 and samples[5] == records * (last == 5).sum(), samples
END
expect 0 "$metazoa" probe goal "$dir/one" --epsilon 1e-30,1e30
tells '"share_fixpoints": [0.0, 1.0]' # pruned ones are no fixpoints, and are not counted among all
for run in one numbers; do
    expect 0 "$metazoa" compile "$dir/$run" --output "$dir/compiled-$run"
    expect 0 "$metazoa" probe goal "$dir/compiled-$run"
done
expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --init "$dir/one/checkpoint-5.h5" --output "$dir/init"
[ "$(tail -n 1 "$dir/init/metrics.csv" | cut -d, -f12)" -eq 137 ] || fail "the mask of --init is lost"
"$PYTHON" -c '
import shutil, sys, h5py
shutil.copy(sys.argv[1], sys.argv[2])
with h5py.File(sys.argv[2], "r+") as file:
    mask = file["layers/0/pruned"]
    mask[0, 0] = 0.5
    del mask.attrs["digest"]' "$dir/one/checkpoint-5.h5" "$dir/half.h5"
expect 3 on 2 "$metazoa" train "$dir/prune.yaml" --quiet --init "$dir/half.h5" --output "$dir/half"
grep -q 'half.h5: /layers/0/pruned: expected 1 (pruned) or 0, found 0.5' "$dir/err" || fail "half a mask: $(cat "$dir/err")"
# What was pruned when weights were kept has none to go back to: once it has regrown it keeps what it was given.
expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --init "$dir/one/checkpoint-5.h5" --output "$dir/back" --set pruning.rewind=init \
    --set pruning.regrow=0.5 --set pruning.every=1 --set pruning.rounds=4
"$PYTHON" - "$dir/back" << 'END' || fail "particles came back as zeros"
import glob, sys
import h5py
import numpy as np
back = 0
for path in glob.glob(f"{sys.argv[1]}/checkpoint-*.h5"):
    with h5py.File(path) as file:
        for l in range(3):
            weights, pruned = file[f"layers/{l}/weights"][:], file[f"layers/{l}/pruned"][:] == 1
            assert (weights[~pruned] != 0).any(-1).all(), (path, l)
            back += (~pruned).sum()
assert back > 0
END
# Who goes back to what, and who comes back with what: at a learning rate of 0 from epoch 3 on, weights are those after the rounds.
expect 0 on 3 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/back-and-on" --set pruning.rewind=1 --set pruning.regrow=0.4 \
    --set pruning.begin=2 --set pruning.every=1 --set pruning.rounds=4 --set training.epochs=6 --set pruning.score=activity \
    --set training.schedule=step --set training.schedule_every=2 --set training.schedule_factor=0
PYTHONPATH=tests "$PYTHON" - "$dir/back-and-on" << 'END' || fail "after a round particles have other weights"
import sys
import draws, h5py
import numpy as np
def state(epoch):
    with h5py.File(f"{sys.argv[1]}/checkpoint-{epoch}.h5") as file:
        layers = [file[f"layers/{l}"] for l in range(3)]
        get = lambda name: np.concatenate([layer[name][:].reshape(layer["pruned"].size, -1) for layer in layers])
        return get("weights"), get("pruned")[:, 0] == 1
first, old = state(1)
assert not old.any()
for r in range(1, 5):
    epoch, total = 1 + r, np.floor(0.6 * (1 - (1 - r / 4) ** 3) * 228 + 0.5)
    w, pruned = state(epoch + 1)
    order = sorted(np.flatnonzero(old), key=lambda i: (draws.words(3, draws.REGROW, epoch, int(i), 1)[0] >> 2, i))
    back = order[: int(0.4 * old.sum() + 0.5)]
    assert pruned.sum() == total and (r == 1 or len(back) > 10) and (np.setdiff1d(np.flatnonzero(old & ~pruned), back)).size == 0
    assert not pruned[back].any() and not w[pruned].any(), r
    rewound = np.setdiff1d(np.flatnonzero(~pruned), back)
    assert (w[rewound] == first[rewound]).all(), r
    for i in back:
        assert (w[i] == draws.weights(3, draws.REGROWN, epoch, int(i))).all(), (r, i)
    old = pruned
END
# A replay begins with nothing that the run's last checkpoint remembers.
expect 0 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/rewound" --set pruning.rewind=init --set checkpoint.every=0
expect 0 "$metazoa" verify --recompute "$dir/rewound"
# Layer by layer, too, as many are pruned in the end as are asked for, whatever was rounded before.
for share in 0.5 0.85 0.95; do
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/layers-$share" --set task.inputs=3 --set organism.hidden=[3,3] \
        --set pruning.share=$share --set pruning.begin=0 --set pruning.every=1 --set pruning.rounds=3 --set pruning.schedule=gradual \
        --set pruning.score=magnitude_layers
    last=$(tail -n 1 "$dir/layers-$share/metrics.csv" | cut -d, -f12)
    [ "$last" -eq "$(awk "BEGIN { print int($share * 21 + 0.5) }")" ] || fail "$last of 21 are pruned, not the share $share"
done

# No more come back than there are others to be pruned for them.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/regrown" --set pruning.schedule=gradual --set pruning.score=magnitude \
    --set pruning.begin=0 --set pruning.every=1 --set pruning.rounds=3 --set pruning.share=0.95 --set pruning.regrow=0.9
[ "$(tail -n 1 "$dir/regrown/metrics.csv" | cut -d, -f12)" -eq 80 ] || fail "not 95 % of 84 are pruned after regrowth"

# What does not go together.
refused()
{
    message=$1
    shift
    expect 2 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/refused" "$@"
    says "$message"
}
refused 'pruning.begin = 3: the last round' --set pruning.begin=3
refused 'pruning.score = replicators: numbers do not replicate' --set organism.edges=scalar
refused 'pruning.rewind = 1: weights can go back only to an epoch before' --set pruning.rewind=1
refused 'pruning.rewind = init: it does not go together with training.phases' --set pruning.rewind=init \
    --set 'training.phases=[{self: 2}, {both: 3}]'
refused 'pruning.regrow = 0.5: one round regrows nothing' --set pruning.regrow=0.5 --set pruning.schedule=oneshot
refused 'pruning.schedule = gradual: it does not go together with interactions' --set interaction.melt=0.1
refused 'particles cannot be put in order for pruning; 8589934591 at most can' \
    --set 'organism.hidden=[100000, 100000]'
refused 'none, init or an integer from 1 to' --set pruning.rewind=never
expect 2 "$metazoa" train "$dir/prune.yaml" --quiet --output "$dir/one" --set training.epochs=6 --resume --set pruning.share=0.7
says 'pruning.share'
exit $failed
