#!/bin/sh
# Every probe on a run of the program: the same files at one and at several ranks, what stands in them, an older
# checkpoint, a conventional baseline; and wrong usage, told once.
. tests/lib.sh

# expect CODE "WORDS" COMMAND...: exit code, and words that stand once on standard error.
expect()
{
    code=$1 words=$2
    shift 2
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null
    got=$?
    [ $got -eq "$code" ] || fail "$*: exit code $got, not $code: $(cat "$dir/err")"
    [ "$(grep -cF -- "$words" "$dir/err")" -eq 1 ] || fail "$*: \"$(cat "$dir/err")\" instead of \"$words\""
}

cat > "$dir/small.yaml" << 'END'
task: {kind: addition, inputs: 3, samples: 200, test_samples: 100}
organism: {hidden: [4, 3], activation: linear}
training: {epochs: 12, batch: 20, self_train_steps: 25}
checkpoint: {every: 6, keep: 5}
parallel: {block: 2, chunk: 16}
END
run=$dir/run baseline=$dir/baseline
"$metazoa" train "$dir/small.yaml" --output "$run" --quiet || fail "training"
"$metazoa" train "$dir/small.yaml" --output "$baseline" --set organism.edges=scalar --quiet || fail "training of the baseline"

options_of() # KIND: small sizes
{
    case $1 in
    robustness) echo --seeds 3 --cap 200 --particles 9 --published-counting ;;
    lifetime) echo --particles 50 --steps 1000 ;;
    basins) echo --seeds 2 --steps 200 ;;
    dropout) echo --seeds 3 --points 4 --baseline "$baseline" ;;
    settle) echo --steps 100 ;;
    stability) echo --seeds 2 --random 5 ;;
    esac
}
# Two at a time: the second one waits for nobody, and leaves the first one's file alone.
expect 1 'another program writes this file now' flock "$run/probe-goal.h5.tmp" "$metazoa" probe goal "$run"
[ -e "$run/probe-goal.h5.tmp" ] || fail 'the file of another program was removed'
for kind in robustness lifetime basins stability substitution dropout goal settle; do
    for ranks in 1 3; do
        grid=auto
        [ $ranks -eq 3 ] && grid='[1, 1, 3]'
        # shellcheck disable=SC2046
        mpirun -n $ranks "$metazoa" probe $kind "$run" $(options_of $kind) --set "parallel.grid=$grid" \
            > "$dir/line" 2> "$dir/err" || fail "$kind at $ranks ranks: $(cat "$dir/err")"
        cmp "$dir/line" "$run/probe-$kind.json" || fail "$kind: standard output is not the line in the file"
        [ "$(wc -l < "$dir/line")" -eq 1 ] || fail "$kind: not one line"
        if [ $ranks -eq 1 ]; then
            cp "$run/probe-$kind.h5" "$run/probe-$kind.json" "$dir"
        else
            cmp "$run/probe-$kind.h5" "$dir/probe-$kind.h5" || fail "$kind: other bytes at $ranks ranks"
            cmp "$run/probe-$kind.json" "$dir/probe-$kind.json" || fail "$kind: another line at $ranks ranks"
        fi
    done
    [ -e "$run/probe-$kind.h5.tmp" ] && fail "$kind: left its temporary file"
done

"$PYTHON" - "$run" "$baseline" << 'END' || fail "what stands in the files"
import json, sys
import h5py, numpy
run = sys.argv[1]
summary = json.load(open(run + "/summary.json"))
lines = {}
files = {}
for kind in "robustness", "lifetime", "basins", "stability", "substitution", "dropout", "goal", "settle":
    lines[kind] = json.load(open(f"{run}/probe-{kind}.json"))
    files[kind] = file = h5py.File(f"{run}/probe-{kind}.h5")
    assert file.attrs["epoch"] == lines[kind]["epoch"] == 12 and file.attrs["seed"] == 1 and file.attrs["epsilon"] == 1e-5
    assert lines[kind]["kind"] == kind
    file.visititems(lambda name, item: item.attrs["description"] and (isinstance(item, h5py.Group) or item.attrs["units"]))
