#!/bin/sh
# metazoa pca: the same bytes at every number of ranks and after every kill; clear messages; a run that goes on beside it.
. tests/lib_train.sh
make_images
make_configurations
run=$dir/run

# pca RANKS OPTION...
pca()
{
    ranks=$1
    shift
    mpirun --oversubscribe -n "$ranks" "$metazoa" pca "$run" "$@"
}

# Records inside epochs, several segments, files that all ranks write (no checksums but digests); a part of the particles.
expect 0 "$metazoa" train "$dir/images.yaml" --quiet --output "$run" --set archive.trajectory_steps='[1, 2, 6]' --set training.epochs=6
while read -r others options; do
    for ranks in 1 $(echo "$others" | tr , ' '); do
        # shellcheck disable=SC2086
        expect 0 pca "$ranks" $options --output "$dir/pca-$ranks.h5"
        cmp "$dir/pca-1.h5" "$dir/pca-$ranks.h5" || fail "pca $options: $ranks ranks give other bytes than one"
    done
    expect 0 "$metazoa" verify "$dir/pca-1.h5"
done << END
2,3,5 --scope organism
3 --scope layer --origin start --whiten
5 --scope particle --walkers 50
2 --scope type --epochs 1:4
2 --scope cell --walks 0 --no-scores
END

# More walkers than are shown: these are spread evenly, and each walk begins at its own particle's place and takes steps as long as
# that particle's, which distances show when all components are kept.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set organism.hidden=[40,30] --set training.learning_rate=1e-4 \
    --set training.epochs=6 --output "$dir/wide"
expect 0 on 2 "$metazoa" pca "$dir/wide" --components 27 --output "$dir/walks.h5"
"$PYTHON" - "$dir" <<'PYTHON' || fail "components have other bits than on the machine that these digests are from"
import h5py, sys
known = {"groups/components": 0x962b8c3d624a4df2, "groups/variance": 0x34c0112c29874e01, "groups/walk_ratio": 0x76c1d5a56d734141,
         "layers/2/projection": 0x80b94bfb1e4fd8fb, "layers/2/walk": 0xd453c93fab0147e9}
with h5py.File(f"{sys.argv[1]}/walks.h5") as pca:
    for name, digest in known.items():
        assert pca[name].attrs["digest"] == digest, (name, hex(pca[name].attrs["digest"]))
