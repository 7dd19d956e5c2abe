#!/bin/sh
# metazoa replay, metazoa verify --recompute: any window of any run comes again with the bits that it had, on other rank counts,
# whatever the run went through; what is not what the configuration gives is found and named; the run itself is not touched.
. tests/lib_train.sh
make_images
make_configurations

# everything RUN: names and contents of all files of a run.
everything()
{
    (cd "$1" && find . -type f | sort | xargs sha256sum)
}

# A run that goes through much: one task first, interactions, divergence policy, settling by training; killed while it writes, stopped
# inside an epoch, resumed on other rank counts. Batches of an epoch: 4; of settling: 3.
run=$dir/images-run
options="--set training.first=self --set training.first_epochs=1 --set interaction.attack=0.02 --set interaction.melt=0.1
    --set training.on_divergence=reset --set archive.trajectory_every=2 --set checkpoint.keep=9 --set training.momentum_buffers=reset"
expect 137 env METAZOA_KILL_WRITE=4000 "$metazoa" train "$dir/images.yaml" --quiet $options
[ -e "$run/checkpoint-2.h5" ] || fail "killed too early: $(ls "$run")"

# While it has not ended: from the checkpoint before the window, on another rank count.
last=$(tail -n 1 "$run/metrics.csv" | cut -d, -f1)
[ "$last" -gt 2 ] || fail "metrics.csv does not go beyond the checkpoint"
everything "$run" > "$dir/before"
expect 0 on 3 "$metazoa" replay "$run" --epochs "$last:$last" --output "$dir/last" --quiet
tells "epochs 2 to $last; proved: $((last - 2)) epoch"
expect 0 on 2 "$metazoa" verify --recompute "$run"
everything "$run" | diff "$dir/before" - || fail "a replay changed the run"

touch "$run/stop"
expect 75 on 2 "$metazoa" train "$dir/images.yaml" --quiet --resume $options
ls "$run" | grep -q 'checkpoint-[0-9]*-[0-9]*.h5' || fail "the run was not stopped inside an epoch: $(ls "$run")"
rm -f "$run/stop"
expect 0 "$metazoa" train "$dir/images.yaml" --quiet --resume $options
everything "$run" > "$dir/before"
expect 0 on 3 "$metazoa" replay "$run" --epochs 0:5 --every-batch --output "$dir/all"
tells 'epochs 0 to 5; proved: 6 epochs of metrics.csv'
expect 0 on 2 "$metazoa" replay "$run" --epochs 1:3 --every 2 --layers 0,2 --set archive.fraction=0.5 --output "$dir/part" --quiet
everything "$run" | diff "$dir/before" - || fail "a replay changed the run"
for folder in all part; do
    expect 0 "$metazoa" verify "$dir/$folder"
    expect 0 "$metazoa" archive merge "$dir/$folder"
    expect 0 "$metazoa" verify "$dir/$folder"
done
# There is no checkpoint to hold metrics.csv against, but records.
for change in 's/^\(3,[^,]*\)./\1/' '/^5,/d' 's/,train_accuracy/,train_mae/'; do
    cp -r "$dir/all" "$dir/changed"
    sed "$change" "$dir/all/metrics.csv" > "$dir/changed/metrics.csv"
    cmp -s "$dir/all/metrics.csv" "$dir/changed/metrics.csv" && fail "$change changes nothing"
    expect 3 "$metazoa" verify "$dir/changed"
    tells 'metrics.csv is of another run, or was changed: it lacks the row of epoch'
    rm -r "$dir/changed"
done
expect 0 "$metazoa" replay "$run" --epochs 0:5 --every-batch --output "$dir/again" --quiet
for file in archive.h5 archive/segment-000000.h5; do
    cmp "$dir/all/$file" "$dir/again/$file" || fail "a replay on three ranks has other bytes than on one"
done