census = summary["census"]
replicators = census["self_replicator"]
assert replicators > 3 and summary["particles"] == 27
file = files["robustness"]
probed = min(replicators, 9)
for group in "organism", "single", "perfect":
    replicator, alive, end = (file[f"{group}/{name}"][:] for name in ("steps_replicator", "steps_alive", "end"))
    assert replicator.shape == alive.shape == end.shape and replicator.shape[0] == 10 and replicator.shape[2] == 3
    assert (replicator <= alive).all() and alive.max() <= file["step_cap"][()] == 200
    assert ((end == 4) == (alive == 200)).all()
    assert replicator[0].max() == 0 and replicator[-1].min() > 0
    line = lines["robustness"][group]
    for steps, name in (replicator, "steps_replicator"), (alive, "steps_alive"):  # counters that are never set back
        assert numpy.allclose(line[name + "_mean"], steps.mean(axis=(1, 2)), rtol=1e-8)
        assert numpy.allclose(line[name + "_published"], steps.cumsum(axis=2).mean(axis=(1, 2)), rtol=1e-8)
assert file["organism/end"].shape[1] == probed and len(file["organism/layer"]) == probed
place = numpy.array([file[f"organism/{name}"][:] for name in ("layer", "cell", "edge")]).T.tolist()
assert place == sorted(place) and len(set(map(tuple, place))) == probed
assert file["noise"].attrs["distribution"] in ("normal", b"normal")
file, line = files["lifetime"], lines["lifetime"]
end, steps = (file[f"application/{name}"][:] for name in ("end", "steps"))
assert len(end) == 50 and set(end) == {0, 1} and 1 <= steps.min() and steps.max() < 50  # nothing else attracts
assert abs(line["application"]["share"]["zero"] - (end == 1).mean()) < 1e-8
for name, type in ("divergent", 0), ("zero", 1):
    assert numpy.allclose(line["application"]["steps_to_" + name], numpy.quantile(steps[end == type], (0, 0.25, 0.5, 0.75, 1)))
type, steps, movement = (file[f"training/{name}"][:] for name in ("type", "steps", "movement"))
assert ((steps > 0) | (type != 2)).all() and ((movement <= 1e-5) == (type == 2)).all() and 20 < (type == 2).sum() < 50
assert abs(line["training"]["share_fixpoints"][line["training"]["epsilon_list"].index(1e-5)] - (type == 2).mean()) < 1e-8
file = files["substitution"]
assert file["difference"].shape == (100, 1) and 0 < file["difference"][:].max() < 1e-5
with h5py.File(run + "/checkpoint-12.h5") as checkpoint:  # the responses, in double precision, from the weights
    for l in range(3):
        w = checkpoint[f"layers/{l}/weights"][:].astype(float)
        a, b, c = w[..., :15].reshape(*w.shape[:2], 3, 5), w[..., 15:24].reshape(*w.shape[:2], 3, 3), w[..., 24:]
        assert numpy.abs(numpy.einsum("xyi,xyij,xyj->xy", c, b, a[..., 4]) - file[f"layers/{l}/effective"][:]).max() < 1e-6
file = files["dropout"]
assert file["types/count"][2] == replicators and file["types/count"][:].sum() == 27
assert abs(file["baseline"][()] / summary["test_mae"] - 1) < 1e-8  # nine digits are printed
print_of = json.load(open(sys.argv[2] + "/summary.json"))["fingerprint"]
assert file["conventional"].attrs["fingerprint"] in (print_of, print_of.encode()) and lines["dropout"]["conventional_fingerprint"] == print_of
for network in "organism", "conventional":
    for strategy in file[f"curves/{network}"]:
        share, score = (file[f"curves/{network}/{strategy}/{name}"][:] for name in ("share", "score"))
        assert share[0] == 0 and share[-1] == 1 and (numpy.diff(share) > 0).all() and score.shape[1] == len(share)
        assert (score[:, -1] == score[0, -1]).all() and score[0, 0] < score[0, -1]
        assert abs(lines["dropout"]["same_count"][network][strategy] / file[f"same_count/{network}/{strategy}"][:].mean() - 1) < 1e-8
    names = file["overlap/" + network].attrs["strategies"]
    names = (names.decode() if isinstance(names, bytes) else names).split()
    overlap = file["overlap/" + network][:]
    assert sorted(names) == sorted(file[f"curves/{network}"]) and len(names) == 11
    assert (overlap.diagonal() == replicators).all() and (overlap == overlap.T).all()
