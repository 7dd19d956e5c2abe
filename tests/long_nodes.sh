#!/bin/sh
# Two, three and four nodes on this host: network namespaces with names of their own, whose ranks reach each other by TCP through a
# bridge in another one. The bits are those of one rank, however ranks are dealt to the nodes, and the bytes that leave a node are
# those that a batch must send. Needs root and iproute2; takes about a minute.
[ "$(id -u)" -eq 0 ] && command -v ip > /dev/null || { echo "needs root and iproute2"; exit 77; }
. tests/lib_train.sh
name=mz$$
ip netns add $name-switch 2> /dev/null || { echo "no network namespaces here"; exit 77; }
clean()
{
    for space in switch 1 2 3 4; do ip netns del "$name-$space" 2> /dev/null; done
    rm -rf "$dir"
}
trap clean EXIT
ip -n $name-switch link add bridge type bridge && ip -n $name-switch link set bridge mtu 9000 up
for node in 1 2 3 4; do
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
# run EPOCHS GRID MAPPING: $ranks ranks on $nodes nodes; $sent: bytes that left the first.
run()
{
    hosts=$(seq -f "node%g:$((ranks / nodes))" -s , "$nodes")
    before=$(leaving)
    timeout 120 "$dir/on" node1 mpirun --allow-run-as-root --host "$hosts" -n $ranks --map-by "$3" --bind-to none \
        --mca plm rsh --mca plm_rsh_agent "$dir/on" --mca btl self,vader,tcp --mca pml ob1 --mca mpi_yield_when_idle 1 \
        --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 \
        "$metazoa" train "$dir/nodes.yaml" --output "$dir/run-$nodes-$1-$2-$3" --set training.epochs="$1" \
        --set parallel.grid="[$2]" > "$dir/out" 2>&1 || { cat "$dir/out"; fail "$*"; }
    sent=$(($(leaving) - before))
}
# batch_bytes GRID MAPPING: bytes that leave a node in a batch; the fingerprint must be that of one rank.
batch_bytes()
{
    run 1 "$1" "$2"
    first=$sent
    [ "$(print "$dir/one")" = "$(print "$dir/run-$nodes-1-$1-$2")" ] || fail "grid $1 on $nodes nodes, by $2, has other bits"
    run 3 "$1" "$2"
    bytes=$(((sent - first) / 20))
}
print() { tail -n 1 "$1/metrics.csv" | cut -d, -f11; }
expect 0 "$metazoa" train "$dir/nodes.yaml" --quiet --output "$dir/one" --set training.epochs=1
for case in 2:4:2,1,2 2:4:1,2,2 2:4:1,1,4 3:3:1,3,1 3:3:1,1,3 4:4:2,1,2 4:4:1,2,2 4:4:1,1,4; do
    nodes=${case%%:*} grid=${case##*:} ranks=${case#*:} ranks=${ranks%%:*}
    batch_bytes $grid slot
    grep -q "^nodes *$nodes of $((ranks / nodes)) ranks" "$dir/out" || fail "the nodes are not said: $(cat "$dir/out")"
    block=$bytes
    batch_bytes $grid node
    axis=$(sed -n 's/^nodes .* that leaves them is //p' "$dir/out")
    "$PYTHON" - "$grid" $nodes $ranks "$axis" $block $bytes << 'END2' || fail "grid $grid: bytes that leave a node"
import sys
size = dict(zip(("batch", "rows", "columns"), map(int, sys.argv[1].split(","))))
nodes, ranks, axis, block, cyclic = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
cells, samples, chunks, here = [16, 512, 512, 1], 128, 2, ranks // nodes
# Over how many nodes an axis goes: with one rank on each, all do.
spans = {a: size[a] if here == 1 else nodes if a == axis else 1 for a in size}
particles = sum(a * b for a, b in zip(cells, cells[1:]))
def leaves(values, *axes):
    """Bytes of a node's ranks for sums of so many values over those axes: doubles there, floats back; a node's sum leaves it once."""
    group, over = 1, 1
    for a in axes:
        group, over = group * size[a], over * spans[a]
    return here * over / group * 12 * values * (over - 1) / over
rounds = chunks / size["batch"]
model = leaves(particles / (size["rows"] * size["columns"]), "batch")
model += 2 * rounds * leaves(512 / size["columns"] * samples, "rows")  # forward of layer 0, backward of layer 1
model += rounds * leaves(512 / size["rows"] * samples, "columns")  # forward of layer 1
model += rounds * leaves(samples, "rows", "columns")  # outputs
print(f"{nodes} nodes, grid {sys.argv[1]}, {axis} leaves: {block} and {cyclic} bytes a batch, model {model:.0f}")
assert abs(block / model - 1) < 0.1 and abs(cyclic / model - 1) < 0.1
END2
done
exit $failed
