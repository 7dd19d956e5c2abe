#!/bin/sh
# A full disk, without space or without room for a file more: three ranks write together on file systems of many sizes. Each run ends with exit code 1 and one message that
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
for limit in nr_inodes=1 nr_inodes=2 nr_inodes=3 nr_inodes=6 nr_inodes=9 size=16k size=36k size=52k size=68k \
    size=84k size=92k size=100k size=104k size=108k size=112k size=120k size=124k size=128k size=132k size=136k size=144k size=152k; do
    mount -t tmpfs -o $limit metazoa-test "$dir/disk" || exit 1
    train "$dir/disk/run" > "$dir/out" 2> "$dir/err" < /dev/null
    code=$?
    case $code in
    0) ;;
    1)
        full=$((full + 1))
        [ "$(grep -c '^metazoa: ' "$dir/err")" -eq 1 ] || { fail "$limit: not one message"; grep metazoa "$dir/err"; }
        says "No space left on device" ;;
    *)
        fail "$limit: exit code $code"
        head -n 20 "$dir/err" ;;
    esac
    if ls "$dir"/disk/run/checkpoint-*.h5 > /dev/null 2>&1; then
        expect 0 "$metazoa" verify "$dir/disk/run"
        [ "$got" -eq 0 ] || { ls -l "$dir"/disk/run "$dir"/disk/run/archive; cat "$dir/out"; }
    fi
    mount -o remount,size=8m,nr_inodes=1000 "$dir/disk"
    expect 0 train "$dir/disk/run" --resume
    same "$dir/whole" "$dir/disk/run"
    umount "$dir/disk"
done
[ $full -ge 10 ] || fail "the disk was full only $full times"
exit $failed
