"""The paint engine: what it shows is what the classifier says, new work ends old work, nothing stale passes as new.

Where threads meet, every order of events is forced with events; nothing sleeps.
"""

import threading
import tracemalloc

import numpy as np
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.painting.painter import Painter
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes

PATIENCE = 60.0
WHOLE = (slice(0, 10**6), slice(0, 10**6))


def method(**parameters):
    return PixelClassifier(**{"sigmas": (0.7, 1.6), "trees": 8, **parameters})


def picture(shape=(90, 110), seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    stripes = np.sin(x / 7) + np.cos(y / 9)
    return (stripes + rng.normal(0, 0.4, shape)).astype(np.float32)


def row(y, x0, x1):
    return np.stack([np.full(x1 - x0, y), np.arange(x0, x1)], 1)


def paint(painter):
    painter.add(row(20, 10, 40), 1)
    painter.add(row(50, 30, 70), 2)
    return painter


@pytest.fixture
def painter():
    with Painter(picture(), method(), tile=32, threads=2) as one:
        yield one


class Held:
    """Takes views; holds the engine at the first one that is asked for, until it is released."""

    def __init__(self):
        self.views, self.arrived, self.release = [], threading.Event(), threading.Event()
        self.at = None

    def __call__(self, view):
        self.views.append(view)
        if self.at is not None and self.at(view):
            self.at = None
            self.arrived.set()
            assert self.release.wait(PATIENCE)

    def hold(self, at):
        self.at = at
        self.arrived.clear()
        self.release.clear()


@pytest.fixture
def held():
    deliver = Held()
    with Painter(picture(), method(), tile=32, threads=2, deliver=deliver) as one:
        yield one, deliver
        deliver.release.set()


def put_together(views, shape, classes=2):
    whole = np.full((classes, *shape), np.nan, np.float32)
    for view in views:
        if view.step == 1:
            whole[(slice(None), *view.region)] = view.probabilities
    return whole


@pytest.mark.parametrize("parameters", [{}, {"balance": True}, {"samples": 40}])
def test_the_same_strokes_give_the_same_probabilities_bit_for_bit(parameters, monkeypatch):
    monkeypatch.setattr("micrographia.classify.pixels.painted_pixels.FEWEST", 10)
    with Painter(picture(), method(**parameters), tile=32) as painter:
        rng = np.random.default_rng(0)
        dense = np.zeros((90, 110), int)
        for k in range(8):
            y, x = rng.integers(0, 80), rng.integers(0, 70)
            where = np.concatenate([row(y, x, x + 30), row(y + 5, x + 10, x + 40)])
            label = k % 3
            painter.add(where, label) if label else painter.erase(where)
            dense[tuple(where.T)] = label
        painter.add(row(3, 0, 50), 1)
        painter.undo()
        np.testing.assert_array_equal(painter.labels(), dense)
        expected = method(**parameters).fit(Strokes([picture()], [dense])).predict(picture())
        view = painter.predict(WHOLE)
        np.testing.assert_array_equal(view.probabilities, expected)
        assert painter.is_current(view) and view.region == (slice(0, 90), slice(0, 110))
        part = painter.predict((slice(13, 77), slice(31, 66)))
        np.testing.assert_array_equal(part.probabilities, expected[:, 13:77, 31:66])
        np.testing.assert_array_equal(painter.fit().predict(picture()), expected)


@pytest.mark.parametrize(
    "axes, dimensions, at, region",
    [
        ("CYX", 2, (), WHOLE),
        ("YXS", 2, (), WHOLE),
        ("ZYX", 2, (1,), WHOLE),
        ("ZYX", 3, (), (slice(1, 2), *WHOLE)),
        ("TCZYX", 3, (1,), (slice(0, 1), *WHOLE)),
    ],
)
def test_stacks_volumes_channels_and_colours(axes, dimensions, at, region):
    sizes = {"T": 2, "C": 2, "Z": 3, "Y": 40, "X": 44, "S": 3}
    image = Image(picture(tuple(sizes[a] for a in axes)), axes)
    shape = tuple(sizes[a] for a in axes if a not in "CS")
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(shape) < 0.01, rng.integers(1, 3, shape), 0)
    one = method(dimensions=dimensions, trees=4)
    with Painter(image, one, labels=labels, tile=16) as painter:
        view = painter.predict(region, at)
    expected = one.fit(Strokes([image], [labels])).predict(image)
    np.testing.assert_array_equal(view.probabilities, expected[(slice(None), *at, *view.region)])


