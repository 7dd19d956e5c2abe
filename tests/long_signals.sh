#!/bin/sh
# 100 signals (SIGNALS) at random times, each to one random rank: each ends in exit code 75 with a checkpoint within the time
# that the program promised (or the run was done by then), and the end of the run is that of an undisturbed one. SEED repeats.
. tests/lib_train.sh
make_images
make_configurations
expect 0 mpirun -n 2 "$metazoa" train "$dir/images.yaml" --output "$dir/whole" --set training.epochs=2000 \
    --set checkpoint.every=50
[ $failed -eq 0 ] || exit 1
"$PYTHON" - "$metazoa" "$dir" <<'END'
import glob, os, random, re, shutil, signal, subprocess, sys, time

metazoa, folder = sys.argv[1:3]
signals = int(os.environ.get("SIGNALS", 100))
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"seed {seed}, {signals} signals", flush=True)
random.seed(seed)
run = f"{folder}/run"
options = ["--resume", "--output", run, "--set", "training.epochs=2000", "--set", "checkpoint.every=50"]
fingerprint = open(f"{folder}/whole/metrics.csv").read().split("\n")[-2].split(",")[10]
sent = done = 0
times, promises = [], []
while sent < signals:
    ranks = random.randint(1, 4)
    process = subprocess.Popen(["mpirun", "-n", str(ranks), metazoa, "train", f"{folder}/images.yaml", *options],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    lines = []
    for line in process.stdout: # until the program says that it has begun, and what it promises
        lines.append(line)
        if "answered within" in line or "finished" in line:
            break
    found = re.search(r"answered within ([0-9.]+) s", "".join(lines))
    promise = float(found.group(1)) if found else None
    time.sleep(random.uniform(0, 1.5))
    listed = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "metazoa"], capture_output=True, text=True)
    pids = [int(word) for word in listed.stdout.split()]
    if pids and promise:
        number = random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
        began = time.monotonic()
        try:
            os.kill(random.choice(pids), number)
            sent += 1
        except ProcessLookupError:
            pass
    output, errors = process.communicate(timeout=120)
    if process.returncode == 0: # it was done before the signal was seen
        last = open(f"{run}/metrics.csv").read().split("\n")[-2].split(",")[10]
        assert last == fingerprint, f"the result {last} is not {fingerprint}"
        done += 1
        shutil.rmtree(run)
        continue
    took = time.monotonic() - began
    assert process.returncode == 75, f"signal {sent}, {ranks} ranks: exit code {process.returncode}\n{errors}"
    assert f"signal {int(number)} " in errors, errors
    assert glob.glob(f"{run}/checkpoint-*.h5"), "no checkpoint"
    assert took <= promise, f"signal {sent}, {ranks} ranks: {took:.2f} s, {promise} s were promised"
    times.append(took)
    promises.append(promise)
print(f"{sent} signals: {len(times)} checkpoints and exits, the slowest after {max(times):.2f} s (promised: at least "
      f"{min(promises):.2f} s); {done} runs were done, with the undisturbed fingerprint")
END
