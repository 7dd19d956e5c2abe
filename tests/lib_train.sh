# shellcheck shell=sh
# For the tests of `metazoa train`: sourced, not run. $dir is a fresh folder; $failed counts what went wrong.
. tests/lib.sh

# expect CODE COMMAND...: runs it (output to $dir/out, messages to $dir/err), and checks its exit code.
expect()
{
    code=$1
    shift
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null
    got=$?
    [ $got -eq "$code" ] || { fail "$*: exit code $got, not $code"; head -n 20 "$dir/err"; }
}

# says TEXT: the messages of the last command have this text.
says()
{
    grep -qF -- "$1" "$dir/err" || { fail "no message \"$1\" but:"; grep '^metazoa' "$dir/err"; }
}

# on RANKS COMMAND...: the command on that many ranks.
on()
{
    ranks=$1
    shift
    mpirun --oversubscribe -n "$ranks" "$@"
}

# tells TEXT: the output of the last command has this text.
tells()
{
    grep -qF -- "$1" "$dir/out" || fail "no output \"$1\" but: $(cat "$dir/out" "$dir/err")"
}

# contents RUN: what must be equal in equal runs: metrics without seconds, checksums of all files that hold results.
contents()
{
    (cd "$1" && cut -d, -f1-11 metrics.csv &&
        find . -name '*.h5' | sort | xargs sha256sum)
}

# same RUN RUN: they have the same contents.
same()
{
    contents "$1" > "$dir/contents1"
    contents "$2" > "$dir/contents2"
    [ -s "$dir/contents1" ] || fail "$1 is empty"
    diff "$dir/contents1" "$dir/contents2" > "$dir/difference" || { fail "$1 and $2 differ"; head -n 20 "$dir/difference"; }
}

# Image files of three classes, 6 x 6 pixels, that can be told apart: $dir/images.
make_images()
{
    mkdir -p "$dir/images"
    "$PYTHON" - "$dir/images" <<'END'
import random, struct, sys
random.seed(7)
for kind, n in (("train", 150), ("t10k", 60)):
    labels = [random.randrange(3) for _ in range(n)]
    pixels = bytes(min(255, 40 + random.randrange(60) + 120 * (x // 2 == label)) for label in labels for y in range(6) for x in range(6))
    with open(f"{sys.argv[1]}/{kind}-images-idx3-ubyte", "wb") as f:
        f.write(struct.pack(">IIII", 2051, n, 6, 6) + pixels)
    with open(f"{sys.argv[1]}/{kind}-labels-idx1-ubyte", "wb") as f:
        f.write(struct.pack(">II", 2049, n) + bytes(labels))
END
}

# Configurations that are small and still cut along every axis: $dir/images.yaml, whose files are written by all ranks together,
# and $dir/sums.yaml, whose files rank 0 writes alone.
make_configurations()
{
    cat > "$dir/images.yaml" <<END
run: {name: images, seed: 3, output: $dir/images-run}
task: {kind: idx, path: $dir/images, size: [4, 4]}
organism: {hidden: [9, 7], activation: gelu}
training: {epochs: 4, batch: 40, self_train_steps: 3, learning_rate: 0.01, settle: plain, settle_steps: 40}
checkpoint: {every: 2, keep: 2}
parallel: {block: 4, chunk: 16}
io: {parallel_from: 0}
END
    cat > "$dir/sums.yaml" <<END
run: {name: sums, seed: 5, output: $dir/sums-run}
task: {kind: addition, inputs: 6, samples: 200, test_samples: 100}
organism: {hidden: [5, 9], activation: linear}
training: {epochs: 3, batch: 64, self_train_steps: 4}
checkpoint: {every: 2, keep: 2}
parallel: {block: 4, chunk: 16}
END
}