@pytest.mark.parametrize("parameters", [{"samples": 300}, {"filters": ("gaussian", "entropy")}])
def test_slices_count_alike_in_the_painter_and_in_fit(parameters, monkeypatch):
    monkeypatch.setattr("micrographia.classify.pixels.painted_pixels.FEWEST", 10)
    monkeypatch.setattr("micrographia.classify.pixels.intensity_levels._WINDOW", {2: (8, 8)})
    image = Image(picture((5, 40, 44)), "ZYX")
    rng = np.random.default_rng(2)
    labels = np.where(rng.random((5, 40, 44)) < 0.1, rng.integers(1, 4, (5, 40, 44)), 0)
    labels[1] = 0
    with Painter(image, method(**parameters), labels=labels, tile=16) as painter:
        view = painter.predict(WHOLE, (3,))
        fitted = method(**parameters).fit(Strokes([image], [labels]))
        assert painter.tiles.bank.levels == fitted.bank_.levels
    np.testing.assert_array_equal(view.probabilities, fitted.predict(image)[:, 3])


class Huge:
    """A plane that is in no memory: 0, but 1 and 2 in two squares over the borders of windows."""

    shape, ndim, dtype = (20_000, 20_000), 2, np.dtype(np.uint8)

    def __getitem__(self, window):
        y, x = (np.arange(s.start, s.stop) for s in window)
        part = np.zeros((len(y), len(x)), np.uint8)
        for label, corner in ((1, 2000), (2, 14_300)):
            part[np.ix_((y >= corner) & (y < corner + 90), (x >= corner) & (x < corner + 90))] = label
        return part


def test_a_huge_image_is_in_memory_only_where_something_is_painted():
    image = Image(Huge(), "YX")
    classifier = method(samples=2000)
    tracemalloc.start()
    try:
        with Painter(image, classifier, labels=image) as painter:
            assert len(painter._labelled.pixels) == 2 * 90**2
            assert np.unique(painter._labelled.strokes).tolist() == [0, 1]
            pixels, classes = painter._model._samples(painter._labelled)
            assert np.bincount(classes).tolist() == [1000, 1000] and len(np.unique(pixels)) == 2000
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()


def test_lazy_images_are_read_where_they_are_looked_at(tmp_path):
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(store=tmp_path / "a.zarr", shape=(90, 110), chunks=(32, 32), dtype=np.float32)
    array[:] = picture()
    with Painter(Image(array, "YX"), method(), tile=32) as painter, Painter(picture(), method()) as other:
        lazy, plain = paint(painter).predict(WHOLE), paint(other).predict(WHOLE)
    np.testing.assert_array_equal(lazy.probabilities, plain.probabilities)


def test_a_coarse_view_is_every_fourth_pixel_of_the_full_one(painter):
    paint(painter)
    full = painter.predict(WHOLE).probabilities
    np.testing.assert_array_equal(painter.predict(WHOLE, level="coarse").probabilities, full[:, ::4, ::4])
    part = painter.predict((slice(6, 43), slice(33, 110)), level="coarse")
    np.testing.assert_array_equal(part.probabilities, full[:, 8:43:4, 36::4])
    assert part.step == 4


@pytest.mark.parametrize("region", [(slice(-10, 650), slice(-5, 800)), (slice(None, None), slice(-1, None))])
def test_a_viewport_may_reach_beyond_the_image(painter, region):
    view = paint(painter).predict(region)
    assert view.region == (slice(0, 90), slice(0, 110))
    np.testing.assert_array_equal(view.probabilities, painter.predict(WHOLE).probabilities)
    part = painter.predict((slice(-30, 20), slice(100, 300)), level="coarse")
    assert part.region == (slice(0, 20), slice(100, 110))


