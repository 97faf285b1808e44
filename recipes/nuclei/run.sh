#!/usr/bin/env bash
# Train the built-in nuclei model on one core: the dark expert, from its weights the bright one in half the time, and
# pack both. Started again with the same work folder, it goes on where it stopped.
#
#     recipes/nuclei/run.sh [WORKFOLDER] [MINUTES]
#
# Needs the extras train and demo, and DSB2018 in $MICROGRAPHIA_DATA/dsb2018 (default ../shared/data).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
data=${MICROGRAPHIA_DATA:-$root/../shared/data}/dsb2018
work=${1:-$root/build/nuclei}
minutes=${2:-85}
python=${PYTHON:-python3}

mkdir -p "$work"
cd "$here"
export OMP_NUM_THREADS=1 # as what ships was trained
"$python" train.py dark "$data" "$work" --minutes "$minutes" | tee -a "$work/dark.log"
"$python" train.py bright "$data" "$work" --minutes "$((minutes / 2))" --start "$work/dark/weights.pt" |
    tee -a "$work/bright.log"
"$python" pack.py "$data" "$work" "$root/src/micrographia/models/builtin/nuclei.zip"
