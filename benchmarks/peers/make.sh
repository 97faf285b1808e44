#!/bin/sh
# Make the virtual environments of the peers, one each, where they are missing.
#
#     benchmarks/peers/make.sh
#
# STARDIST_ENV names the folder of StarDist's (benchmarks/peers/.venv-stardist); PYTHON the Python to make it with
# (TensorFlow has none for the newest: 3.11 to 3.13 are safe). About 2 GB on disk.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
env=${STARDIST_ENV:-$here/.venv-stardist}

if [ -e "$env/.complete" ]; then
    echo "$env is there already"
    exit 0
fi
"${PYTHON:-python3}" -m venv "$env"
"$env/bin/python" -m pip install --quiet --disable-pip-version-check 'stardist==0.9.*' 'tensorflow-cpu'
"$env/bin/python" -c 'import stardist.models, tensorflow; print("stardist", stardist.__version__, "tensorflow", tensorflow.__version__)'
touch "$env/.complete"
