#!/bin/sh
# A full disk: three ranks write together on file systems of many sizes. Each run ends with exit code 1 and one message that
# names the cause, none hangs, what it leaves is sound, and with more space it goes on to the same bits. Needs root (mount).
. tests/lib_train.sh
mkdir "$dir/disk"
mount -t tmpfs -o size=64k metazoa-test "$dir/disk" 2> /dev/null || { echo "no file system can be mounted here"; exit 77; }
umount "$dir/disk"
trap 'umount "$dir/disk" 2> /dev/null; rm -rf "$dir"' EXIT

# train RUN OPTION...
train()
{
    run=$1
    shift
    timeout 60 mpirun -n 3 "$metazoa" train conf/addition.yaml --output "$run" --quiet --set training.epochs=12 \
        --set checkpoint.every=3 --set io.parallel_from=0 --set io.alignment="$alignment" "$@"
}

alignment=0
expect 0 train "$dir/whole"
full=0
for size in 16 24 36 44 52 60 68 76 84 92 100 104 108 112 116 120 124 128 132 136 144 152; do
    mount -t tmpfs -o size=${size}k metazoa-test "$dir/disk" || exit 1
    train "$dir/disk/run" > "$dir/out" 2> "$dir/err" < /dev/null
    code=$?
    case $code in
    0) ;;
    1)
        full=$((full + 1))
        [ "$(grep -c '^metazoa: ' "$dir/err")" -eq 1 ] || { fail "$size KiB: not one message"; grep metazoa "$dir/err"; }
        says "No space left on device" ;;
    *)
        fail "$size KiB: exit code $code"
        head -n 20 "$dir/err" ;;
    esac
    if ls "$dir"/disk/run/checkpoint-*.h5 > /dev/null 2>&1; then
        expect 0 "$metazoa" verify "$dir/disk/run"
        [ "$got" -eq 0 ] || { ls -l "$dir"/disk/run "$dir"/disk/run/archive; cat "$dir/out"; }
    fi
    mount -o remount,size=8m "$dir/disk"
    expect 0 train "$dir/disk/run" --resume
    same "$dir/whole" "$dir/disk/run"
    umount "$dir/disk"
done
[ $full -ge 10 ] || fail "the disk was full only $full times"
exit $failed