PYTHONPATH=analysis "$PYTHON" - "$run" "$dir" << 'END' || fail "what a replay recorded is not what it must be"
import sys
import h5py
import numpy as np
from metazoa.reading.run import Run
run, folder = sys.argv[1:]
with h5py.File(f"{run}/archive.h5") as old, h5py.File(f"{folder}/all/archive.h5") as new, h5py.File(f"{folder}/part/archive.h5") as part:
    place = list(zip(new["epoch"][:].tolist(), new["metrics/batch"][:].tolist()))
    must = [(e, b) for e in range(4) for b in range(4)] + [(4, b) for b in range(3)] + [(5, 0)]
    assert place == must, place
    for k, epoch in enumerate(old["epoch"][:].tolist()):
        at = place.index((epoch, 0))
        for name in "layers/0/trajectory", "layers/2/trajectory", "layers/1/type", "metrics/task_loss", "metrics/fingerprint":
            assert np.array_equal(old[name][k], new[name][at], equal_nan="loss" in name), (epoch, name)
    assert part["epoch"][:].tolist() == [1, 3] and sorted(part["layers"]) == ["0", "2"] and "batch" not in part["metrics"]
    chosen = part["layers/0/cell"][:], part["layers/0/edge"][:]
    assert np.array_equal(part["layers/0/trajectory"][0], new["layers/0/trajectory"][place.index((1, 0))][chosen])
    moved = (np.diff(new["layers/0/trajectory"][:], axis=0) != 0).any(axis=(1, 2, 3))
    assert moved.all(), moved  # every batch is another state
    for name in sorted(__import__("os").listdir(run)):  # a checkpoint inside an epoch is one of the records
        if name.count("-") == 2:
            with h5py.File(f"{run}/{name}") as checkpoint:
                at = place.index((int(checkpoint.attrs["epoch"]), int(checkpoint.attrs["batch"])))
                assert np.array_equal(checkpoint["layers/0/weights"][:], new["layers/0/trajectory"][at])
replay, whole = Run(f"{folder}/all"), Run(run)
assert replay.metrics["fingerprint"].tolist() == whole.metrics["fingerprint"].tolist()
with replay.archive() as archive:
    assert list(zip(archive.epoch, archive.batch)) == must and archive.layers[0].types(3).max() < 5
END

# The whole run at 1, 2, 3 ranks; a share of it. settle: project, and a configuration whose grid is for other ranks.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.settle=project --set checkpoint.keep=5
run=$dir/sums-run
for ranks in 1 2 3; do
    expect 0 on $ranks "$metazoa" verify --recompute "$run"
    tells 'epochs 0 to 4; proved: 5 epochs of metrics.csv, 3 checkpoints, 5 records'
done
expect 0 "$metazoa" verify --recompute "$run" --share 0.5
tells 'proved: '

# A member of an ensemble.
expect 0 on 2 "$metazoa" train "$dir/sums.yaml" --quiet --set run.ensemble=2 --set training.epochs=1 --output "$dir/ensemble"
expect 0 "$metazoa" replay "$dir/ensemble/seed-6" --epochs 0:1 --quiet
tells 'proved: 2 epochs'
expect 0 "$metazoa" verify "$dir/ensemble"
expect 2 on 2 "$metazoa" replay "$dir/ensemble" --epochs 0:1
says "an ensemble: replay its runs one by one, for example $dir/ensemble/seed-"
expect 2 "$metazoa" verify --recompute "$dir/ensemble"
says "an ensemble: replay its runs one by one"

# A replay is no run that could go on.
contents "$dir/ensemble/seed-6/replay-0-1" > "$dir/before"
expect 2 on 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --set run.seed=6 --set training.epochs=2 --output "$dir/ensemble/seed-6/replay-0-1"
says 'what `metazoa replay` leaves cannot be resumed'
contents "$dir/ensemble/seed-6/replay-0-1" | diff "$dir/before" - || fail "a refused resume changed the replay"

# What a replay left that was killed or stopped is no obstacle: the same command begins anew. One that ended is not replaced.
ended=$dir/ensemble/seed-6/replay-0-1
for at in 9 24; do
    rm -r "$ended"
    expect 137 env METAZOA_KILL_WRITE=$at "$metazoa" replay "$dir/ensemble/seed-6" --epochs 0:1 --quiet --every-batch
    [ ! -e "$ended/archive.h5" ] || fail "killed too late: $(ls "$ended")"
    expect 0 "$metazoa" verify "$ended"
    tells 'metazoa replay begins it anew'
    expect 0 "$metazoa" replay "$dir/ensemble/seed-6" --epochs 0:1 --quiet
    contents "$ended" | diff "$dir/before" - || fail "a replay after one that was killed has other files"
done
mkdir "$dir/stopped" && touch "$dir/stopped/stop"
expect 1 "$metazoa" replay "$dir/ensemble/seed-6" --epochs 0:1 --quiet --output "$dir/stopped"
says 'the same command begins it anew'
rm -f "$dir/stopped/stop"
expect 0 "$metazoa" replay "$dir/ensemble/seed-6" --epochs 0:1 --quiet --output "$dir/stopped"
expect 2 "$metazoa" replay "$dir/ensemble/seed-6" --epochs 0:1 --quiet
says 'holds a replay already: choose another folder with --output, or remove this one'
expect 2 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/stopped"
says 'holds a replay already'

# Particles that diverge are drawn anew, in a replay as in the run.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.on_divergence=reset --set training.learning_rate=0.5 --output "$dir/divergent"
grep -q '^[1-9],nan' "$dir/divergent/metrics.csv" || fail "nothing diverged: $(cat "$dir/divergent/metrics.csv")"
expect 0 on 2 "$metazoa" replay "$dir/divergent" --epochs 0:3 --quiet
tells '4 epochs of metrics.csv'
expect 0 on 3 "$metazoa" verify --recompute "$dir/divergent"

