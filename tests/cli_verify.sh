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
grep -q '"ensemble"' "$dir/of-5/run.json" && fail "a run alone is no ensemble: $(cat "$dir/of-5/run.json")"

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
astray 3 probe-goal.json 'its seed is another one'
# Also with the seed and the epoch of this run.
sed -i 's/"seed": 6/"seed": 5/' "$dir/of-6/probe-goal.json"
astray 3 probe-goal.json 'is of another run'

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
edited run.json '"training_samples"' '"training_simples"' 3 'run.json'
edited run.json '"data"' '"date"' 3 'run.json'
edited run.json '"digest": "[0-9a-f]*"' '"digest": "0123456789abcdef"' 3 'run.json'
edited run.json '^{' '[' 3 'run.json'
edited metrics.csv '^\(2,.*\)\..*' '\1,x' 3 'metrics.csv lacks the row of epoch 2'
edited metrics.csv '^\(2,.*\)\.' '\1n' 3 'metrics.csv lacks the row of epoch 2'
edited metrics.csv '^\(2,.*,\).*' '\1123.5' 0 'sound'
edited summary.json '"task_loss": ' '"task_loss": 1' 3 'summary.json'
for change in '/"epochs": 3/"epochs": 2' '/"epochs": 3/"epochs": 30' '/"finished": true/"finished": false' '/"particles": /"particles": 1'; do
    edited summary.json "$(echo "$change" | cut -d/ -f2)" "${change##*/}" 3 summary.json
done
edited summary.json '"test_mae"' '"test_mai"' 3 'summary.json'
edited summary.json '"other": ' '"other": 1' 3 'summary.json'
edited summary.json '^{' '[' 3 'summary.json'
edited probe-goal.json '"seed": 5' '"seed": 5.7' 3 'its seed is another one'
edited probe-goal.json '"fingerprint": "\([0-9a-f]*\)"' '"fingerprint": "\1x"' 3 'probe-goal.json'
for name in config.yaml run.json; do
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    rm "$dir/mixed/$name"
    expect 3 "$metazoa" verify "$dir/mixed"
    tells "$name is missing"
done
printf 'run:\n  name: sums\n' > "$dir/mixed/config.yaml" # cut: info shows no defaults
expect 3 "$metazoa" info "$dir/mixed"
grep -q '^task' "$dir/out" && fail "a cut configuration: $(cat "$dir/out")"
rm "$dir/mixed/config.yaml" # both
expect 3 "$metazoa" verify "$dir/mixed"
tells 'config.yaml is missing'

# A name must be that of the contents: archive and metrics go by it.
renamed()
{
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    "$3" "$dir/mixed/$1" "$dir/mixed/$2"
    expect 3 "$metazoa" verify "$dir/mixed"
    tells "$2: DAMAGED: $4"
}
renamed checkpoint-2.h5 checkpoint-9.h5 mv 'it was renamed: it holds epoch 2, batch 0'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set archive.moments=true --output "$dir/mixed" --resume
says 'checkpoint-9.h5 is damaged and not used: it was renamed'
cmp "$dir/of-5/checkpoint-3.h5" "$dir/mixed/checkpoint-3.h5" || fail "a resume beside a renamed checkpoint ends in another state"
renamed checkpoint-2.h5 checkpoint-1.h5 cp 'it was renamed: it holds epoch 2, batch 0'
renamed archive/segment-000000.h5 archive/segment-000001.h5 mv 'it was renamed: it begins with record 0, epoch 0'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set archive.moments=true --output "$dir/mixed" --resume
says 'it was renamed'
renamed archive.h5 checkpoint-7.h5 cp 'its format is "metazoa archive"'
renamed checkpoint-2.h5 archive/segment-000004.h5 cp 'its format is "metazoa checkpoint"'
renamed checkpoint-2.h5 archive.h5 cp 'its format is "metazoa checkpoint"'

# No dataset is passed over.
rm -rf "$dir/mixed"
cp -r "$dir/of-5" "$dir/mixed"
"$PYTHON" - "$dir/mixed/checkpoint-3.h5" << 'END'
import h5py, sys
with h5py.File(sys.argv[1]) as file:
    chunk = file["moments/products_number"].id.get_chunk_info(0)
with open(sys.argv[1], "r+b") as file:
    file.seek(chunk.byte_offset)
    file.write(b"\xff")
END
expect 3 "$metazoa" verify "$dir/mixed"
tells '/moments/products_number'

