#!/bin/sh
# Configurations from files: all of conf/ are good; what cannot be read or is wrong ends with exit code 2 and its place, once at
# any rank count; a task that cannot be read ends with 3; check writes nothing.
. tests/lib.sh

# expect CODE "LINES" COMMAND...: exit code, and our lines of standard error, all of them, in order.
expect()
{
    code=$1
    echo "$2" > "$dir/expected"
    shift 2
    "$@" > "$dir/out" 2> "$dir/err" < /dev/null
    got=$?
    [ $got -eq "$code" ] || fail "$*: exit code $got, not $code"
    sed -n 's/^metazoa: //p' "$dir/err" | diff "$dir/expected" - || fail "$*: other messages"
}

# Every configuration of the project is good; only its data may be elsewhere.
for config in conf/*.yaml; do
    "$metazoa" check "$config" > "$dir/out" 2> "$dir/err"
    case $? in
    0) grep -qF "$config is good" "$dir/out" || fail "$config: $(cat "$dir/out")" ;;
    3) grep -q "$(sed -n 's/^ *path: *\([^ ]*\).*/\1/p' "$config")" "$dir/err" || fail "$config: $(cat "$dir/err")" ;;
    *) fail "$config: $(cat "$dir/err")" ;;
    esac
done

# Those that need no data have the fingerprint that they state; tests/long_conf.sh tries the others.
for config in $(grep -l '^# Fingerprint' conf/*.yaml); do
    ! grep -q 'kind: addition' "$config" || reproduces "$config"
done

cat > "$dir/bad.yaml" <<'END'
# six mistakes
run: {sed: 3}
training:
  epochs: many
  batch: 5
  batch: 6
organism:
  hidden: [5, 0]
particel: {width: 3}
task: {kind: addition, noise: .inf}
END
bad="$dir/bad.yaml:2:7: unknown key 'run.sed'; did you mean 'run.seed'?
$dir/bad.yaml:4:11: training.epochs = many: must be an integer from 0 to 16777215
$dir/bad.yaml:6:3: 'training.batch' is given a second time
$dir/bad.yaml:8:15: organism.hidden = [5, 0]: must be a list of at most 31 integers from 1 to 16777216
$dir/bad.yaml:9:1: unknown section 'particel'; did you mean 'particle'?
$dir/bad.yaml:10:31: task.noise = .inf: must be a number from 0 to 1000"
expect 2 "$bad" "$metazoa" check "$dir/bad.yaml"
expect 2 "$bad" mpirun -n 3 "$metazoa" check "$dir/bad.yaml"
expect 2 "$bad
--set: training.epochs = x: must be an integer from 0 to 16777215" "$metazoa" check "$dir/bad.yaml" --set training.epochs=x

: > "$dir/empty.yaml"
expect 2 "$dir/empty.yaml:1:1: no configuration: it is made of sections like \"run: {name: test}\" (\"{}\" is all defaults)" \
    "$metazoa" check "$dir/empty.yaml"
printf 'run:\n\tname: x\n' > "$dir/tab.yaml"
expect 2 "$dir/tab.yaml:2:1: not valid YAML: found character that cannot start any token (a tab cannot indent; a text that begins with @ or \` needs quotes)" \
    "$metazoa" check "$dir/tab.yaml"
printf 'run:\000\001\377{}' > "$dir/junk.yaml"
expect 2 "$dir/junk.yaml:1:5: not valid YAML: control characters are not allowed" "$metazoa" check "$dir/junk.yaml"
head -c 1048577 /dev/zero | tr '\0' '#' > "$dir/large.yaml"
expect 2 "$dir/large.yaml: cannot be read: it has more than 1 MiB" mpirun -n 2 "$metazoa" check "$dir/large.yaml"
expect 2 "$dir/none.yaml: cannot be read: No such file or directory" mpirun -n 2 "$metazoa" check "$dir/none.yaml"
expect 2 "$dir: cannot be read: Is a directory" "$metazoa" check "$dir"

# A task that is not there: exit code 3, and the folder is named.
echo "{task: {path: $dir/nothing}}" > "$dir/task.yaml"
"$metazoa" check "$dir/task.yaml" > "$dir/out" 2> "$dir/err"
[ $? -eq 3 ] && grep -q "$dir/nothing" "$dir/err" || fail "missing data: $(cat "$dir/err")"

# --set and --output: the last one counts, and a folder's name is taken literally.
echo '{run: {name: n}, task: {kind: addition}, organism: {hidden: [4]}, training: {epochs: 3}}' > "$dir/good.yaml"
"$metazoa" check "$dir/good.yaml" --set organism.hidden=[5,6] --set=organism.hidden=[7] --output 'a "b": [c\' > "$dir/out" ||
    fail "--set"
grep -q '^organism  *2-7-1, gelu: 21 particles of width 3 and 3 layers, 27 weights each, 567 weights$' "$dir/out" || fail "--set: $(cat "$dir/out")"
grep -q '^folder      a "b": \[c\\: ' "$dir/out" || fail "--output: $(cat "$dir/out")"
expect 2 '--output: run.output = "a?b": must be a text of 0 to 3000 bytes without control characters' "$metazoa" check "$dir/good.yaml" --output 'a
b' # not the folder "a b"
"$metazoa" check "$dir/good.yaml" --quiet > "$dir/out" 2>&1 || fail "--quiet"
[ -s "$dir/out" ] && fail "--quiet prints $(cat "$dir/out")"

# Sizes: of 12 particles, nearly all is what the file says of itself (tests/test_size.c has many more).
"$metazoa" check "$dir/good.yaml" > "$dir/out"
grep -q '^archive .* in 4 records$' "$dir/out" || fail "archive: $(cat "$dir/out")"
grep -q '^checkpoint  *about 2[0-9].[0-9] KiB, ' "$dir/out" || fail "checkpoint: $(cat "$dir/out")"
grep -q '^folder  *runs/n: .* needed, .* free$' "$dir/out" || fail "folder: $(cat "$dir/out")"

# The archive's size against that of a real one, within 1 %.
set -- "$dir/good.yaml" --set organism.hidden=[200,300] --set training.learning_rate=0 --set training.self_train_steps=0 \
    --set task.samples=50 --set training.batch=50 --set checkpoint.every=2
"$metazoa" check "$@" > "$dir/out" || fail "check"
"$metazoa" train "$@" --quiet --output "$dir/run" || fail "train"
predicted=$(sed -n 's/^archive *about \([0-9.]*\) MiB.*/\1/p' "$dir/out")
real=$(cat "$dir/run/archive"/* "$dir/run/archive.h5" | wc -c)
awk -v p="$predicted" -v r="$real" 'BEGIN { e = p * 1048576 / r - 1; exit !(p > 0 && e > -0.01 && e < 0.01) }' ||
    fail "archive: $predicted MiB predicted, $real bytes written"
set --

# More than 2^31 weights, and more than 2^63 bytes.
"$metazoa" check "$dir/good.yaml" --set organism.hidden=[20000,20000] --ranks 1000 > "$dir/out" || fail "large organism"
grep -q ' 400060000 particles of width 3 and 3 layers, 27 weights each, 10801620000 weights$' "$dir/out" || fail "large organism: $(cat "$dir/out")"
grep -q '^checkpoint  *about 120.[78] GiB, ' "$dir/out" || fail "large organism: $(cat "$dir/out")"
"$metazoa" check "$dir/good.yaml" --set particle.width=16 --set particle.layers=4 \
    --set organism.hidden=[16777216,16777216,16777216,16777216,16777216,16777216,16777216] > "$dir/out" || fail "huge organism"
grep -q '^checkpoint  *about 8 EiB or more, ' "$dir/out" || fail "huge organism: $(cat "$dir/out")"
grep -q '^folder .* WILL NOT FIT$' "$dir/out" || fail "huge organism: $(cat "$dir/out")"

# The grid: as given, whatever the number of ranks that compute; and not against --ranks.
"$metazoa" check "$dir/good.yaml" --set parallel.grid=[2,3,4] > "$dir/out" || fail "grid"
grep -q '^grid  *2 x 3 x 4 (batch x rows x columns)$' "$dir/out" || fail "grid: $(cat "$dir/out")"
expect 2 "parallel.grid = [2, 3, 4] does not make 5 ranks: auto or one of [5, 1, 1], [1, 5, 1], [1, 1, 5] would do" "$metazoa" check "$dir/good.yaml" --set parallel.grid=[2,3,4] --ranks 5

# Nothing was written but by this test.
[ -e runs/n ] && fail "check wrote a run"
exit $failed