file = files["goal"]
at = list(file["epsilon"][:]).index(1e-5)
assert file["share_self_replicators"][at] == replicators / 27
file = files["settle"]
assert list(file["steps"][:]) == [0, 1, 2, 5, 10, 20, 50, 100]
assert file["types"][0, 2] == replicators and (file["types"][:].sum(axis=1) == 27).all()
assert len(file["gradient/size"]) == 27 and (file["gradient/size"][:] > 0).all()
END

"$metazoa" probe goal "$run" --epoch 6 --epsilon 1e-3,1e-5 > "$dir/line" || fail "--epoch 6"
grep -q '"epoch": 6, .*"epsilon_list": \[0.001, 1e-5\]' "$dir/line" || fail "--epoch 6: $(cat "$dir/line")"
"$metazoa" probe robustness "$run" --noise uniform --cap 5 --seeds 1 > "$dir/line" || fail "--noise uniform"
grep -q '"distribution": "uniform"' "$dir/line" || fail "--noise uniform: $(cat "$dir/line")"
cmp -s "$run/probe-robustness.h5" "$dir/probe-robustness.h5" && fail "--noise uniform changes nothing"
"$metazoa" probe settle "$run" --steps 0 > "$dir/line" || fail "--steps 0"

# What --set changed stands in the results; a clone that is no number is nearest to no parent.
cp -r "$run" "$dir/set"
"$metazoa" probe basins "$dir/set" --seeds 2 --steps 100 --set training.learning_rate=1 --set training.learning_rate=9 --set "task.path=$dir" \
    --set training.self_train_steps=3 > "$dir/line" || fail "basins --set"
"$metazoa" verify "$dir/set" > "$dir/out" || fail "verify of a probe with --set: $(cat "$dir/out")"
"$PYTHON" - "$dir/set" << 'END' || fail "what --set changed"
import h5py, json, numpy, sys
file, line = h5py.File(f"{sys.argv[1]}/probe-basins.h5"), json.load(open(f"{sys.argv[1]}/probe-basins.json"))
changed = file.attrs["changed"].decode() if isinstance(file.attrs["changed"], bytes) else file.attrs["changed"]
assert changed == line["changed"] == "training.learning_rate=9, training.self_train_steps=3", changed
nearest = file["nearest"][:]
assert numpy.isnan(nearest).sum() > 9 and (numpy.isnan(nearest) == ~numpy.isfinite(file["distance_end"][:])).all()
assert "changed" not in h5py.File(f"{sys.argv[1]}/probe-settle.h5").attrs
END

mpirun="mpirun -n 2"
expect 2 'unknown probe "robustnes": one of robustness, lifetime, basins, stability, substitution, dropout, goal, settle' $mpirun "$metazoa" probe robustnes "$run"
expect 2 'option --cap: "many" is not an integer from 1 to 1000000000' $mpirun "$metazoa" probe robustness "$run" --cap many
expect 2 'option --seeds: "2.5" is not an integer from 1 to 1000000' $mpirun "$metazoa" probe robustness "$run" --seeds 2.5
expect 2 'option --epsilon: "1e-5,,1" is not a list' $mpirun "$metazoa" probe goal "$run" --epsilon 1e-5,,1
expect 2 "probe goal has no option --cap: \"$metazoa probe goal --help\" lists them" $mpirun "$metazoa" probe goal "$run" --cap 5
expect 2 'probe has no option --caps; did you mean --cap?' $mpirun "$metazoa" probe robustness "$run" --caps 5
expect 2 'option --noise: "loud"' $mpirun "$metazoa" probe robustness "$run" --noise loud
expect 2 'the edges of this run (organism.edges: scalar) do not replicate' $mpirun "$metazoa" probe goal "$baseline"
expect 2 'is not a conventional network' $mpirun "$metazoa" probe dropout "$run" --baseline "$run"
# A conventional network that is scored on other test data; on the same, though trained on fewer samples.
"$PYTHON" - "$dir" << 'END'
import h5py, numpy, sys
x = numpy.random.default_rng(4).normal(size=(60, 3)).astype('f4')
for name, shift in ('ours', 0), ('theirs', 1):
    with h5py.File(f'{sys.argv[1]}/{name}.h5', 'w') as file:
        for part in '', 'test/':
            file[part + 'x'] = x if part == '' else x + shift
            file[part + 'y'] = numpy.arange(60) % 2
