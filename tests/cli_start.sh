#!/bin/sh
# organism.start: layer: in every layer the effective weights begin with the variance 2 / (cells + edges), within 15 % (at least 2000
# particles: 5 standard errors of their variance); all weights that have no part in it are those of organism.start: particle.
. tests/lib_train.sh
for particle in "3 3" "1 2" "16 2" "5 4"; do
    set -- $particle
    cat > "$dir/start.yaml" <<END
task: {kind: addition, inputs: 100}
organism: {hidden: [20, 300], activation: linear}
particle: {width: $1, layers: $2}
training: {epochs: 0}
END
    for start in particle layer; do
        expect 0 mpirun -n 3 "$metazoa" train "$dir/start.yaml" --quiet --set organism.start=$start --output "$dir/$start-$1-$2"
    done
    "$PYTHON" - "$dir/particle-$1-$2/checkpoint-0.h5" "$dir/layer-$1-$2/checkpoint-0.h5" "$1" "$2" <<'END' || fail "width $1, $2 layers"
import sys
import h5py
import numpy as np

plain, scaled = (h5py.File(name)["layers"] for name in sys.argv[1:3])
width, layers = map(int, sys.argv[3:])


def effective(weights):
    rows = weights[..., : 5 * width].reshape(*weights.shape[:2], width, 5)[..., 4]
    for k in range(1, layers):
        cells = 1 if k == layers - 1 else width
        at = 5 * width + (k - 1) * width * width
        rows = np.einsum("abij,abj->abi", weights[..., at : at + cells * width].reshape(*weights.shape[:2], cells, width), rows)
    return rows[..., 0]


for l in ("0", "1"):
    a, b = plain[l]["weights"][:].astype(float), scaled[l]["weights"][:].astype(float)
    cells, edges = a.shape[:2]
    ratio = effective(b).var() * (cells + edges) / 2
    others = np.ones(a.shape[2], bool)
    others[4 : 5 * width : 5] = False
    print(l, ratio, np.array_equal(a[..., others], b[..., others]))
    assert abs(ratio - 1) < 0.15 and np.array_equal(a[..., others], b[..., others]) and not np.array_equal(a, b)
END
done
exit $failed