def test_where_much_is_painted_a_few_trees_give_the_first_look(monkeypatch):
    monkeypatch.setattr("micrographia.classify.painting.live_model.MANY", 10)
    monkeypatch.setattr("micrographia.classify.painting.live_model.QUICK_TREES", 3)
    with Painter(picture(), method(trees=9), tile=32) as painter, Painter(picture(), method(trees=3)) as small:
        painter.look(WHOLE)
        assert painter.wait(PATIENCE)
        paint(painter)
        assert painter.wait(PATIENCE)
        coarse, *full = painter.poll()
        few = paint(small).predict(WHOLE).probabilities
        np.testing.assert_array_equal(coarse.probabilities, few[:, ::4, ::4])
        np.testing.assert_array_equal(put_together(full, (90, 110)), painter.predict(WHOLE).probabilities)
        # once all trees have grown they are used
        full = painter.predict(WHOLE).probabilities
        np.testing.assert_array_equal(painter.predict(WHOLE, level="coarse").probabilities, full[:, ::4, ::4])


def test_only_what_is_visible_of_a_tile_is_classified():
    with Painter(picture((300, 300)), method(), tile=256) as painter:
        paint(painter).look((slice(70, 130), slice(0, 300)))
        assert painter.wait(PATIENCE)
        seen = {str(view.region) for view in painter.poll() if view.step == 1}
    assert seen == {str((slice(64, 192), slice(0, 256))), str((slice(64, 192), slice(256, 300)))}


def test_a_new_stroke_costs_no_new_features(painter):
    paint(painter).predict(WHOLE)
    computed = []
    compute = painter.tiles._compute
    painter.tiles._compute = lambda tile: computed.append(tile) or compute(tile)
    painter.add(row(70, 5, 60), 1)
    painter.predict(WHOLE)
    assert computed == []


def test_memory_is_bounded_and_the_result_the_same(painter):
    paint(painter)
    per_tile = 32 * 32 * 4 * painter.tiles.bank.count(1)
    with Painter(picture(), method(), tile=32, memory=2 * per_tile) as small:
        view = paint(small).predict(WHOLE)
        assert small.tiles.kept.nbytes <= 2 * per_tile
    np.testing.assert_array_equal(view.probabilities, painter.predict(WHOLE).probabilities)


def test_undo_gives_the_earlier_probabilities_under_a_new_version(painter):
    before = paint(painter).predict(WHOLE)
    painter.add(row(75, 0, 100), 2)
    between = painter.predict(WHOLE)
    painter.undo()
    after = painter.predict(WHOLE)
    painter.redo()
    again = painter.predict(WHOLE)
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
    np.testing.assert_array_equal(again.probabilities, between.probabilities)
    assert (between.probabilities != before.probabilities).any()
    assert before.version < between.version < after.version < again.version
    assert not painter.is_current(before) and painter.is_current(again)


def test_in_the_background_features_are_prepared_and_then_shown_coarse_and_in_full(held):
    painter, deliver = held
    painter.look(WHOLE)
    assert painter.wait(PATIENCE) and deliver.views == []
    assert len(painter.tiles.kept) == 12, "prepared before the first stroke"
    deliver.hold(lambda view: True)
    painter.add(row(20, 10, 40), 1)
    version = painter.add(row(50, 30, 70), 2)
    assert deliver.arrived.wait(PATIENCE)
    assert (deliver.views[0].step, deliver.views[0].version) == (4, version)
    deliver.release.set()
    assert painter.wait(PATIENCE)
    assert [view.step for view in deliver.views] == [4] + [1] * 12
    assert [view.last for view in deliver.views] == [False] * 12 + [True]
    expected = painter.predict(WHOLE)
    np.testing.assert_array_equal(put_together(deliver.views, (90, 110)), expected.probabilities)
    np.testing.assert_array_equal(deliver.views[0].probabilities, expected.probabilities[:, ::4, ::4])


