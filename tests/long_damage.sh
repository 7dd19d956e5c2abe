#!/bin/sh
# 2,000 random bit flips and 500 truncations of checkpoints and archive files: each must be detected by verify, or leave all that is
# read from the file as it was; and a failure or a kill at every 41st file operation of a run. SEED repeats a series.
seed=${SEED:-$(date +%s)}
echo "seed $seed"
SEED=$seed DAMAGE_FLIPS=${FLIPS:-2001} DAMAGE_CUTS=${CUTS:-501} "$BUILD/tests/test_damage" test_damage &&
    FAULT_STEP=${STEP:-41} "$BUILD/tests/test_store" test_faults