# The same seed, but other training.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set training.learning_rate=0.01 --output "$dir/rate"
rm -rf "$dir/mixed"
cp -r "$dir/of-5" "$dir/mixed"
cp "$dir/rate/checkpoint-2.h5" "$dir/mixed/"
expect 3 "$metazoa" verify "$dir/mixed"
tells 'checkpoint-2.h5: DAMAGED: it is of another run than metrics.csv beside it: at epoch 2'

# The same states, measured otherwise: the fingerprints are equal.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set measure.epsilon=1 --set archive.moments=true --output "$dir/measured"
for name in checkpoint-2.h5 archive/segment-000000.h5; do
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    cp "$dir/measured/$name" "$dir/mixed/$name"
    expect 3 "$metazoa" verify "$dir/mixed"
    grep "$name: DAMAGED: is of another run" "$dir/out" | grep -q 'at epoch 0 it has another number in the column' ||
        fail "$name, measured otherwise: $(cat "$dir/out")"
done
# Those who read the types, or go on with the archive, see it as well.
expect 3 "$metazoa" pca "$dir/mixed" --scope type
says 'segment-000000.h5: it holds other records than the archive expects there'
"$metazoa" info "$dir/mixed" > "$dir/out" 2>&1
tells 'segment-000000.h5: it holds other records than the archive expects there'
PYTHONPATH=analysis "$PYTHON" -c 'import sys, metazoa
metazoa.Run(sys.argv[1]).particles' "$dir/mixed" > "$dir/out" 2>&1 && fail "Run.particles takes types that were measured otherwise"
tells 'segment-000000.h5 holds other records than'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set archive.moments=true --set training.epochs=4 --output "$dir/mixed" --resume
says 'its records are not those of the checkpoint: a new archive begins here'

# An older checkpoint, whose numbers are the same, of another configuration.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set archive.fraction=0.5 --set archive.moments=true --output "$dir/part"
rm -rf "$dir/mixed"
cp -r "$dir/of-5" "$dir/mixed"
cp "$dir/part/checkpoint-2.h5" "$dir/mixed/"
expect 3 "$metazoa" verify "$dir/mixed"
tells 'DAMAGED: checkpoint-2.h5 has not the configuration of checkpoint-3.h5; these differ: archive.fraction'
# One that a resume may change is none of another run.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set training.epochs=2 --set archive.moments=true --output "$dir/grown"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set measure.census_every=3 --set archive.moments=true --output "$dir/grown" --resume
expect 0 "$metazoa" verify "$dir/grown"

# Files of a probe and of the analysis without a run are of none that could be another one, and of none that is damaged.
mkdir "$dir/alone"
cp "$dir/of-5/probe-goal.h5" "$dir/of-5/pca-organism.h5" "$dir/alone"
expect 0 "$metazoa" verify "$dir/alone"
tells "alone: no run's folder; of its files 2 are sound, 0 damaged, 0 foreign"
[ "$(grep -c ': ok: ' "$dir/out")" -eq 2 ] || fail "a probe without a run: $(cat "$dir/out")"

# A run that was killed before its first checkpoint is not damaged: it begins anew.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/whole"
for n in 3 20 30; do
    rm -rf "$dir/killed"
    expect 137 env METAZOA_KILL_WRITE=$n "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/killed"
    expect 0 "$metazoa" verify "$dir/killed"
    tells 'train --resume begins it anew'
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/killed" --resume
    same "$dir/whole" "$dir/killed"
