#!/bin/sh
# The text files of a run: what is not measured and what is no number differ in metrics.csv, also after a resume; run.json lists
# all starts side by side, those of version 0.1 as well, and counts the ranks of every host.
. tests/lib_train.sh
make_configurations

# Weights that overflow: losses are measured, and are no numbers.
options="--set training.learning_rate=100 --set training.on_divergence=ignore --set measure.validate_every=2"
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/whole" $options
column() { awk -F, -v row="$2" -v name="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } $1 == row { print $at }' "$dir/$1/metrics.csv"; }
for loss in task_loss self_train_loss; do
    [ -z "$(column whole 0 $loss)" ] || fail "$loss was not measured in epoch 0, but is $(column whole 0 $loss)"
    case $(column whole 2 $loss) in nan | inf) ;; *) fail "$loss is no number, but $(column whole 2 $loss)" ;; esac
done
[ -z "$(column whole 1 test_mae)" ] || fail "test_mae was not measured in epoch 1"
case $(column whole 2 test_mae) in nan | inf) ;; *) fail "test_mae is no number, but $(column whole 2 test_mae)" ;; esac
mkdir "$dir/parts"
for start in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    [ $start -eq 16 ] || touch "$dir/parts/stop"
    "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/parts" $options 2> "$dir/err" && break
done
rm -f "$dir/parts/stop"
same "$dir/whole" "$dir/parts"

# What was measured of `seconds` stays.
seconds() { sed -n '3p' "$dir/$1/metrics.csv" | sed 's/.*,//'; }
before=$(seconds whole)
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/whole" $options
[ -n "$before" ] && [ "$(seconds whole)" = "$before" ] || fail "seconds were $before, and are $(seconds whole)"

# Three starts, the first of which wrote as version 0.1 did.
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/starts"
echo '{"program": "metazoa", "started": "second", "before": {"program": "metazoa", "started": "first", "before": null}}' > "$dir/starts/run.json"
expect 0 mpirun -n 2 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/starts" --set run.name='Gr"\\ö'
expect 0 "$metazoa" train "$dir/sums.yaml" --quiet --resume --output "$dir/starts"
"$PYTHON" - "$dir/starts/run.json" << 'END' || fail "run.json: $(cat "$dir/starts/run.json")"
import json, sys
now = json.load(open(sys.argv[1], encoding="utf-8"))
starts = now["starts"]
assert [start.get("started") for start in starts[:2]] == ["first", "second"]
assert len(starts) == 3 and starts[2]["ranks"] == 2 and list(starts[2]["hosts"].values()) == [2]
binding, = starts[2]["bindings"].values()
assert 1 <= len(binding["processors"]) <= 2 and all(binding["processors"]) and binding["numa"], binding
assert starts[2]["command"][-1] == 'run.name=Gr"\\\\ö', starts[2]["command"]
assert now["ranks"] == 1 and not any("starts" in start or "before" in start for start in starts)
END

# The seconds of a phase are of all ranks.
expect 0 mpirun -n 3 "$metazoa" train "$dir/sums.yaml" --quiet --output "$dir/three"
"$PYTHON" - "$dir/three/summary.json" << 'END' || fail "summary.json: $(cat "$dir/three/summary.json")"
import json, sys
phases = json.load(open(sys.argv[1], encoding="utf-8"))["phases"]
assert len(phases) > 8
for name, phase in phases.items():
    assert phase["min"] <= phase["mean"] * (1 + 1e-9) and phase["mean"] <= phase["max"] * (1 + 1e-9), (name, phase)
assert any(phase["min"] < phase["max"] for phase in phases.values())
END

# What run.json does not say is not known, and no number.
sed -i 's/"test_samples"/"tist_samples"/; s/"outputs"/"eutputs"/' "$dir/three/run.json"
expect 0 "$metazoa" info "$dir/three"
grep -q ' 0 test samples' "$dir/out" && fail "info: $(cat "$dir/out")"
grep -qE '^organism +[?]-.*-[?],' "$dir/out" || fail "info: $(cat "$dir/out")"

exit $failed
