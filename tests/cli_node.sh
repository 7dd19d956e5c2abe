#!/bin/sh
# A node: samples that its ranks share, also where there is nothing to share with; what check predicts of memory and files against
# what a run takes; and what does not fit.
TMPDIR=/tmp # not the folder of shared memory: a test below puts a smaller one in its place
export TMPDIR
. tests/lib.sh
export OMPI_MCA_mpi_yield_when_idle=1

# CIFAR-10's format, small.
"$PYTHON" - "$dir/cifar" << 'END'
import os, sys
import numpy
os.mkdir(sys.argv[1])
random = numpy.random.default_rng(1)
for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
    records = random.integers(0, 256, (400, 3073), dtype=numpy.uint8)
    records[:, 0] %= 10
    records.tofile(f"{sys.argv[1]}/{name}")
END
cat > "$dir/cifar.yaml" << END
task: {kind: cifar10, path: $dir/cifar, size: original}
organism: {hidden: [16]}
training: {epochs: 1, batch: 500, self_train_steps: 1}
archive: {trajectory_every: 0}
END

# number RUN NAME: a number of its summary.
number() { sed -n "s/.*\"$2\": \([0-9]*\)[,}].*/\1/p" "$dir/$1/summary.json"; }
fingerprint() { sed -n 's/.*"fingerprint": "\([0-9a-f]*\)".*/\1/p' "$dir/$1/summary.json"; }

# train RUN COMMAND...: a run of two ranks.
train()
{
    run=$1
    shift
    timeout 120 "$@" "$metazoa" train "$dir/cifar.yaml" --quiet --output "$dir/$run" --set parallel.share_data="$share" \
        --set parallel.grid="$grid"         > "$dir/out" 2>&1 < /dev/null || fail "$run: exit code $?: $(cat "$dir/out")"
}

# 2400 samples of 3072 inputs are 28 MiB: once a node, or once a rank. Sharing must not change a bit.
share=never grid='[2,1,1]' && train own mpirun -n 2
share=always && train shared mpirun -n 2
cc -shared -fPIC -o "$dir/noroom.so" tests/preload/noroom.c || exit 1
train tight mpirun -n 2 -x LD_PRELOAD="$dir/noroom.so" # one rank alone finds no room: none shares
[ -n "$(fingerprint tight)" ] && [ "$(fingerprint tight)" = "$(fingerprint own)" ] || fail "a full memory file system changes bits"
[ "$(number tight memory_held)" = "$(number own memory_held)" ] || fail "one rank had no room, and others shared"
share=auto && train auto mpirun -n 2
share=always grid=auto && train one mpirun -n 1
grid='[2,1,1]'
saved=$(($(number own memory_held) - $(number shared memory_held)))
[ $saved -gt 14000000 ] && [ $saved -lt 16000000 ] || fail "sharing saves $saved bytes of a rank's $(number own memory_held)"
[ "$(number auto memory_held)" -gt "$(number shared memory_held)" ] || fail "28 MiB are shared without being asked"
# An MPI library without shared memory, and a machine with too little of it.
OMPI_MCA_osc=^sm
export OMPI_MCA_osc
train refused mpirun -n 2
unset OMPI_MCA_osc
[ "$(number refused memory_held)" = "$(number own memory_held)" ] || fail "shared without a way to share"
if unshare -m true 2> /dev/null; then
    train narrow unshare -m sh -c 'mount -t tmpfs -o size=32m none /dev/shm && exec "$@"' sh mpirun -n 2
    [ "$(number narrow memory_held)" = "$(number own memory_held)" ] || fail "shared without room"
fi
for run in shared auto one refused narrow; do
    [ ! -d "$dir/$run" ] || [ "$(fingerprint $run)" = "$(fingerprint own)" ] || fail "$run: another result"
done