# Another fingerprint in metrics.csv is named, and no other one.
cp -r "$run" "$dir/other"
"$PYTHON" - "$dir/other/metrics.csv" << 'END'
import sys
lines = open(sys.argv[1]).read().splitlines()
field = lines[0].split(",").index("fingerprint")
row = lines[3].split(",")  # epoch 2
row[field] = f"{int(row[field], 16) ^ 1:016x}"
lines[3] = ",".join(row)
open(sys.argv[1], "w").write("\n".join(lines) + "\n")
END
expect 1 on 2 "$metazoa" replay "$dir/other" --epochs 1:4 --quiet
says 'epoch 2: the replay'
[ "$(grep -c '^metazoa' "$dir/err")" -eq 1 ] || fail "more than a line: $(cat "$dir/err")"
tells 'proved: 4 epochs of metrics.csv, 3 checkpoints; 1 difference, first in epoch 2'
expect 3 "$metazoa" verify --recompute "$dir/other" # its newest checkpoint has the row as it was

# One weight of a record is another one, with the digest that belongs to it: verify cannot know, --recompute does.
cp -r "$run" "$dir/forged"
"$PYTHON" - "$dir/forged/archive/segment-000000.h5" << 'END' || fail "the record was not forged"
import sys
import h5py
import numpy as np
M = 2 ** 64 - 1
def mix(x):
    for _ in range(2):
        x = (x ^ x >> 32) * 0xD6E8FEB86659FD93 & M
    return x ^ x >> 32
def hash_bytes(data, position):  # base/hash.h
    h = mix(position + 0x9E3779B97F4A7C15 & M) ^ len(data)
    while len(data) >= 8:
        h = (h ^ int.from_bytes(data[:8], "little")) * 0x9FB21C651E98DF25 & M
        h, data = h ^ h >> 29, data[8:]
    return mix(h ^ int.from_bytes(data, "little"))
with h5py.File(sys.argv[1], "r+") as file:
    d = file["layers/1/trajectory"]
    rows, record, cell, edge = d.shape[1] * d.shape[2], 2, 1, 1
    position = record * rows + cell * d.shape[2] + edge
    old = d[record, cell, edge]
    new = old.copy()
    new[3] = np.nextafter(new[3], np.float32(9))
    d[record, cell, edge] = new
    digest = (int(d.attrs["digest"]) - hash_bytes(old.tobytes(), position) + hash_bytes(new.tobytes(), position)) & M
    d.attrs.modify("digest", np.uint64(digest))
    del file.attrs["attributes_digest"]
END
expect 0 "$metazoa" verify "$dir/forged"
for ranks in 1 2 3; do
    expect 1 on $ranks "$metazoa" verify --recompute "$dir/forged"
    says 'epoch 2: the record of the archive differs: 1 particles of layer 1'
    tells '1 difference, first in epoch 2'
done

# A checkpoint that is damaged is named, and the replay begins before it. Of a run that began with --init it must be told.
cp -r "$run" "$dir/damaged"
printf 'damage' | dd of="$dir/damaged/checkpoint-2.h5" bs=1 seek=3000 conv=notrunc 2> /dev/null
expect 0 "$metazoa" replay "$dir/damaged" --epochs 3:3 --quiet
says 'checkpoint-2.h5 is damaged and not used'
tells 'epochs 0 to 3; proved: 4 epochs'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=1 --init "$run/checkpoint-2.h5" --output "$dir/init"
expect 1 "$metazoa" replay "$dir/init" --epochs 0:1 --quiet
says 'a run that began with --init FILE is replayed with it'
expect 0 "$metazoa" replay "$dir/init" --epochs 0:1 --quiet --init "$run/checkpoint-2.h5" --output "$dir/with"
expect 0 on 2 "$metazoa" verify --recompute "$dir/init" --init "$run/checkpoint-2.h5"