END
for name in ours theirs; do
    for edges in particle scalar; do
        "$metazoa" train "$dir/small.yaml" --output "$dir/$name-$edges" --set organism.edges=$edges --set training.epochs=1 --set task.kind=hdf5 \
            --set task.path="$dir/$name.h5" --set task.test_samples=0 --set "task.samples=$([ $edges = particle ] && echo 60 || echo 50)" --quiet || fail "training on $name"
    done
done
few='--seeds 1 --points 2'
expect 2 'its scores are of other data' $mpirun "$metazoa" probe dropout "$dir/ours-particle" --baseline "$dir/theirs-scalar" $few
for given in "$dir/ours-scalar" "$dir/theirs-scalar --accept-other-data"; do
    # shellcheck disable=SC2086
    $mpirun "$metazoa" probe dropout "$dir/ours-particle" $few --baseline $given > "$dir/out" 2>&1 || fail "--baseline $given: $(cat "$dir/out")"
done
expect 3 'holds no checkpoint of epoch 7' $mpirun "$metazoa" probe goal "$run" --epoch 7
cp "$run/checkpoint-6.h5" "$run/checkpoint-7.h5"
expect 3 'checkpoint-7.h5: it was renamed: it holds epoch 6' $mpirun "$metazoa" probe goal "$run" --epoch 7
rm "$run/checkpoint-7.h5"
# A checkpoint of another run under a good name: of another configuration, or of other first weights.
cp "$run/checkpoint-6.h5" "$dir/kept.h5"
"$metazoa" train "$dir/small.yaml" --output "$dir/faster" --set training.learning_rate=0.01 --quiet || fail "training"
"$metazoa" train "$dir/small.yaml" --output "$dir/begun" --init "$run/checkpoint-12.h5" --quiet || fail "training"
cp "$dir/faster/checkpoint-6.h5" "$run/checkpoint-6.h5"
for command in 'probe goal' compile 'replay --epochs 1:2'; do
    # shellcheck disable=SC2086
    expect 3 'config.yaml: is not the configuration of checkpoint-6.h5; these differ: training.learning_rate' \
        $mpirun "$metazoa" $command "$run"
done
cp "$dir/begun/checkpoint-6.h5" "$run/checkpoint-6.h5"
for command in 'probe goal' compile; do
    # shellcheck disable=SC2086
    expect 3 'checkpoint-6.h5: it is of another run than metrics.csv beside it: at epoch 6' $mpirun "$metazoa" $command "$run" --epoch 6
done
cp "$dir/begun/checkpoint-12.h5" "$run/checkpoint-12.h5"
cp "$dir/kept.h5" "$run/checkpoint-6.h5"
expect 0 'checkpoint-12.h5 is damaged and not used: it is of another run' $mpirun "$metazoa" train "$dir/small.yaml" --output "$run" --resume --quiet
expect 3 'config.yaml: cannot be read' $mpirun "$metazoa" probe goal "$dir/nowhere"
sed -i.kept 's/activation: linear/activation: gelu/; t; s/activation: gelu/activation: linear/' "$run/config.yaml"
expect 3 "config.yaml: is not the configuration of checkpoint-12.h5; these differ: organism.activation" \
    $mpirun "$metazoa" probe goal "$run"
mv "$run/config.yaml.kept" "$run/config.yaml"

# A tolerance is a number of single precision, as in the census: what moves by exactly as much is within it.
moves=$("$PYTHON" -c "
import h5py, numpy, sys
print(','.join(map(str, sorted(numpy.float32(h5py.File(sys.argv[1])['training/movement'][::2])))))" "$run/probe-lifetime.h5")
"$metazoa" probe lifetime "$run" --particles 50 --steps 1000 --epsilon "$moves" --json > "$dir/line" || fail "lifetime --epsilon LIST"
"$PYTHON" - "$run" "$dir/line" << 'END' || fail "shares within tolerances that are movements"
import h5py, json, numpy, sys
moves = h5py.File(sys.argv[1] + "/probe-lifetime.h5")["training/movement"][:]
wanted = [(moves <= m).mean() for m in sorted(moves[::2])]
assert numpy.allclose(json.load(open(sys.argv[2]))["training"]["share_fixpoints"], wanted, rtol=0, atol=1e-8)
END
exit $failed