@pytest.mark.parametrize("step", [4, 1])
def test_a_new_stroke_ends_what_is_under_way(held, step):
    painter, deliver = held
    painter.look(WHOLE)
    assert painter.wait(PATIENCE)
    painter.add(row(20, 10, 40), 1)
    deliver.hold(lambda view: view.step == step)
    old = painter.add(row(50, 30, 70), 2)
    assert deliver.arrived.wait(PATIENCE)
    count = len(deliver.views)
    assert all(painter.is_current(view) for view in deliver.views)
    new = painter.add(row(70, 30, 70), 1)
    assert not any(painter.is_current(view) for view in deliver.views), "what is shown is known to be old at once"
    deliver.release.set()
    assert painter.wait(PATIENCE)
    assert {view.version for view in deliver.views[:count]} == {old}
    assert {view.version for view in deliver.views[count:]} == {new}, "nothing old comes after"
    np.testing.assert_array_equal(put_together(deliver.views[count:], (90, 110)), painter.predict(WHOLE).probabilities)


def test_another_viewport_ends_what_is_under_way(held):
    painter, deliver = held
    paint(painter)
    deliver.hold(lambda view: view.step == 1)
    painter.look(WHOLE)
    assert deliver.arrived.wait(PATIENCE)
    painter.look((slice(64, 90), slice(64, 96)))
    deliver.release.set()
    assert painter.wait(PATIENCE)
    full = [view for view in deliver.views if view.step == 1]
    assert len(full) == 2, "one tile of the first viewport, the only one of the second"
    assert full[-1].region == (slice(64, 90), slice(64, 96)) and full[-1].last


def test_full_tiles_of_the_same_version_are_not_made_again(held):
    painter, deliver = held
    paint(painter).look(WHOLE)
    assert painter.wait(PATIENCE)
    first = {str(view.region): view.probabilities for view in deliver.views if view.step == 1}
    deliver.views.clear()
    painter.look((slice(0, 60), slice(0, 60)))
    assert painter.wait(PATIENCE)
    assert [view.step for view in deliver.views] == [1] * 4
    assert all(view.probabilities is first[str(view.region)] for view in deliver.views)


def test_views_can_be_polled(painter):
    paint(painter).look(WHOLE)
    assert painter.wait(PATIENCE)
    views = painter.poll()
    np.testing.assert_array_equal(put_together(views, (90, 110)), painter.predict(WHOLE).probabilities)
    assert painter.poll() == []
    painter.add(row(70, 30, 70), 1)
    assert painter.wait(PATIENCE)
    assert {view.version for view in painter.poll()} == {painter.version}


def test_views_of_what_was_seen_before_are_not_polled(painter):
    paint(painter).look((slice(0, 32), slice(0, 32)))
    assert painter.wait(PATIENCE)
    painter._background.ask = lambda task: None
    painter.look((slice(64, 90), slice(0, 32)))
    assert painter.poll() == []
    painter.add(row(70, 30, 70), 1)
    assert painter.poll() == []
    with painter._lock:
        painter._waiting.append("a view")
    painter.add(row(71, 30, 70), 1)
    assert painter.poll() == []


def test_what_goes_wrong_is_told_and_the_next_stroke_works_again(painter):
    read = painter.channels.read

    def broken(at, window):
        raise OSError("the disk is gone")

    painter.channels.read = broken
    paint(painter).look(WHOLE)
    with pytest.raises(OSError, match="the disk is gone"):
        painter.wait(PATIENCE)
    painter.channels.read = read
    painter.add(row(70, 30, 70), 1)
    assert painter.wait(PATIENCE)
    assert painter.poll()[-1].last


def test_many_threads_may_paint_and_look():
    with Painter(picture(), method(), tile=32) as painter:
        painter.look(WHOLE)
        failures = []

        def scribble(k):
            try:
                for j in range(4):
                    painter.add(row(10 * k + 2 * j, 5, 60), 1 + (k + j) % 2)
                    painter.look((slice(10 * k, 90), slice(0, 50 + j)))
                    painter.poll()
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=scribble, args=(k,)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        painter.look(WHOLE)
        assert not failures and painter.wait(PATIENCE)
        assert painter.version == 24
        views = [view for view in painter.poll() if painter.is_current(view)]
        expected = method().fit(Strokes([picture()], [painter.labels()])).predict(picture())
        np.testing.assert_array_equal(put_together(views, (90, 110)), expected)


