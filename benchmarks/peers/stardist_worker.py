"""StarDist's side of the speed benchmark; runs in StarDist's own environment, with none of our code.

    .venv-stardist/bin/python stardist_worker.py FIELDS.npz THREADS

FIELDS.npz holds ``images`` (n, Y, X) and ``labels`` (n, Y, X). Once ready it prints one line of JSON, then reads
numbers of images from its input, one a line, segments that image, and answers each with one line of JSON.

The network is that of the pretrained '2D_versatile_fluo' (32 rays, grid 2 x 2, depth 3, 32 filters) with untrained
weights, since the pretrained ones would have to be downloaded; its time does not depend on them. What it predicts is
then replaced by the probabilities and distances of the true labels, so that the rest of ``predict_instances``
(candidates, suppression, polygons to labels) works on what a well trained network gives it.
"""

import json
import os
import sys
import tempfile
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def main(path, threads):
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import stardist
    from csbdeep.utils import normalize
    from stardist.geometry import star_dist
    from stardist.models import Config2D, StarDist2D
    from stardist.utils import edt_prob

    with np.load(path) as fields:
        images, labels = fields["images"], fields["labels"]
    config = Config2D(n_rays=32, grid=(2, 2), n_channel_in=1, unet_n_depth=3, unet_n_filter_base=32)
    with tempfile.TemporaryDirectory() as folder:
        model = StarDist2D(config, name="untrained", basedir=folder)
    model.thresholds = {"prob": 0.5, "nms": 0.4}
    truth = [
        (
            edt_prob(lab)[None, ::2, ::2, None].astype(np.float32),
            star_dist(lab, 32, grid=(2, 2))[None].astype(np.float32),
        )
        for lab in labels
    ]
    network = model.keras_model.predict
    run = {"image": 0, "seconds": 0.0}

    def predict(x, **options):
        start = time.perf_counter()
        shapes = [y.shape for y in network(x, **options)]
        run["seconds"] = time.perf_counter() - start
        maps = truth[run["image"]]
        assert shapes == [y.shape for y in maps], shapes
        return list(maps)

    model.keras_model.predict = predict
    ready = {"stardist": stardist.__version__, "tensorflow": tf.__version__}
    print(json.dumps(ready), file=answers)
    for line in sys.stdin:
        run["image"] = int(line)
        image = images[run["image"]]
        start = time.perf_counter()
        normalised = normalize(image, 1, 99.8)
        middle = time.perf_counter()
        found, _ = model.predict_instances(normalised)
        seconds = time.perf_counter() - start
        times = {
            "seconds": seconds,
            "normalise": middle - start,
            "network": run["seconds"],
            "decode": seconds - (middle - start) - run["seconds"],
            "objects": int(found.max()),
        }
        print(json.dumps(times), file=answers)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
