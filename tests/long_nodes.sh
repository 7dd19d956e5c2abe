#!/bin/sh
# Two nodes on this host: network namespaces with names of their own, whose ranks reach each other by TCP through a bridge in a
# third. The bits are those of one rank, however ranks are dealt to the nodes, and the bytes that leave a node are those that a
# batch must send. Needs root and iproute2; takes about a minute.
[ "$(id -u)" -eq 0 ] && command -v ip > /dev/null || { echo "needs root and iproute2"; exit 77; }
. tests/lib_train.sh
name=mz$$
ip netns add $name-switch 2> /dev/null || { echo "no network namespaces here"; exit 77; }
clean()
{
    for space in switch 1 2; do ip netns del "$name-$space" 2> /dev/null; done
    rm -rf "$dir"
}
trap clean EXIT
ip -n $name-switch link add bridge type bridge && ip -n $name-switch link set bridge mtu 9000 up
for node in 1 2; do
    ip netns add $name-$node
    ip -n $name-$node link set lo up
    ip -n $name-$node link add eth0 mtu 9000 type veth peer name node$node mtu 9000 netns $name-switch
    ip -n $name-$node addr add 10.77.77.$node/24 dev eth0
    ip -n $name-$node link set eth0 up
    ip -n $name-switch link set node$node master bridge up
done
# on NODE COMMAND: as on that machine. It is also how mpirun starts its daemon on the other one.
cat > "$dir/on" << END2
#!/bin/sh
node=\${1#node}
shift
exec ip netns exec $name-\$node unshare -u sh -c "hostname node\$node; exec \$*"
END2
chmod +x "$dir/on"
leaving() { ip netns exec $name-1 cat /sys/class/net/eth0/statistics/tx_bytes; }

cat > "$dir/nodes.yaml" << 'END2'
run: {seed: 3}
task: {kind: addition, inputs: 16, samples: 2560, test_samples: 10}
organism: {hidden: [512, 512], activation: gelu, start: layer}
training: {batch: 256, self_train_steps: 1, learning_rate: 1.0e-4}
measure: {validate_every: 0, census_every: 0}
archive: {trajectory_every: 0}
checkpoint: {every: 0}
parallel: {block: 128, chunk: 128}
END2
# run EPOCHS GRID MAPPING: four ranks on two nodes; $sent: bytes that left the first.
run()
{
    before=$(leaving)
    timeout 120 "$dir/on" node1 mpirun --allow-run-as-root --host node1:2,node2:2 -n 4 --map-by "$3" --bind-to none \
        --mca plm rsh --mca plm_rsh_agent "$dir/on" --mca btl self,vader,tcp --mca pml ob1 --mca mpi_yield_when_idle 1 \
        --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 \
        "$metazoa" train "$dir/nodes.yaml" --output "$dir/run-$1-$2-$3" --set training.epochs="$1" --set parallel.grid="[$2]" \
        > "$dir/out" 2>&1 || { cat "$dir/out"; fail "$*"; }
    sent=$(($(leaving) - before))
}
print() { tail -n 1 "$1/metrics.csv" | cut -d, -f11; }
expect 0 "$metazoa" train "$dir/nodes.yaml" --quiet --output "$dir/one" --set training.epochs=1
for grid in 2,1,2 1,2,2 1,1,4; do
    run 1 $grid slot
    first=$sent
    [ "$(print "$dir/one")" = "$(print "$dir/run-1-$grid-slot")" ] || fail "grid $grid on two nodes has other bits"
    grep -q '^nodes *2 of 2 ranks' "$dir/out" || fail "the nodes are not said: $(cat "$dir/out")"
    run 3 $grid slot
    block=$(((sent - first) / 20)) # a batch
    run 1 $grid node
    first=$sent
    run 3 $grid node
    cyclic=$(((sent - first) / 20))
    [ "$(print "$dir/run-3-$grid-slot")" = "$(print "$dir/run-3-$grid-node")" ] || fail "grid $grid dealt in turns has other bits"
    axis=$(sed -n 's/^nodes .* that leaves them is //p' "$dir/out")
    "$PYTHON" - "$grid" "$axis" $block $cyclic << 'END2' || fail "grid $grid: bytes that leave a node"
import sys
batch, rows, columns = map(int, sys.argv[1].split(","))
axis, block, cyclic = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
cells, samples, chunks = [16, 512, 512, 1], 128, 2
particles = sum(a * b for a, b in zip(cells, cells[1:]))
def across(values, ranks):
    """Bytes that a rank sends to the other node for a sum over an axis of `ranks` that leaves it: the last stage of halving."""
    return 12 * values / ranks
rank = 0
rounds = -(-chunks // batch)
if axis == "batch":
    rank += 12 * particles / (rows * columns) * (batch - 1) / batch  # doubles there, floats back
if axis == "rows":    # forward of layer 0, backward of layer 1
    rank += rounds * (across(512 / columns * samples, rows) + across(512 / columns * samples, rows))
if axis == "columns": # forward of layer 1
    rank += rounds * across(512 / rows * samples, columns)
if axis != "batch":   # outputs: over the plane
    rank += rounds * across(samples, rows * columns)
model = 2 * rank
print(f"grid {batch}x{rows}x{columns}, {axis} leaves: {block} and {cyclic} bytes a batch, model {model:.0f}")
assert abs(block / model - 1) < 0.1 and abs(cyclic / model - 1) < 0.1
END2
done
exit $failed