def test_closing_leaves_no_thread_and_no_memory(held):
    painter, deliver = held
    others = set(threading.enumerate())
    paint(painter)
    deliver.hold(lambda view: True)
    painter.look(WHOLE)
    assert deliver.arrived.wait(PATIENCE)
    closing = threading.Thread(target=painter.close)
    closing.start()
    deliver.release.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert not set(threading.enumerate()) - others
    assert painter.tiles.kept.nbytes == 0
    painter.close()
    for change in (lambda: painter.add(row(3, 3, 9), 1), painter.undo, lambda: painter.look(WHOLE),
                   lambda: painter.predict(WHOLE), painter.contradictions):  # fmt: skip
        with pytest.raises(RequestError, match="was closed"):
            change()
    assert painter.wait(PATIENCE) is False


class Ending:
    """Closes a painter in a thread of its own, up to where nothing new can be computed."""

    def __init__(self, painter):
        self.reached, shutdown = threading.Event(), painter._pool.shutdown

        def announced(**_):
            shutdown(wait=False, cancel_futures=True)
            self.reached.set()
            shutdown(wait=True)

        painter._pool.shutdown = announced
        self.thread = threading.Thread(target=painter.close)

    def begin(self):
        self.thread.start()
        assert self.reached.wait(PATIENCE)


@pytest.mark.parametrize(
    "where, ask",
    [
        (lambda painter: (painter.channels, "read"), lambda painter: painter.predict(WHOLE)),
        (lambda painter: (painter.channels, "read"), Painter.contradictions),
        (lambda painter: (painter._model, "_fit"), lambda painter: painter.predict(WHOLE)),
    ],
    ids=["predict, features", "contradictions, features", "predict, forest"],
)
def test_what_is_asked_while_the_painter_is_closed_is_refused_in_words(where, ask):
    with Painter(picture(), method(), tile=32, threads=1) as painter:
        paint(painter)
        ending = Ending(painter)
        owner, name = where(painter)
        work = getattr(owner, name)

        def interrupted(*arguments):
            if not ending.reached.is_set():
                ending.begin()
            return work(*arguments)

        setattr(owner, name, interrupted)
        with pytest.raises(RequestError, match="was closed"):
            ask(painter)
        ending.thread.join(PATIENCE)
        assert not ending.thread.is_alive()
        assert painter._model._rows.size == 0 and painter.tiles.kept.nbytes == 0


def test_a_painter_may_be_closed_where_views_are_delivered():
    painters, views = [], []

    def deliver(view):
        views.append(view)
        painters[0].close()

    with Painter(picture(), method(), tile=32, threads=1, deliver=deliver) as painter:
        painters.append(painter)
        painter.look(WHOLE)
        assert painter.wait(PATIENCE)
        painter.add(row(20, 10, 40), 1)
        painter.add(row(50, 30, 70), 2)
        painter._background._thread.join(PATIENCE)
        assert painter.wait(PATIENCE) is False
    assert [view.step for view in views] == [4]


def test_a_contradicting_stroke_is_found_and_shown():
    image = np.zeros((80, 80), np.float32)
    image[:, 40:] = 1
    image += np.random.default_rng(0).normal(0, 0.1, image.shape).astype(np.float32)
    with Painter(image, method(trees=30), tile=64) as painter:
        for y in range(5, 75, 12):
            painter.add(row(y, 5, 25), 1)
            painter.add(row(y, 50, 70), 2)
        painter.add(row(40, 52, 66), 1)
        ((found, where),) = painter.contradictions()
        assert (found.given, found.likely) == (1, 2) and found.share > 0.3
        assert set(where[:, 0]) == {40} and where[:, 1].min() >= 52
        painter.erase(where)
        painter.erase(row(40, 52, 66))
        assert painter.contradictions() == []


