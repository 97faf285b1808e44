"""The engine behind a paint window: a stroke is added, and the visible part of the image is classified anew.

It keeps the features of the tiles that were looked at, so that a new stroke costs the growing of a forest and its
prediction: first a coarse view, every fourth pixel, then tile by tile in full. It works in a thread of its own. A new
stroke or another viewport ends what is under way. Every result says from which version of the strokes it was made,
and what is shown as current can therefore always be told from what is not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, Self, get_args

import numpy as np

from micrographia.arrays.blocks import Block
from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.learners.contradictions import Contradiction
from micrographia.classify.painting.feature_tiles import SIDE, FeatureTiles
from micrographia.classify.painting.live_model import LiveModel
from micrographia.classify.painting.newest_task import GivenUp, NewestTask, Outdated
from micrographia.classify.painting.stroke_history import Labelled, StrokeHistory
from micrographia.classify.painting.views import COARSE, TileViews, View, Viewport, assembled, viewport_of
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.painted_pixels import painted_pixels
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes, class_names
from micrographia.models.runtime import thread_count

Level = Literal["coarse", "full"]


class Painter:
    """One image, the strokes on it and a classifier that learns from them while they are painted.

    All methods may be called from any thread. What `PixelClassifier.fit` learns from the same strokes as its first
    stage, the painter learns too: its full views are bit for bit what ``fit(...).predict(...)`` gives. Automatic
    feature selection and a second stage (auto-context) are for the end: `fit`.

    Parameters
    ----------
    image : Image or array
        As :class:`~micrographia.classify.pixels.image_channels.ImageChannels` takes it; lazy images are read where
        looked at.
    classifier : PixelClassifier, optional
        Whose parameters are used (its defaults).
    labels : integer array, optional
        Strokes that are there already, of the image's shape without channels; they cannot be undone.
    classes : sequence of str, optional
        Names of the classes.
    memory : int
        Bytes of features to keep: about 200 a pixel and channel with the default features.
    threads : int, optional
        Threads to use; all usable cores where not given.
    deliver : callable, optional
        Called with each `View` of the viewport in the engine's thread; it should return soon. Without it views wait
        for `poll`.
    tile : int
        Height and width of the tiles, a multiple of 4.

    Examples
    --------
    >>> with Painter(image, deliver=canvas.show) as painter:  # doctest: +SKIP
    ...     painter.look((slice(0, 1024), slice(0, 1024)))
    ...     painter.add(pixels, 1)
    ...     painter.add(others, 2)
    """

    def __init__(
        self,
        image: Image | np.ndarray,
        classifier: PixelClassifier | None = None,
        *,
        labels: Image | np.ndarray | None = None,
        classes: Sequence[str] | None = None,
        memory: int = 768 << 20,
        threads: int | None = None,
        deliver: Callable[[View], None] | None = None,
        tile: int = SIDE,
    ) -> None:
        if tile < COARSE or tile % COARSE:
            raise RequestError(f"The side of a tile must be a multiple of {COARSE} above 0, not {tile}.")
        threads = thread_count(threads)
        self.classifier = classifier or PixelClassifier()
        self.channels = ImageChannels(image, self.classifier.dimensions)
        self.shape = (*self.channels.stack_shape, *self.channels.shape)
        self.classes = tuple(classes or ())
        self.tiles = FeatureTiles(self.channels, self.classifier.features([self.channels]), memory, tile)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tiles")
        self._model = LiveModel(self.tiles, self.classifier, len(self.classes), self._pool, threads)
        self._views = TileViews(self.tiles, self._pool)
        self._history = StrokeHistory(self.shape, self.classes)
        if labels is not None:
            self._history.take(*painted_pixels(labels, self.channels))
        self._labelled = self._history.labelled()
        self._viewport: Viewport | None = None
        self._deliver = deliver
        self._waiting: list[View] = []
        self._closed = False
        self._lock = threading.Lock()
        self._background = NewestTask(self._show, "painter")

    @property
    def version(self) -> int:
        """Version of the strokes; it grows with every change and never comes back."""
        return self._history.version

    def add(self, where: np.ndarray, label: int) -> int:
        """Paint pixels; the new version of the strokes.

        Parameters
        ----------
        where : (n, D) int array
            Pixels: an index for each axis of the image but the channels, as in its label image.
        label : int
            Class, 1 for the first.

        Raises
        ------
        InputError
            For pixels outside the image, or a class that is no whole number.
        RequestError
            Where there is no such class.
        """
        return self._change(lambda: self._history.add(where, label))

    def erase(self, where: np.ndarray) -> int:
        """Take the labels of pixels away; the new version of the strokes."""
        return self._change(lambda: self._history.erase(where))

    def undo(self) -> int:
        """Take back what was painted or erased last; the version of the strokes."""
        return self._change(self._history.undo)

    def redo(self) -> int:
        """Do again what was undone; the version of the strokes."""
        return self._change(self._history.redo)

    def look(self, region: Block, at: Sequence[int] = ()) -> None:
        """Say what is visible; it is classified in the background, now and after every change of the strokes.

        Before there are strokes of two classes its features are prepared.

        Parameters
        ----------
        region : tuple of slice
            (Y, X), or (Z, Y, X) for volumes; clipped at the image's border.
        at : sequence of int
            Position in the image's stack (T, and Z where planes are looked at).
        """
        viewport = viewport_of(self.channels, region, at)
        with self._lock:
            self._refuse_closed()
            self._viewport, self._waiting = viewport, []
            self._background.ask((self._labelled, viewport))

    def predict(self, region: Block, at: Sequence[int] = (), level: Level = "full") -> View:
        """Classify a region now, with the strokes as they are now, in the calling thread.

        Parameters
        ----------
        region, at
            As in `look`.
        level : {"full", "coarse"}
            Every pixel, or every fourth along Y and X, where much is painted by a part of the trees.

        Raises
        ------
        InputError
            Where strokes of fewer than two classes were painted.
        RequestError
            Where there is no such level, or the painter was closed, before or meanwhile.
        """
        if level not in get_args(Level):
            raise RequestError(f"A view is {' or '.join(get_args(Level))}, not '{level}'.")
        viewport = viewport_of(self.channels, region, at)
        with self._strokes() as labelled:
            model = self._model.quick(labelled) if level == "coarse" else self._model.learn(labelled)
            if model is None:
                raise InputError("Strokes of at least two classes are needed before anything can be classified.")
            if level == "coarse":
                return self._views.coarse(model, labelled.version, viewport)
            return assembled(self._views.full(model, labelled.version, viewport), viewport)

    def poll(self) -> list[View]:
        """The views that were made since the last call, of the current viewport (where `deliver` was not given)."""
        with self._lock:
            views, self._waiting = self._waiting, []
        return views

    def is_current(self, view: View) -> bool:
        """Whether nothing was painted, erased, undone or redone since."""
        return view.version == self.version

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the viewport is complete for the strokes as they are then; False where that took too long.

        What went wrong in the background is raised here.
        """
        return self._background.wait(timeout)

    def contradictions(self) -> list[tuple[Contradiction, np.ndarray]]:
        """The strokes that contradict the others, the worst first, and the pixels (n, D) where they do.

        None where strokes of fewer than two classes were painted.
        """
        with self._strokes() as labelled:
            found = self._model.contradictions(labelled)
        return [(c, np.stack(np.unravel_index(labelled.pixels[c.pixels], self.shape), axis=1)) for c in found]

    def labels(self) -> np.ndarray:
        """The strokes as a label image (uint8) of the image's shape without channels; 0 where nothing was painted."""
        with self._lock:
            labelled = self._labelled
        return labelled.image(self.shape)

    def fit(self) -> PixelClassifier:
        """A classifier that has learned from the strokes, with all its parameters: to save, and for other images."""
        labels = self.labels()
        strokes = Strokes([self.channels.image], [labels], classes=self.classes or class_names(int(labels.max())))
        return type(self.classifier)(**self.classifier.parameters()).fit(strokes)

    def close(self) -> None:
        """End the work in the background and give the memory back.

        The strokes can no longer be changed or looked at then (RequestError), but taken (`labels`) and learned from
        (`fit`).
        """
        with self._lock:
            self._closed = True
        self._background.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._model.forget()
        self.tiles.kept.clear()
        self._views.kept.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *what: object) -> None:
        self.close()

    def _change(self, edit: Callable[[], int]) -> int:
        with self._lock:
            self._refuse_closed()
            version = edit()
            if version != self._labelled.version:
                self._labelled, self._waiting = self._history.labelled(), []
                if self._viewport is not None:
                    self._background.ask((self._labelled, self._viewport))
        return version

    @contextmanager
    def _strokes(self) -> Iterator[Labelled]:
        """The strokes as they are now; work that `close` breaks off is refused as it is after it."""
        with self._lock:
            self._refuse_closed()
            labelled = self._labelled
        try:
            yield labelled
        except (CancelledError, RuntimeError):
            self._refuse_closed()
            raise

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RequestError("This painter was closed; make another one to go on painting.")

    def _show(self, task: tuple[Labelled, Viewport], outdated: Outdated) -> None:
        """In the background: classify the viewport, or prepare it where there is nothing to learn from yet."""
        labelled, viewport = task
        version = labelled.version
        if self._views.coarse_helps(version, viewport):
            quick = self._model.quick(labelled)
            if quick is not None:
                self._hand_over(self._views.coarse(quick, version, viewport, outdated), outdated)
        model = self._model.learn(labelled)
        if model is None:
            self._views.prepare(viewport, outdated)
            return
        for view in self._views.full(model, version, viewport, outdated):
            self._hand_over(view, outdated)

    def _hand_over(self, view: View, outdated: Outdated) -> None:
        with self._lock:
            if outdated():
                raise GivenUp
            if self._deliver is None:
                self._waiting.append(view)
                return
        self._deliver(view)
