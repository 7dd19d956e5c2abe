#!/bin/sh
# 200 kills (KILLS) with SIGKILL at random instants, of all ranks or of one, at 1 to 4 ranks, each followed by a resume on
# another rank count, on a disk that is quick or slow to sync, until the run is done: every final fingerprint, checkpoint and archive
# file must be that of the undisturbed run, byte by byte. One half of the kills hits runs whose ranks write files together, the other
# runs whose files rank 0 writes alone. SEED repeats a series.
. tests/lib_train.sh
make_images
make_configurations
cc -shared -fPIC -o "$dir/syncs.so" tests/preload/syncs.c || exit 1
# A run of a few seconds that spends much of its time in files: a checkpoint every epoch, a record every epoch.
began=$(date +%s)
for from in 0 1000000; do
    expect 0 mpirun -n 2 "$metazoa" train "$dir/images.yaml" --quiet --output "$dir/whole-$from" --set training.epochs=60 \
        --set task.samples=150 --set training.settle=plain --set training.settle_steps=400 --set training.self_train_steps=40 --set checkpoint.every=3 \
        --set io.parallel_from=$from
done
[ $failed -eq 0 ] || exit 1
longest=$((($(date +%s) - began) * 3 / 4)) # about 1.5 times what one run takes here
cat > "$dir/kills.py" <<'END'
import hashlib, os, random, shutil, signal, subprocess, sys, time

metazoa, folder, parallel_from, longest = sys.argv[1:]
kills = int(os.environ.get("KILLS", 200)) // 2
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
print(f"seed {seed}, {kills} kills, io.parallel_from {parallel_from}", flush=True)
random.seed(seed)
run = f"{folder}/killed"
options = ["--quiet", "--resume", "--output", run, "--set", "training.epochs=60", "--set", "task.samples=150",
           "--set", "training.settle=plain", "--set", "training.settle_steps=400", "--set", "training.self_train_steps=40", "--set", "checkpoint.every=3",
           "--set", f"io.parallel_from={parallel_from}"]


def children(process):
    listed = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "metazoa"], capture_output=True, text=True)
    return [int(word) for word in listed.stdout.split()]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def contents(path):
    """What `contents` of lib_train.sh prints."""
    lines = [",".join(line.rstrip("\n").split(",")[:11]) for line in open(f"{path}/metrics.csv")]
    files = []
    for top, _, names in os.walk(path):
        files += [os.path.relpath(os.path.join(top, name), path) for name in names if name.endswith(".h5")]
    for name in sorted(files):
        lines.append(hashlib.sha256(open(f"{path}/{name}", "rb").read()).hexdigest() + "  " + name)
    return lines


expected = contents(f"{folder}/whole-{parallel_from}")
done = runs = starts = of_one = harmless = hung = 0
longest = max(3.0, float(longest))
ranks = 1
while done < kills or os.path.exists(run):
    ranks = random.choice([n for n in (1, 2, 3, 4) if n != ranks])
    starts += 1
    began = time.monotonic()
    slow = ["-x", f"LD_PRELOAD={folder}/syncs.so", "-x", "SYNC_SLEEP=20"] if random.random() < 0.5 else []
    process = subprocess.Popen(["mpirun", "-n", str(ranks), *slow, metazoa, "train", f"{folder}/images.yaml", *options],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    if done < kills:
        try:
            process.wait(random.uniform(0.1, longest))
        except subprocess.TimeoutExpired:
            pids = children(process)
            done += 1
            if pids and random.random() < 0.5:
                of_one += 1
                kill(random.choice(pids))
            else:
                for pid in pids + [process.pid]:
                    kill(pid)
            limit = time.monotonic() + 60
            while any(alive(pid) for pid in children(process) + pids):
                assert time.monotonic() < limit, f"ranks live on after their kill: {pids}"
                time.sleep(0.01)
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired: # mpirun itself waits for ever when a rank dies before it has joined MPI
                kill(process.pid)
                process.communicate(timeout=10)
                hung += 1
            # A rank that was killed after it had done its work does not count, and does not harm.
            harmless += process.returncode == 0
            continue
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, f"start {starts} after {done} kills, {ranks} ranks: exit code {process.returncode}\n{output}"
    longest = 0.9 * longest + 0.1 * 1.5 * (time.monotonic() - began)
    found = contents(run)
    if found != expected:
        print(f"after {done} kills (seed {seed}) the run differs from the undisturbed one:")
        print("\n".join(line for line in found if line not in expected), "\ninstead of")
        print("\n".join(line for line in expected if line not in found))
        sys.exit(1)
    runs += 1
    shutil.rmtree(run)
print(f"{done} kills ({of_one} of one rank, {harmless} too late to matter, {hung} left mpirun waiting), {starts} starts, {runs} runs done, each equal to the "
      "undisturbed one in every byte", flush=True)
END
for from in 0 1000000; do
    "$PYTHON" "$dir/kills.py" "$metazoa" "$dir" $from "$longest" || exit 1
done
