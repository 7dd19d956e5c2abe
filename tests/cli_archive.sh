#!/bin/sh
# The archive: whatever the intervals of records and checkpoints, wherever a run is stopped, at any rank count, it is complete,
# has the bytes of an undisturbed run, reads the same through archive.h5 and segment by segment, and has few files. What is lost
# is named and kept, and a resume begins a new archive.
. tests/lib_train.sh
make_configurations

# records RUN EPOCHS EVERY: those that must be there, each read through archive.h5 as in its segment, none filled in.
records()
{
    "$PYTHON" - "$@" > "$dir/out" 2>&1 << 'END' || fail "the archive of $1: $(cat "$dir/out")"
import pathlib, sys
import h5py
import numpy
run, epochs, every = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with h5py.File(run / "archive.h5") as archive:
    must = sorted({*range(0, epochs + 1, every), epochs})
    assert archive["epoch"][:].tolist() == must, archive["epoch"][:].tolist()
    seen = 0
    for path in sorted((run / "archive").iterdir()):
        with h5py.File(path) as segment:
            first, n = int(segment.attrs["first_record"]), len(segment["epoch"])
            assert first == seen, (path, first, seen)
            seen += n
            for layer in segment["layers"]:
                for name in "trajectory", "type":
                    here, there = segment[f"layers/{layer}/{name}"], archive[f"layers/{layer}/{name}"]
                    assert here.chunks[0] <= n, here.chunks
                    assert numpy.array_equal(here[:], there[first:first + n]), (path, name)
                    assert not numpy.isnan(here[:]).any()
    assert seen == len(must), seen
END
}

n=0
for intervals in "3 2" "2 3" "5 4"; do
    set -- $intervals
    options="--set task.samples=60 --set training.epochs=8 --set archive.trajectory_every=$1 --set checkpoint.every=$2"
    rm -rf "$dir/whole" "$dir/parts"
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/whole" $options
    records "$dir/whole" 8 "$1"
    code=75 starts=0
    mkdir "$dir/parts"
    while [ $code -eq 75 ] && [ $starts -lt 60 ]; do # a stop after every batch, which is an epoch's only one
        starts=$((starts + 1)) n=$((n + 1))
        touch "$dir/parts/stop"
        mpirun -n $((n % 2 + 1)) "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/parts" $options > "$dir/out" 2> "$dir/err"
        code=$?
    done
    [ $code -eq 0 ] && [ $starts -ge 8 ] || fail "$options: exit code $code after $starts starts: $(cat "$dir/err")"
    rm -f "$dir/parts/stop"
    same "$dir/whole" "$dir/parts"
    expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/whole" $options
    same "$dir/whole" "$dir/parts"
    records "$dir/whole" 8 "$1"
    expect 0 "$metazoa" verify "$dir/whole"
    says_not=$(cat "$dir/err")
    [ -z "$says_not" ] || fail "verify says: $says_not"
done

# Records inside epochs, of 2 batches each: stops and resumes after every batch change no byte, nor do they change the run.
options="--set task.samples=100 --set training.epochs=4 --set training.settle=plain --set training.settle_steps=40
    --set archive.trajectory_every=2 --set archive.trajectory_steps=[1,2,5,6,7] --set parallel.block=3"
rm -rf "$dir/whole" "$dir/parts"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/whole" $options
mkdir "$dir/parts"
code=75 starts=0
while [ $code -eq 75 ] && [ $starts -lt 60 ]; do
    starts=$((starts + 1))
    touch "$dir/parts/stop"
    mpirun --oversubscribe -n $((starts % 3 + 1)) "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/parts" $options \
        > "$dir/out" 2> "$dir/err"
    code=$?
