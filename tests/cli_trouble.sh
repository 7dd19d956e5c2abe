#!/bin/sh
# docs/troubleshooting.md: whatever its table quotes is printed by the program (or by Open MPI) in the situation that the row tells.
. tests/lib_train.sh
make_configurations
run="$metazoa train $dir/sums.yaml --quiet"
said=$dir/said
# in_trouble CODE COMMAND...: the exit code is right; what is printed is kept.
in_trouble()
{
    expect "$@"
    cat "$dir/out" "$dir/err" >> "$said"
}
spoil() { for at in 3000 6000 9000; do printf 'damaged' | dd of="$1" bs=1 seek=$at conv=notrunc 2> /dev/null; done; }
python() { (cd "$dir" && "$PYTHON" -c "import h5py, numpy; $1"); }

expect 0 $run --output "$dir/run" --set training.epochs=4
in_trouble 2 $run --output "$dir/run"
expect 0 "$metazoa" replay "$dir/run" --epochs 3:4 --quiet
in_trouble 2 "$metazoa" replay "$dir/run" --epochs 3:4 --quiet
(flock 9 && in_trouble 2 $run --output "$dir/run" --resume; exit $failed) 9> "$dir/run/.lock" || failed=1
in_trouble 2 $run --output "$dir/run" --resume --set organism.activation=gelu
mkdir "$dir/ensemble" && cp -r "$dir/run" "$dir/ensemble/seed-5" && cp -r "$dir/run" "$dir/ensemble/seed-6"
in_trouble 3 "$metazoa" info "$dir/ensemble"
sed -i '$d' "$dir/ensemble/seed-5/metrics.csv"
in_trouble 3 "$metazoa" status "$dir/ensemble/seed-5"
cp -r "$dir/run" "$dir/one" && spoil "$dir/one/checkpoint-4.h5"
in_trouble 0 $run --output "$dir/one" --resume --set training.epochs=4
cp -r "$dir/run" "$dir/none" && for file in "$dir/none"/checkpoint-*.h5; do spoil "$file"; done
in_trouble 3 $run --output "$dir/none" --resume --set training.epochs=4
python 'f = h5py.File("data.h5", "w"); f["x"] = numpy.ones((40, 3), "f4"); f["y"] = numpy.arange(40) % 2'
hdf5="--set task.kind=hdf5 --set task.samples=0 --set task.test_samples=0 --set task.path=$dir/data.h5"
expect 0 $run --output "$dir/hdf5" $hdf5
python 'f = h5py.File("data.h5", "r+"); f["x"][3, 1] = 2'
in_trouble 2 $run --output "$dir/hdf5" $hdf5 --resume
python 'f = h5py.File("data.h5", "r+"); f["x"][3, 1] = numpy.nan'
in_trouble 3 $run --output "$dir/nan" $hdf5
in_trouble 3 $run --output "$dir/path" $hdf5 --set task.path="$dir/nowhere.h5"
in_trouble 3 $run --output "$dir/path" --set task.kind=idx --set task.samples=0 --set task.test_samples=0 --set task.path="$dir/nowhere"
in_trouble 3 $run --output "$dir/path" $hdf5 --set task.path="$dir/sums.yaml"
python 'h5py.File("names.h5", "w")["images"] = numpy.ones((4, 3))'
in_trouble 3 $run --output "$dir/path" $hdf5 --set task.path="$dir/names.h5"
mkdir "$dir/empty"
in_trouble 3 "$metazoa" new "$dir/new" --data "$dir/empty"
in_trouble 1 $run --output "$dir/wild" --set training.learning_rate=100 --set training.epochs=50
in_trouble 2 "$metazoa" trian
in_trouble 75 $run --output "$dir/late" --max-hours 1e-6
rm "$dir"/run/archive/segment-*0.h5
in_trouble 3 env METAZOA_PYTHON="$PYTHON" analysis/metazoa-figure 12 "$dir/run"
printf '#!/bin/sh\necho h5py\n' > "$dir/python" && chmod +x "$dir/python"
in_trouble 2 env METAZOA_PYTHON="$dir/python" analysis/metazoa-figure 12 "$dir/run"
in_trouble 2 env SLURM_JOB_ID=1 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2 SLURM_PROCID=0 $run --output "$dir/alone"

sed -n 's/^| \(`[^|]*\) |.*/\1/p' docs/troubleshooting.md > "$dir/rows"
[ "$(wc -l < "$dir/rows")" -ge 12 ] || fail "the table of docs/troubleshooting.md is not found"
while read -r row; do
    case $row in *'(Open MPI)'*) continue ;; esac
    echo "$row" | grep -o '`[^`]*`' | tr -d '`' > "$dir/words"
    while read -r words; do
        grep -qF -- "$words" "$said" || fail "docs/troubleshooting.md quotes \"$words\", which the program does not print"
    done < "$dir/words"
done < "$dir/rows"
exit $failed
