#!/bin/sh
# The paper's two experiments in a minute or two: trained on this machine's cores, probed, drawn, and set beside the paper.
#   jobs/demo.sh [FOLDER]        (make demo) FOLDER: of the runs, runs/demo
# Run again, it does only what is not there yet. Environment: as in local.sh; SEEDS (of experiment 1: 10), IMAGE_SEEDS (of
# experiment 2: 3), MNIST (folder of its data: data/mnist).
set -u
. "$(dirname "$0")/local.sh"
runs=${1:-runs/demo}
begin=$(seconds)
experiments="$runs/addition $runs/addition-conventional"

# Whether seed 1 went the way that the configuration file tells of; runs with other options go another way.
reproduced()
{
    wanted=$(sed -n 's/^# Fingerprint of epoch \([0-9]*\), seed 1: \([0-9a-f]*\).*/\1 \2/p' "$2")
    [ -n "$wanted" ] && [ -z "$OPTIONS" ] || return 0
    found=$(awk -F, -v epoch="${wanted% *}" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "fingerprint") at = i }
        $1 == epoch { print $at }' "$1/seed-1/metrics.csv")
    if [ "$found" = "${wanted#* }" ]; then
        echo "Reproduced: conf/${2##*/} has the fingerprint $found at epoch ${wanted% *}"
    else
        echo "NOT REPRODUCED: conf/${2##*/} has the fingerprint $found at epoch ${wanted% *}, not ${wanted#* }"
    fi
}

say "Experiment 1: 2-3-3-1 particles learn to add two numbers"
train "$runs/addition" "$conf/addition.yaml" "${SEEDS:-10}"
train "$runs/addition-conventional" "$conf/addition.yaml" "${SEEDS:-10}" --set organism.edges=scalar \
    --set run.name=addition-conventional
probes "$runs/addition" "$runs/addition-conventional"

say "Experiment 2: 225-5-5-10 particles learn to tell images"
if images; then
    train "$runs/$images" "$conf/$images.yaml" "${IMAGE_SEEDS:-3}" --set task.path="$images_at"
    train "$runs/$images-conventional" "$conf/$images.yaml" "${IMAGE_SEEDS:-3}" --set task.path="$images_at" \
        --set organism.edges=scalar --set run.name="$images-conventional"
    probes "$runs/$images" "$runs/$images-conventional"
    experiments="$experiments $runs/$images $runs/$images-conventional"
else
    say "Experiment 2 is left out: it has no data"
    images=
fi

say "Figures, report"
for name in addition $images; do
    once "$runs/figures/$name/.drawn" "$runs/$name" tool figure all "$runs/$name" --output "$runs/figures/$name" > /dev/null || exit 1
done
once "$runs/.drawn" "$experiments" tool report $experiments --output "$runs/report.html" --quiet > /dev/null || exit 1

echo
tool table $experiments || exit 1
echo
reproduced "$runs/addition" "$conf/addition.yaml"
[ -z "$images" ] || reproduced "$runs/$images" "$conf/$images.yaml"
echo
echo "Figures   $runs/figures"
echo "Report    $runs/report.html"
echo "All in $(($(seconds) - begin)) s. Next: make paper, docs/tutorial.md, docs/reproduction.md"
[ -n "$images" ]
