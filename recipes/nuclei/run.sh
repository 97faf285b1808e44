#!/usr/bin/env bash
# Train the built-in nuclei model: both experts at once, one thread each, then pack them.
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
minutes=${2:-120}
python=${PYTHON:-python3}

mkdir -p "$work"
cd "$here"
"$python" train.py dark "$data" "$work" --minutes "$minutes" >> "$work/dark.log" & dark=$!
"$python" train.py bright "$data" "$work" --minutes "$minutes" >> "$work/bright.log" & bright=$!
trap 'kill -INT $dark $bright 2>/dev/null || true' INT TERM
wait $dark
wait $bright
"$python" pack.py "$data" "$work" "$root/src/micrographia/models/builtin/nuclei.zip"
