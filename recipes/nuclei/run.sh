#!/usr/bin/env bash
# Train the built-in nuclei model: the dark expert and, beside it on the other core, one that sees crowded nuclei; from
# the weights of the second the bright expert in half the time; then pack the dark and the bright one.
# Started again with the same work folder, it goes on where it stopped.
#
#     recipes/nuclei/run.sh [WORKFOLDER] [MINUTES]
#
# Needs the extras train and demo, and DSB2018 in $MICROGRAPHIA_DATA/dsb2018 (default ../shared/data).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
data=${MICROGRAPHIA_DATA:-$root/../shared/data}/dsb2018
work=${1:-$root/build/nuclei}
minutes=${2:-90}
python=${PYTHON:-python3}

mkdir -p "$work"
cd "$here"
export OMP_NUM_THREADS=1 # one core each: two threads of two programs wait for each other
"$python" train.py dark "$data" "$work" --minutes "$minutes" >>"$work/dark.log" &
dark=$!
trap 'kill "$dark" 2>/dev/null || true' EXIT # a stop stops both
"$python" train.py crowded "$data" "$work" --minutes "$minutes" | tee -a "$work/crowded.log"
wait "$dark"
"$python" train.py bright "$data" "$work" --minutes "$((minutes / 2))" --start "$work/crowded/weights.pt" |
    tee -a "$work/bright.log"
"$python" pack.py "$data" "$work" "$root/src/micrographia/models/builtin/nuclei.zip"
