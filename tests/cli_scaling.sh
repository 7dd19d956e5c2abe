#!/bin/sh
# Scaling studies with mpirun: every point three times, one fingerprint, tables and plots beside the model; what is refused: too few
# repeats, another build or configuration, results that differ, bindings that differ. (With SLURM: tests/long_slurm.sh.)
. tests/lib.sh
METAZOA=$metazoa OMPI_MCA_mpi_yield_when_idle=1
export METAZOA PYTHON OMPI_MCA_mpi_yield_when_idle
cat > "$dir/sums.yaml" << 'END'
task: {kind: addition, inputs: 6, samples: 100, test_samples: 20}
organism: {hidden: [6], activation: linear}
training: {batch: 50, self_train_steps: 2, learning_rate: 1.0e-4}
archive: {trajectory_every: 0}
parallel: {block: 2, chunk: 25}
END
study() { timeout 300 bash jobs/scaling.sh "$dir/sums.yaml" --mpirun mpirun --ranks "1 2" --output "$dir/study" "$@" > "$dir/out" 2>&1 < /dev/null; }

study --repeats 2
[ $? -eq 2 ] && grep -q 'at least 3' "$dir/out" || fail "two repeats were taken: $(cat "$dir/out")"
study --grids "auto 1x1x2" --epochs 1 --weak "organism.hidden=[6]" || fail "exit code $?: $(cat "$dir/out")"
"$PYTHON" - "$dir/study" << 'END' || fail "the tables: $(cat "$dir/out")"
import csv, statistics, sys
from pathlib import Path
study = Path(sys.argv[1])
runs, points = (list(csv.DictReader(open(study / name))) for name in ("scaling.csv", "scaling-median.csv"))
where = {(kind, ranks, grid) for kind in ("strong", "weak") for ranks, grid in (("1", "auto"), ("2", "auto"), ("2", "1x1x2"))}
assert len(runs) == 18 and {(p["kind"], p["ranks"], p["grid"]) for p in points} == where
assert len({run["fingerprint"] for run in runs if run["kind"] == "strong"}) == 1
assert len({run["fingerprint"] for run in runs if run["kind"] == "weak"}) == 2
for point in points:
    mine = [r for r in runs if all(r[key] == point[key] for key in ("kind", "ranks", "grid"))]
    seconds = sorted(float(run["seconds"]) for run in mine)
    assert len(mine) == 3 and point["runs"] == "3"
    assert (float(point["least_seconds"]), float(point["median_seconds"]), float(point["most_seconds"])) == tuple(seconds)
    shares = [float(point[f"{name}_share"]) for name in ("computing", "communicating", "waiting", "writing", "other")]
    assert min(shares) >= 0 and abs(sum(shares) - 1) < 0.01, shares
    model = [float(point[f"model_{name}_share"]) for name in ("computing", "communicating", "waiting")]
    assert abs(sum(model) - 1) < 1e-4 and (point["ranks"] == "2" or model[0] == 1), model
    assert float(point["model_seconds"]) > 0
first = next(p for p in points if p["kind"] == "strong" and p["ranks"] == "1")
assert float(first["efficiency"]) == 1 and abs(float(first["model_seconds"]) / float(first["median_seconds"]) - 1) < 1e-4
END
for plot in scaling-strong.pdf scaling-strong.png scaling-weak.pdf; do [ -s "$dir/study/$plot" ] || fail "no $plot"; done

again="--grids auto --epochs 1"
study $again -- --set run.seed=2
[ $? -eq 2 ] && grep -q 'begun with another' "$dir/out" || fail "another seed was taken: $(cat "$dir/out")"
# Seen before they are compared: another result, another binding.
"$PYTHON" jobs/scaling.py "$dir/study" 3 > "$dir/out" 2>&1 || fail "alone: $(cat "$dir/out")"
rank=$(find "$dir/study/runs/strong-2-auto-1.ranks" -type f | head -n 1)
cp "$rank" "$dir/rank"
sed -i '2s/.*/0-63/' "$rank"
"$PYTHON" jobs/scaling.py "$dir/study" 3 > "$dir/out" 2>&1
[ $? -eq 1 ] && grep -q 'mixed runs, processors a rank' "$dir/out" || fail "other bindings were not seen: $(cat "$dir/out")"
cp "$dir/rank" "$rank"
sed -i 's/"fingerprint": "./"fingerprint": "x/' "$dir/study/runs/strong-2-1x1x2-2/summary.json"
"$PYTHON" jobs/scaling.py "$dir/study" 3 > "$dir/out" 2>&1
[ $? -eq 1 ] && grep -q 'the results differ' "$dir/out" || fail "another result was not seen: $(cat "$dir/out")"
exit $failed