done
[ $code -eq 0 ] && [ $starts -gt 8 ] || fail "records inside epochs: exit code $code after $starts starts: $(cat "$dir/err")"
rm -f "$dir/parts/stop"
same "$dir/whole" "$dir/parts"
expect 0 "$metazoa" verify "$dir/whole"
# What cannot be written is no damage of the run.
expect 1 flock "$dir/merged.h5.tmp" "$metazoa" archive merge "$dir/whole" --output "$dir/merged.h5"
says 'another program writes this file now'
expect 1 env METAZOA_FAIL_WRITE=5 "$metazoa" archive merge "$dir/whole" --output "$dir/merged.h5"
says 'cannot be'
grep -q damaged "$dir/out" "$dir/err" && fail "a merge that cannot write: $(cat "$dir/out" "$dir/err")"
[ ! -e "$dir/merged.h5" ] || fail "a part of a merge was left"
# A segment that a job, which goes on training, replaces between two looks at it is not damaged.
cc -shared -fPIC -o "$dir/swapped.so" tests/preload/swapped.c || exit 1
for epochs in 4 5; do
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=$epochs --output "$dir/to-$epochs"
done
expect 0 env LD_PRELOAD="$dir/swapped.so" OPENINGS=2 SWAPPED="$dir/to-4/archive/segment-000004.h5" \
    NEWER="$dir/to-5/archive/segment-000004.h5" "$metazoa" archive merge "$dir/to-4" --output "$dir/merged.h5"
tells 'merged.h5: 6 records'
rm "$dir/merged.h5"

mkfifo "$dir/pipe"
for made in 'archive merge' pca; do # a pipe is not replaced
    # shellcheck disable=SC2086
    expect 2 "$metazoa" $made "$dir/whole" --output "$dir/pipe"
    says "pipe: expected a regular file, found a pipe: choose another name"
    [ -p "$dir/pipe" ] || fail "$made --output PIPE: it is no pipe any more"
done
expect 0 "$metazoa" archive merge "$dir/whole" --output "$dir/merged.h5"
expect 0 "$metazoa" verify "$dir/merged.h5"
# Without archive.h5 too, its configuration is the run's, not what somebody made of config.yaml.
cp -r "$dir/whole" "$dir/edited"
rm "$dir/edited/archive.h5"
sed -i 's/learning_rate: .*/learning_rate: 0.5/' "$dir/edited/config.yaml"
expect 0 "$metazoa" archive merge "$dir/edited" --output "$dir/edited.h5"
cmp "$dir/merged.h5" "$dir/edited.h5" || fail "archive merge without archive.h5 makes another file"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/without" $options --set archive.trajectory_steps=none
"$PYTHON" - "$dir" << 'END' || fail "records inside epochs are not those asked for"
import csv, sys
import h5py
folder = sys.argv[1]
rows = [list(csv.DictReader(open(f"{folder}/{run}/metrics.csv"))) for run in ("whole", "without")]
assert [r["fingerprint"] for r in rows[0]] == [r["fingerprint"] for r in rows[1]]
known = {int(r["epoch"]): int(r["fingerprint"], 16) for r in rows[0]}
for name in "whole/archive.h5", "merged.h5":
    with h5py.File(f"{folder}/{name}") as file, h5py.File(f"{folder}/without/archive.h5") as plain:
        place = list(zip(file["epoch"][:].tolist(), file["metrics/batch"][:].tolist()))
        assert place == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0), (5, 0)], place
        assert "metrics/batch" not in plain and file.attrs["version"] == 2 and plain.attrs["version"] == 1
        whole = [k for k, (epoch, batch) in enumerate(place) if batch == 0]
        assert [int(file["metrics/fingerprint"][k]) for k in whole] == [known[place[k][0]] for k in whole]
        assert len(set(file["metrics/fingerprint"][:].tolist())) == len(place)
        assert (file["layers/0/type"][:] < 255).all() and (file["metrics/task_loss"][1:-1] > 0).all()
END

# Many epochs with a checkpoint each: few files, that a process of few open files reads.
options="--set training.epochs=100 --set checkpoint.every=1 --set archive.trajectory_every=1"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/many" $options
[ "$(ls "$dir/many/archive" | wc -l)" -le 7 ] || fail "101 records in $(ls "$dir/many/archive" | wc -l) files"
# shellcheck disable=SC3045
(ulimit -n 40 && records "$dir/many" 100 1 && expect 0 "$metazoa" verify "$dir/many" && exit $failed) || failed=1