done
# One whose checkpoints and archive were removed is.
rm -r "$dir"/killed/*.h5 "$dir"/killed/archive
expect 3 "$metazoa" verify "$dir/killed"
tells 'nothing can be recovered'

# Checkpoints are not damaged because there is no memory to read them: nothing goes on from an older one.
cc -shared -fPIC -o "$dir/nomemory.so" tests/preload/nomemory.c || exit 1
expect 1 env LD_PRELOAD="$dir/nomemory.so" "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/whole" --resume
says 'checkpoint-3.h5: reading it failed'
says 'out of memory'
[ "$(grep -c '^metazoa' "$dir/err")" -eq 1 ] || fail "no memory: $(cat "$dir/err")"
expect 1 env LD_PRELOAD="$dir/nomemory.so" "$metazoa" verify "$dir/whole"
says '.h5: reading it failed'
says 'out of memory'

# The only thing that a resume takes from metrics.csv is `seconds`: it says when they are lost.
cc -shared -fPIC -o "$dir/unreadable.so" tests/preload/unreadable.c || exit 1
cp -r "$dir/whole" "$dir/unread"
expect 0 env LD_PRELOAD="$dir/unreadable.so" UNREADABLE=/metrics.csv "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/unread" --resume
says 'unread/metrics.csv cannot be read: the seconds of its rows are lost'

# Somebody removes metrics.csv while it is written: all its rows are written once more.
"$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=100 --output "$dir/cleaned" &
until ls "$dir"/cleaned/checkpoint-*.h5 > "$dir/out" 2>&1; do sleep 0.05; done
rm "$dir/cleaned/metrics.csv"
wait $!
expect 0 "$metazoa" verify "$dir/cleaned"
rm -r "$dir/unread" "$dir/cleaned"

# What is not there; a large file of zeros.
expect 3 "$metazoa" verify "$dir/nowhere"
tells 'nowhere: there is no such file or folder'
truncate -s 65M "$dir/zeros.h5"
expect 3 "$metazoa" verify "$dir/zeros.h5"
tells 'zeros.h5: DAMAGED: cannot be opened as an HDF5 file: it is no HDF5 file, or its beginning is lost'
head -c 2000 "$dir/whole/archive.h5" > "$dir/zeros.h5"
expect 3 "$metazoa" verify "$dir/zeros.h5"
tells 'zeros.h5: DAMAGED: cannot be opened as an HDF5 file: its end is missing'

# A probe of a state inside an epoch, whose checkpoint is gone, is no other run's.
rm -rf "$dir/mixed"
mkdir "$dir/mixed"
touch "$dir/mixed/stop"
expect 75 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/mixed"
expect 0 "$metazoa" probe goal "$dir/mixed"
rm -f "$dir/mixed/stop"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/mixed" --resume
[ ! -e "$dir/mixed/checkpoint-0-1.h5" ] || fail "a checkpoint inside an epoch was left"
expect 0 "$metazoa" verify "$dir/mixed"

# Nor one of four axes: components of every particle.
expect 0 "$metazoa" pca "$dir/of-5" --scope particle --output "$dir/axes.h5"
expect 0 "$metazoa" verify "$dir/axes.h5"
"$PYTHON" - "$dir/axes.h5" << 'END'
import h5py, sys
with h5py.File(sys.argv[1]) as file:
    assert file["layers/1/components"].ndim == 4
    place = file["layers/1/components"].id.get_chunk_info(0).byte_offset
with open(sys.argv[1], "r+b") as file:
    file.seek(place + 5)
    byte = file.read(1)[0]
    file.seek(place + 5)
    file.write(bytes([byte ^ 1]))
END
expect 3 "$metazoa" verify "$dir/axes.h5"
tells '/layers/1/components'
# Running sums are a part of their checkpoint: where they are damaged, a resume begins with the one before it.
rm -rf "$dir/mixed"
cp -r "$dir/of-5" "$dir/mixed"
"$PYTHON" -c 'import h5py, sys
with h5py.File(sys.argv[1], "r+") as file: file["layers/0/start"][0] += 1' "$dir/mixed/checkpoint-3.h5"
expect 3 "$metazoa" verify "$dir/mixed"
tells '/layers/0/start: its digest is not the stored one'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=5 --set archive.moments=true --output "$dir/mixed" --resume
says 'checkpoint-3.h5 is damaged and not used: /layers/0/start: its digest is not the stored one'
cmp "$dir/of-5/checkpoint-3.h5" "$dir/mixed/checkpoint-3.h5" || fail "a resume beside damaged sums ends in another state"

# Lines after those of the newest checkpoint.
for line in '4,1,1,1,1,0,0,84,0,0,0123456789abcdef,0.1' '9,1,1,1,1,0,0,84,0,0,0123456789abcdef,0.1' 'epoch,task_loss'; do
    rm -rf "$dir/mixed"
    cp -r "$dir/of-5" "$dir/mixed"
    echo "$line" >> "$dir/mixed/metrics.csv"
    expect 3 "$metazoa" verify "$dir/mixed"
    tells 'metrics.csv goes on after epoch 3'
done

# What is joined is of one run, and what was written.
refuses_merge()
{
    expect 3 "$metazoa" archive merge "$dir/mixed" --output "$dir/merged.h5"
    grep -q "$1" "$dir/out" "$dir/err" || fail "archive merge does not say $1: $(cat "$dir/out" "$dir/err")"
    [ ! -e "$dir/merged.h5" ] || fail "archive merge leaves a file: $1"
}
for seed in 5 6; do
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set run.seed=$seed --set training.epochs=4 --set io.parallel_from=0 --output "$dir/two-$seed"
done
rm -rf "$dir/mixed"
cp -r "$dir/two-5" "$dir/mixed"
cp "$dir/two-6/archive/segment-000004.h5" "$dir/mixed/archive/"
refuses_merge 'segment-000004.h5: is of another run'
cp "$dir/two-6/archive/"* "$dir/mixed/archive/"
refuses_merge 'segment-000000.h5: is of another run'
cp "$dir/two-6/archive.h5" "$dir/mixed/"
refuses_merge 'archive.h5: is of another run'
expect 3 "$metazoa" pca "$dir/mixed"
says 'of another run or state'
cp "$dir/two-5/archive/"* "$dir/mixed/archive/"
cp "$dir/two-5/archive.h5" "$dir/mixed/"
"$PYTHON" - "$dir/mixed/archive/segment-000000.h5" << 'END'
import h5py, sys
with h5py.File(sys.argv[1]) as file:
    chunk = file["layers/0/trajectory"].id.get_chunk_info(0)
    assert file["layers/0/trajectory"].fletcher32 is False
with open(sys.argv[1], "r+b") as file:
    file.seek(chunk.byte_offset)
    byte = file.read(1)[0]
    file.seek(chunk.byte_offset)
    file.write(bytes([byte ^ 1]))
END
refuses_merge '/layers/0/trajectory: its digest is not the stored one'

# Records of another archive of the same run, which has other ones inside epochs, are no part of this one.
rm -rf "$dir/mixed"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=4 --set archive.trajectory_steps=[1] --output "$dir/mixed"
cp "$dir/two-5/archive/segment-000000.h5" "$dir/mixed/archive/"
refuses_merge 'segment-000004.h5: its epoch 3 follows epoch 3'
expect 3 "$metazoa" verify "$dir/mixed"
tells 'segment-000004.h5: DAMAGED: epoch 3 follows epoch 3'
tells 'archive.h5: DAMAGED: record 1 is of another epoch or batch in its segment'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=5 --set archive.trajectory_steps=[1] --output "$dir/mixed" --resume
says 'its epoch 3 follows epoch 3: a new archive begins here'

# A gap, other particles of the same run, and a job that dies while it merges.
for fraction in 1 0.5; do
    expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=6 --set archive.fraction=$fraction --output "$dir/part-$fraction"
done
rm -rf "$dir/mixed"
cp -r "$dir/part-1" "$dir/mixed"
for dies in 2 3; do
    expect 1 env METAZOA_KILL_WRITE=$dies "$metazoa" archive merge "$dir/mixed" --output "$dir/merged.h5"
    [ ! -e "$dir/merged.h5" ] || fail "archive merge that dies at operation $dies leaves a file"
    says 'was killed'
done
cp "$dir/part-0.5/archive/segment-000004.h5" "$dir/mixed/archive/"
refuses_merge 'segment-000004.h5: it belongs to another organism or holds other particles'
cp -r "$dir/mixed" "$dir/other"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=7 --output "$dir/other" --resume
says 'holds other particles: a new archive begins here'
rm "$dir/mixed/archive/segment-000004.h5"
refuses_merge 'segment-000006.h5: it begins with record 6, but 4 records come before it'
rm -rf "$dir/mixed"
cp -r "$dir/part-1" "$dir/mixed"
rm "$dir/mixed/archive/segment-000006.h5"
refuses_merge 'the last ones are missing'
[ -z "$(find "$dir" -maxdepth 1 -name 'merged.h5*')" ] || fail "archive merge leaves $(ls "$dir")"

# A part of a longer segment, which a job left that died before it removed it, changes nothing.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=7 --output "$dir/longer"
expect 0 "$metazoa" archive merge "$dir/longer" --output "$dir/longer.h5"
cp "$dir/part-1/archive/segment-000006.h5" "$dir/longer/archive/"
expect 0 "$metazoa" verify "$dir/longer"
expect 0 "$metazoa" archive merge "$dir/longer" --output "$dir/merged.h5"
cmp "$dir/longer.h5" "$dir/merged.h5" || fail "a part of a longer segment changes what is merged"
rm "$dir/merged.h5"

# Commands that take the run's configuration refuse an edited one.
rm -rf "$dir/mixed"
cp -r "$dir/two-5" "$dir/mixed"
sed -i 's/learning_rate: 0.004/learning_rate: 0.04/' "$dir/mixed/config.yaml"
expect 3 "$metazoa" replay "$dir/mixed" --epochs 1:2
says 'these differ: training.learning_rate'
expect 3 "$metazoa" pca "$dir/mixed" --scope type
says 'these differ: training.learning_rate'
head -c 300 "$dir/two-5/run.json" > "$dir/mixed/run.json"
cp "$dir/two-5/config.yaml" "$dir/mixed/"
expect 3 "$metazoa" verify "$dir/mixed"
tells 'run.json cannot be read'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --set training.epochs=4 --set io.parallel_from=0 --output "$dir/mixed" --resume
says 'what it said of earlier starts is lost'

exit $failed