# Windows and options that cannot be; other data; another configuration.
usage()
{
    text=$1
    shift
    expect 2 "$metazoa" replay "$@"
    says "$text"
    [ "$(grep -c '^metazoa' "$dir/err")" -eq 1 ] || fail "replay $*: more than a line: $(cat "$dir/err")"
}
usage 'ends before it begins' "$run" --epochs 3:1
usage 'is not A:B' "$run" --epochs 3
usage 'is not A:B' "$run" --epochs=-1:2
usage 'needs --epochs A:B' "$run"
usage 'beyond the run: metrics.csv ends with epoch 4' "$run" --epochs 0:5
usage 'choose one' "$run" --epochs 0:1 --every 2 --every-batch
usage 'training.learning_rate' "$run" --epochs 0:1 --set training.learning_rate=0.5
usage 'archive.layers' "$run" --epochs 0:1 --layers 7
usage 'holds a run already' "$run" --epochs 0:1 --output "$run"
sed '/^2,/d' "$run/metrics.csv" > "$dir/other/metrics.csv"
usage 'no row of epoch 2' "$dir/other" --epochs 1:3
cp -r "$dir/images" "$dir/shifted"
printf '\377' | dd of="$dir/shifted/train-images-idx3-ubyte" bs=1 seek=999 conv=notrunc 2> /dev/null
usage 'other data' "$dir/images-run" --epochs 0:1 --set task.path="$dir/shifted"
mv "$dir/images" "$dir/moved"
expect 0 "$metazoa" replay "$dir/images-run" --epochs 4:5 --output "$dir/elsewhere" --quiet --set task.path="$dir/moved"
# claims WORDS CHANGE: what metrics.csv claims cannot be read after this change of sed's.
claims()
{
    sed "$2" "$run/metrics.csv" > "$dir/other/metrics.csv"
    expect 3 "$metazoa" replay "$dir/other" --epochs 0:1
    says "metrics.csv$1"
}
claims ': it has no column fingerprint' '1s/fingerprint/print/'
claims ':3: it is no row of metrics' '3s/,.*//'
claims ':2: it is no row of metrics' '2s/[0-9a-f]\{16\}/&0/'
rm "$dir/other/metrics.csv"
expect 3 "$metazoa" replay "$dir/other" --epochs 0:1
says 'there is nothing to hold a replay against'
expect 2 "$metazoa" verify "$run" --share 0.5
# A checkpoint that claims nothing because it is damaged is named.
cp -r "$run" "$dir/flawed"
flawed=$(ls "$dir/flawed"/checkpoint-*.h5 | head -n 1)
printf 'no' > "$flawed"
expect 0 on 2 "$metazoa" replay "$dir/flawed" --epochs 0:1 --output "$dir/flawed-replay"
says "$flawed is damaged and not compared: "

# A run that stops early and settles: the losses on the validation samples decide, in a replay as well.
mv "$dir/moved" "$dir/images"
set -- "$dir/images.yaml" --quiet --set training.epochs=30 --set training.patience=2 --set task.validation=0.3 \
    --set training.settle=project --set training.settle_steps=0 --set training.learning_rate=0.3 --set training.on_divergence=reset \
    --set checkpoint.every=1 --set checkpoint.keep=40
expect 0 "$metazoa" train "$@" --output "$dir/early"
[ "$(tail -n 1 "$dir/early/metrics.csv" | cut -d, -f1)" -lt 30 ] || fail "it does not stop early: $(tail -n 1 "$dir/early/metrics.csv")"
expect 0 "$metazoa" verify --recompute "$dir/early"
expect 0 "$metazoa" train "$@" --output "$dir/cosine" --set training.schedule=cosine # of 30 epochs, however early it ends
[ "$(tail -n 1 "$dir/cosine/metrics.csv" | cut -d, -f1)" -lt 30 ] || fail "it does not stop early: $(tail -n 1 "$dir/cosine/metrics.csv")"
expect 0 "$metazoa" verify --recompute "$dir/cosine"
last=$(tail -n 1 "$dir/early/metrics.csv" | cut -d, -f1)
rm "$dir/early/checkpoint-$last.h5"
expect 0 "$metazoa" replay "$dir/early" --quiet --epochs "$((last - 1)):$last"
"$metazoa" status "$dir/early" | grep -qF "finished  epoch $last of $last," || fail "status: $("$metazoa" status "$dir/early")"

# The patience of a resume decides from its next look on, also if it would have ended training before; it stays once the organism
# settles. An end that was not trained as one is refused.
expect 2 "$metazoa" train "$@" --resume --output "$dir/early" --set training.patience=0
says 'training.patience = 2 must stay'
expect 0 "$metazoa" train "$@" --output "$dir/later" --set training.patience=0 --set training.epochs=$((last + 5))
for epoch in $(seq $((last + 3)) $((last + 6))); do rm "$dir/later/checkpoint-$epoch.h5"; done
expect 2 "$metazoa" train "$@" --resume --output "$dir/later" --set training.epochs=$((last + 2))
says 'was not trained as the last one'
expect 0 "$metazoa" train "$@" --resume --output "$dir/later" --set training.epochs=$((last + 5))
grep -q census_before_settling "$dir/later/summary.json" || fail "it does not settle: $(tail -n 1 "$dir/later/metrics.csv")"
expect 0 "$metazoa" verify --recompute "$dir/later"

exit $failed