PYTHON
"$PYTHON" - "$dir" <<'PYTHON' || fail "walks do not keep their particles' starts and steps"
import h5py, numpy, sys
from numpy.linalg import norm
with h5py.File(f"{sys.argv[1]}/walks.h5") as pca, h5py.File(f"{sys.argv[1]}/wide/archive.h5") as archive:
    assert pca.attrs["walkers"] == 1470 and len(pca["layers"]) == 3
    rows = [archive[f"layers/{l}/trajectory"][:].reshape(7, -1, 27).astype(float) for l in range(3)]
    walkers = [pca[f"layers/{l}/walker"][:] for l in range(3)]
    firsts = numpy.cumsum([0] + [x.shape[1] for x in rows[:2]])
    assert (numpy.concatenate([first + w for first, w in zip(firsts, walkers)]) == numpy.arange(512) * 1470 // 512).all()
    starts, walks = [], []
    for l in range(3):
        x, walk = rows[l][:, walkers[l]], pca[f"layers/{l}/walk"][:].astype(float)
        assert numpy.abs(norm(numpy.diff(walk, axis=0), axis=2) - norm(numpy.diff(x, axis=0), axis=2)).max() < 1e-5, l
        starts.append(x[0])
        walks.append(walk[0])
    starts, walks = numpy.concatenate(starts), numpy.concatenate(walks)
    assert numpy.abs(norm(walks - walks[0], axis=1) - norm(starts - starts[0], axis=1)).max() < 1e-5
PYTHON

# Killed at any of its operations, and started again with other ranks.
pca 1 --scope layer --output "$dir/whole.h5" > "$dir/out"
killed=0
for n in 60 150 280 420; do
    rm -f "$dir/again.h5"*
    METAZOA_KILL_WRITE=$n pca 2 --scope layer --output "$dir/again.h5" > "$dir/out" 2>&1 || killed=$((killed + 1))
    expect 0 pca 3 --scope layer --output "$dir/again.h5"
    cmp "$dir/whole.h5" "$dir/again.h5" || fail "killed at operation $n, it ends with other bytes"
    [ ! -e "$dir/again.h5.partial" ] || fail "its partial file is left over"
done
[ $killed -eq 4 ] || fail "only $killed of 4 were killed"

# Sums are kept; those of another window are not taken.
rm -f "$dir/again.h5"*
METAZOA_KILL_WRITE=150 pca 1 --scope layer --no-scores --output "$dir/again.h5" > "$dir/out" 2>&1
[ -s "$dir/again.h5.partial" ] || fail "nothing was kept of the sums"

expect 0 pca 1 --scope layer --epochs 2:5 --output "$dir/again.h5"
expect 0 pca 1 --scope layer --epochs 2:5 --output "$dir/window.h5"
cmp "$dir/window.h5" "$dir/again.h5" || fail "sums of another window were taken"

# A run that goes on while it is analysed: each result is of one state, and its scores are those of the records it names.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/long" --set training.epochs=2 --set checkpoint.every=1
"$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/long" --set training.epochs=100 --set checkpoint.every=1 &
trainer=$!
last=0
while kill -0 $trainer 2> /dev/null; do
    expect 0 "$metazoa" pca "$dir/long" --walks 0 --output "$dir/beside.h5"
    last=$((last + 1))
done
wait $trainer || fail "the run beside an analysis failed"
[ $last -gt 1 ] || echo "only $last analyses beside the run"
expect 0 "$metazoa" verify "$dir/beside.h5"
"$PYTHON" - "$dir" <<'PYTHON' || fail "the analysis beside a run is not of one state"
import h5py, numpy, sys
with h5py.File(f"{sys.argv[1]}/beside.h5") as pca, h5py.File(f"{sys.argv[1]}/long/archive.h5") as archive:
    n = pca.attrs["records"]
    assert n > 2 and (pca["fingerprint"][:] == archive["metrics/fingerprint"][:n]).all()
    for layer in pca["layers"]:
        w = archive[f"layers/{layer}/trajectory"][:n] - pca["groups/mean"][0]
        scores = w @ pca["groups/components"][0, :3].T
        assert numpy.abs(scores - pca[f"layers/{layer}/projection"][:]).max() < 1e-5
PYTHON

# Sums that were kept while the run trained, with an archive, without one, and across a stop, give the same bits.
for more in '--set archive.trajectory_every=1' '--set archive.trajectory_every=0' '--set archive.fraction=0.5'; do
    rm -rf "$dir/sums"
    # shellcheck disable=SC2086
    expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/sums" --set archive.moments=true $more \
        --set training.epochs=4
    # shellcheck disable=SC2086
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/sums" --set archive.moments=true $more \
        --set training.epochs=9 --resume
    expect 0 "$metazoa" verify "$dir/sums"
    [ -e "$dir/sums/archive.h5" ] || { # an archive of the same records
        expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/records" --set training.epochs=9
        cp -R "$dir/records/archive" "$dir/records/archive.h5" "$dir/sums"
    }
    for options in '--scope organism' '--scope layer --origin start'; do
        # shellcheck disable=SC2086
        expect 0 "$metazoa" pca "$dir/sums" $options --walks 0 --no-scores --output "$dir/read.h5"
        # shellcheck disable=SC2086
        expect 0 mpirun -n 2 "$metazoa" pca "$dir/sums" $options --moments --output "$dir/kept.h5"
        "$PYTHON" - "$dir" <<'PYTHON' || fail "moments ($more, $options) differ from the archive's"
import h5py, sys
with h5py.File(f"{sys.argv[1]}/read.h5") as read, h5py.File(f"{sys.argv[1]}/kept.h5") as kept:
    assert read.attrs["records"] == kept.attrs["records"] > 5 and len(read["groups"]) > 5
    for name in read["groups"]:
        assert read["groups"][name][()].tobytes() == kept["groups"][name][()].tobytes(), name
PYTHON
    done
done
expect 2 "$metazoa" pca "$run" --moments
says 'archive.moments: true'
last=$(ls -t "$dir/sums"/checkpoint-*.h5 | head -n 1)
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/other-sums" --set archive.moments=true --set run.seed=77 --set training.epochs=9
cp "$last" "$dir/last"
cp "$dir/other-sums/${last##*/}" "$last"
expect 3 mpirun -n 2 "$metazoa" pca "$dir/sums" --moments --output "$dir/kept.h5"
says 'these differ: run.seed'
# Sums of other particles of the same states.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/fewer" --set archive.moments=true $more --set archive.fraction=0.3 --set training.epochs=9
cp "$dir/fewer/${last##*/}" "$last"
expect 3 mpirun -n 2 "$metazoa" pca "$dir/sums" --moments --output "$dir/kept.h5"
says 'these differ: archive.fraction'
cp "$dir/last" "$last"
cp "$dir/last" "$dir/sums/checkpoint-99.h5"
expect 3 "$metazoa" pca "$dir/sums" --moments --output "$dir/kept.h5"
says 'checkpoint-99.h5: it was renamed'
rm "$dir/sums/checkpoint-99.h5"
mv "$dir/sums/metrics.csv" "$dir/metrics.csv" # nothing to compare with
expect 0 mpirun -n 2 "$metazoa" pca "$dir/sums" --moments --output "$dir/kept.h5"
mv "$dir/metrics.csv" "$dir/sums/metrics.csv"
expect 2 "$metazoa" pca "$run" --moments --scope cell

# Mistakes and damage.
expect 2 "$metazoa" pca "$run" --scope cells
says 'did you mean cell?'
expect 2 "$metazoa" pca "$run" --epochs 5:3
expect 2 "$metazoa" pca "$run" --epochs 6:6
says 'two records'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/none" --set archive.fraction=1e-6
expect 2 "$metazoa" pca "$dir/none"
says 'archive.fraction chose none'
expect 2 "$metazoa" pca "$dir"
says 'there is no archive.h5'
mkdir -p "$dir/new/archive"
expect 2 flock "$dir/new/.lock" "$metazoa" pca "$dir/new"
says 'its first record is still to come'
expect 2 "$metazoa" pca "$dir/new"
says 'its segments are there'
segment=$(find "$run/archive" -name '*.h5' | sort | head -n 1)
cp "$segment" "$dir/segment.h5"
"$PYTHON" - "$segment" <<'PYTHON'
import h5py, sys
with h5py.File(sys.argv[1]) as file:
    data = file["layers/0/trajectory"]
    place = data.id.get_chunk_info(0).byte_offset
with open(sys.argv[1], "r+b") as file:
    file.seek(place + 400)
    byte = file.read(1)
    file.seek(place + 400)
    file.write(bytes([byte[0] ^ 1]))
PYTHON
expect 3 pca 2 --output "$dir/damaged.h5"
says 'digest'
[ ! -e "$dir/damaged.h5" ] || fail "damaged records were analysed"
rm "$segment"
expect 3 pca 2 --output "$dir/damaged.h5"
says "$(basename "$segment")"
cp "$dir/segment.h5" "$segment"
# Without memory it ends and says so, and no file is called damaged for that.
for limit in 170000 240000 330000; do
    for words in "pca $run --output $dir/small.h5" "verify $run"; do
        # shellcheck disable=SC2086,SC3045
        (ulimit -v $limit && exec timeout 60 "$metazoa" $words) > "$dir/out" 2> "$dir/err"
        code=$?
        [ $code -le 1 ] || fail "$words in $limit KiB: exit code $code: $(cat "$dir/out" "$dir/err")"
        [ "$(grep -c '^metazoa: ' "$dir/err")" -le 1 ] || fail "$words in $limit KiB: $(cat "$dir/err")"
    done
done
exit $failed