def test_strokes_that_are_there_already_are_pieces_and_stay():
    labels = np.zeros((90, 110), int)
    labels[10, 5:30] = labels[30, 5:30] = 1
    labels[50, 40:80] = 2
    with Painter(picture(), method(), labels=labels, tile=32) as painter:
        assert len(np.unique(painter._labelled.strokes)) == 3
        painter.undo()
        np.testing.assert_array_equal(painter.labels(), labels)
        painter.add(row(70, 3, 9), 1)
        painter.undo()
        np.testing.assert_array_equal(painter.labels(), labels)
    with pytest.raises(RequestError, match="no class 2; there are 1: cell"):
        Painter(picture(), method(), labels=labels, classes=("cell",))


def test_bad_requests_are_refused_in_words(painter):
    with pytest.raises(InputError, match="outside the image of 90 x 110"):
        painter.add(row(89, 100, 111), 1)
    with pytest.raises(RequestError, match="no class 0"):
        painter.add(row(1, 1, 2), 0)
    with pytest.raises(InputError, match="whole number from 1, not '1'"):
        painter.add(row(1, 1, 2), "1")
    with pytest.raises(InputError, match="viewport lies outside"):
        painter.look((slice(90, 100), slice(0, 10)))
    with pytest.raises(InputError, match="viewport lies outside"):
        painter.look((slice(-20, -10), slice(0, 10)))
    with pytest.raises(InputError, match="a slice for each of Y, X"):
        painter.look((slice(0, 1), slice(0, 10), slice(0, 10)))
    for region in [(3, slice(0, 5)), (slice(0, 5), slice(0, 9, 2)), (slice(0.5, 5), slice(0, 5)), 3]:
        with pytest.raises(InputError, match="a slice for each of Y, X, without a step, and a position"):
            painter.look(region)
    with pytest.raises(InputError, match="a position for each of no axes"):
        painter.look(WHOLE, 0)
    for side in (30, 0, -4):
        with pytest.raises(RequestError, match="a multiple of 4"):
            Painter(picture(), tile=side)
    with pytest.raises(RequestError, match="At least one thread"):
        Painter(picture(), threads=-1)
    with pytest.raises(RequestError, match="coarse or full, not 'fine'"):
        painter.predict(WHOLE, level="fine")
    assert painter.contradictions() == []
    painter.add(row(1, 1, 20), 1)
    assert painter.contradictions() == []
    with pytest.raises(InputError, match="at least two classes"):
        painter.predict(WHOLE)
    with pytest.raises(InputError, match="must lie on the image"):
        Painter(picture(), method(), labels=np.zeros((3, 3), int))
    with Painter(picture(), method(), classes=("cell", "ground")) as named:
        named.add(row(1, 1, 2), 2)
        with pytest.raises(RequestError, match="no class 3; there are 2: cell, ground"):
            named.add(row(1, 1, 2), 3)


def test_a_stroke_for_each_of_many_classes():
    with Painter(picture(), method(samples=40), tile=32, threads=2) as painter:
        for k in range(12):
            painter.add(row(2 + 7 * k, 10, 40), k + 1)
        assert painter.predict(WHOLE).probabilities.shape[0] == 12
        assert painter.fit().classes_[-1] == "class 12"


def test_forty_strokes_on_a_real_slice(data_dir):
    folder = data_dir / "isbi2012"
    if not folder.is_dir():
        pytest.skip(f"no isbi2012 in {data_dir}")
    from imagecodecs import imread

    image, truth = imread(folder / "images" / "02.png"), imread(folder / "labels" / "02.png") > 127
    with Painter(image, PixelClassifier(trees=30), classes=("membrane", "cell")) as painter:
        rng = np.random.default_rng(0)
        for _ in range(40):
            y, x = rng.integers(0, 256), rng.integers(0, 490)
            where = row(y, x, x + 20)
            inside = truth[tuple(where.T)]
            for label, part in ((1, where[~inside]), (2, where[inside])):
                if len(part):
                    painter.add(part, label)
        view = painter.predict((slice(256, 512), slice(0, 512)))
    accuracy = ((view.probabilities[1] > 0.5) == truth[256:]).mean()
    assert accuracy > 0.82