# predict NAME RANKS CONFIG OPTION...: memory of the fullest rank within 15 % (a buffer for a layer is in it or not, by chance),
# archive and checkpoint within 5 % (small
# ones within 32 KiB). The MPI library keeps messages that come before they are asked for, which a busy machine makes more: a run
# gets three tries.
predict()
{
    for try in 1 2 3; do
        rm -rf "${dir:?}/$1"
        took_as_predicted "$@" && break
        [ $try -lt 3 ] || fail "$1: $(cat "$dir/out" "$dir/$1.check")"
    done
    rm -rf "${dir:?}/$1"
}
took_as_predicted()
{
    name=$1 ranks=$2
    shift 2
    mpirun -n "$ranks" "$metazoa" check "$@" --output "$dir/$name" > "$dir/$name.check" < /dev/null || fail "check $*"
    mpirun -n "$ranks" "$metazoa" train "$@" --quiet --output "$dir/$name" > "$dir/out" 2>&1 < /dev/null || fail "train $*: $(cat "$dir/out")"
    checkpoint=$(wc -c < "$(ls -t "$dir/$name"/checkpoint-*.h5 | head -n 1)")
    archive=$(cat "$dir/$name"/archive/* "$dir/$name/archive.h5" 2> /dev/null | wc -c)
    awk -v memory="$(number "$name" memory_resident)" -v checkpoint="$checkpoint" -v archive="$archive" '
        function bytes(i) { return $i * 1024 ^ (index("KMGT", substr($(i + 1), 1, 1))) }
        function off(what, predicted, real, limit) {
            if ((predicted < real * (1 - limit) || predicted > real * (1 + limit)) && (predicted - real) ^ 2 > 32768 ^ 2) {
                print what ": " predicted " predicted, " real " taken"; failed = 1 } }
        $1 == "memory" { off("memory", bytes(2), memory, 0.15); seen++ }
        $1 == "archive" { off("archive", bytes(3), archive, 0.05); seen++ }
        $1 == "checkpoint" { off("checkpoint", bytes(3), checkpoint, 0.05); seen++ }
        END { exit failed || seen != 3 }' "$dir/$name.check" > "$dir/out"
}
for ranks in 1 2; do
    predict sums $ranks conf/addition.yaml --set training.epochs=4 --set checkpoint.keep=1
    predict images $ranks "$dir/cifar.yaml" --set archive.trajectory_every=1
    predict wide $ranks "$dir/cifar.yaml" --set organism.hidden=[200,40] --set task.size=[16,16] --set archive.trajectory_every=1 \
        --set archive.fraction=0.2
    predict joint $ranks "$dir/cifar.yaml" --set organism.hidden=[200,40] --set task.size=[16,16] --set archive.trajectory_every=1 \
        --set io.parallel_from=0
done
# Many records of a little more than two huge pages each; and many rows of metrics.
predict records 1 conf/addition.yaml --set task.inputs=200 --set organism.hidden=[200] --set training.epochs=20 --set training.learning_rate=0 \
    --set task.samples=100 --set archive.trajectory_every=1 --set training.self_train_steps=1 --set checkpoint.every=1
predict rows 1 conf/addition.yaml --set training.epochs=35000 --set training.self_train_steps=0 --set training.learning_rate=0 --set task.samples=1 \
    --set task.test_samples=1 --set archive.trajectory_every=0 --set measure.census_every=0 --set measure.validate_every=0 --set checkpoint.every=0

# What will not fit: memory, a disk.
"$metazoa" check "$dir/cifar.yaml" --set organism.hidden=[200000,200000] > "$dir/out" || fail "large: exit code"
grep -q '^node .* needed, .* available - WILL NOT FIT$' "$dir/out" && grep -q '^folder .* WILL NOT FIT$' "$dir/out" ||
    fail "too large, but fits: $(cat "$dir/out")"
"$metazoa" check conf/addition.yaml --ranks 1 > "$dir/out" || fail "small: exit code"
grep -q '^node  *1 rank on one like this: .* needed, .* available$' "$dir/out" && ! grep -q 'WILL NOT FIT' "$dir/out" ||
    fail "small, but does not fit: $(cat "$dir/out")"

# One label that is too large is said before memory is short, by check and by train.
"$PYTHON" - "$dir/label.h5" << 'END'
import sys
import h5py, numpy
with h5py.File(sys.argv[1], "w") as file:
    file["x"] = numpy.ones((30, 4), dtype="float32")
    file["y"] = numpy.array([0, 1, 20000] * 10)
END
for command in check train; do
    "$metazoa" $command "$dir/cifar.yaml" --set task.kind=hdf5 --set task.path="$dir/label.h5" --set organism.hidden=[2] --quiet \
        --output "$dir/label" > "$dir/out" 2> "$dir/err" || fail "$command with a large label: exit code $?: $(cat "$dir/err")"
    grep -q 'warning: .*label.h5: the largest label is 20000, which makes 20001 outputs for 30 training samples' "$dir/err" ||
        fail "$command says nothing of a label of 20000: $(cat "$dir/err")"
done
exit $failed