# A run that is extended keeps its former last record.
options="--set archive.trajectory_every=4"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/longer" $options --set training.epochs=6
expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/longer" $options --set training.epochs=9
[ "$("$PYTHON" -c 'import h5py, sys; print(*h5py.File(sys.argv[1])["epoch"][:])' "$dir/longer/archive.h5")" = "0 4 6 8 9" ] ||
    fail "an extended run has other records"
expect 0 "$metazoa" verify "$dir/longer"

# Lost: the whole archive, a segment. verify says what a resume will do; the resume does it, and what is left stays readable.
for lost in archive archive/segment-000000.h5; do
    rm -rf "$dir/loss"
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/loss" --set training.epochs=5
    mv "$dir/loss/$lost" "$dir/away"
    expect 3 "$metazoa" verify "$dir/loss"
    tells 'metazoa replay computes records again'
    (cd "$dir/loss" && find . -name '*.h5' -exec sha256sum {} + | sort) > "$dir/before"
    expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/loss" --set training.epochs=5
    says 'what is left of the archive stays as it is, as the run is finished'
    (cd "$dir/loss" && find . -name '*.h5' -exec sha256sum {} + | sort) | cmp - "$dir/before" || fail "the archive of a finished run was changed"
    rm "$dir/loss/checkpoint-5.h5"
    expect 3 "$metazoa" verify "$dir/loss"
    grep -q 'train --resume begins a new archive' "$dir/out" || fail "verify does not say what a resume does: $(cat "$dir/out")"
    expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/loss" --set training.epochs=8
    says 'a new archive begins here'
    [ "$(wc -l < "$dir/err")" -eq 1 ] || fail "more than a line: $(cat "$dir/err")"
    expect 0 "$metazoa" verify "$dir/loss"
    grep -q '4 records of the archive, to epoch 8' "$dir/out" || fail "the new archive: $(cat "$dir/out")"
    mv "$dir/away" "$dir/loss/archive-lost/$lost"
    expect 0 "$metazoa" archive merge "$dir/loss/archive-lost" --output "$dir/merged.h5"
    grep -q ': 6 records' "$dir/out" || fail "what was kept: $(cat "$dir/out" "$dir/err")"
done

# The archive of a longer run with records at other epochs: verify says what a resume will do.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/rare" --set training.epochs=15 --set archive.trajectory_every=3
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/often" --set training.epochs=9
for case in 'rare often' 'often rare'; do
    # shellcheck disable=SC2086 # words
    set -- $case
    every=$([ "$1" = rare ] && echo 3 || echo 1)
    rm -rf "$dir/loss"
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/loss" --set training.epochs=4 --set archive.trajectory_every="$every"
    rm -r "$dir/loss/archive" "$dir/loss/archive.h5"
    cp -r "$dir/$2/archive" "$dir/$2/archive.h5" "$dir/loss"
    expect 3 "$metazoa" verify "$dir/loss"
    tells 'it is another archive'
    expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/loss" --set training.epochs=9 --set archive.trajectory_every="$every"
    says 'a new archive begins here'
    [ -e "$dir/loss/archive-lost/archive.h5" ] || fail "$case: the archive is lost"
    expect 0 "$metazoa" verify "$dir/loss"
done

# An archive that comes back after a new one began is kept, not continued, and nothing of it is removed.
rm -rf "$dir/loss"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/loss" --set training.epochs=5
mv "$dir/loss/archive" "$dir/away"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/loss" --set training.epochs=7
cp "$dir/away/"* "$dir/loss/archive/"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/loss" --set training.epochs=9
says archive-lost-2
[ "$(ls "$dir/loss/archive-lost-2/archive" | wc -l)" -eq 3 ] || fail "what came back was removed: $(ls -R "$dir/loss")"

exit $failed
