"""The regression plane: places found against places given, from features alone, also of real cells."""

import numpy as np
import pandas as pd
import pytest
from mitotic_crops import CYCLE, mitotic_table

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.gaussian_process import fit_gaussian_process
from micrographia.classify.objects.regression_plane import RegressionPlane
from micrographia.features.feature_table import feature_columns


def circle(count=240, seed=0, noise=0.05):
    """Objects on a circle; their features turn with them, and wells say nothing."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * rng.random(count)
    features = np.column_stack([np.cos(angle), np.sin(angle), np.sin(2 * angle), rng.normal(0, 1, count)])
    features += rng.normal(0, noise, features.shape)
    table = pd.DataFrame(features.astype(np.float32), columns=[f"AreaShape_{k}" for k in range(4)])
    keys = {"ImageNumber": np.arange(count) // 10, "ObjectNumber": np.arange(count) % 10}
    return table.assign(**keys, Plane_X=10 * np.cos(angle), Plane_Y=10 * np.sin(angle))


def distance(found, table):
    return np.sqrt(((found[["Plane_X", "Plane_Y"]].to_numpy() - table[["Plane_X", "Plane_Y"]].to_numpy()) ** 2).sum(1))


def test_gaussian_process_is_scikit_learns():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (40, 2)), rng.normal(0, 1, (40, 2))
    y[:, 0] += 3 * np.sin(x[:, 0])
    own = fit_gaussian_process(x, y)
    noise = 1 / np.linalg.eigvalsh(own.inverse).max()  # smallest eigenvalue of kernel and noise
    kernel = own.variance * np.exp(-((x[:, None] - x) ** 2).sum(2) / (2 * own.width**2))
    noise = float((np.linalg.inv(own.inverse) - kernel)[0, 0])
    theirs = GaussianProcessRegressor(
        ConstantKernel(own.variance, "fixed") * RBF(own.width, "fixed"), alpha=noise, optimizer=None
    ).fit(x, y - y.mean(0))
    new = rng.normal(0, 1, (25, 2))
    mean, spread = theirs.predict(new, return_std=True)
    values, own_spread = own.predict(new)
    np.testing.assert_allclose(values, mean + y.mean(0), atol=1e-6)
    np.testing.assert_allclose(own_spread, spread[:, 0], atol=1e-6)


def test_objects_find_their_places():
    train, new = circle(), circle(seed=1)
    plane = RegressionPlane().fit(train)
    assert "Plane_X" not in plane.columns_ and plane.count_ == 240
    found = plane.predict(new.drop(columns=["Plane_X", "Plane_Y"]))
    assert list(found.columns) == ["ImageNumber", "ObjectNumber", "Plane_X", "Plane_Y", "Plane_Uncertainty"]
    assert np.sqrt((distance(found, new) ** 2).mean()) < 1.5
    assert 0.3 < plane.error_ < 1.5, "as that of the new objects, which are of one noise with the old ones"
    assert plane.spread_ == pytest.approx(10, abs=0.3)
    parts = [plane.predict(new[:100]), plane.predict(new[100:])]
    pd.testing.assert_frame_equal(pd.concat(parts), found, rtol=1e-4)


def test_only_rows_with_a_place_teach():
    train = circle()
    hidden = train.copy()
    hidden.loc[::2, ["Plane_X", "Plane_Y"]] = np.nan
    both = RegressionPlane().fit(hidden)
    alone = RegressionPlane().fit(train[1::2])
    np.testing.assert_allclose(both.places(train)[0], alone.places(train)[0], rtol=1e-5)


def test_uncertainty_grows_away_from_examples_and_suggestions_go_there():
    train = circle(120)
    right = train[train["Plane_X"] > 0]
    plane = RegressionPlane().fit(right)
    _, spread = plane.places(train)
    left = (train["Plane_X"] < -5).to_numpy()
    assert spread[left].mean() > 2 * spread[(train["Plane_X"] > 0).to_numpy()].mean()
    table = train.copy()
    table.loc[table["Plane_X"] <= 0, ["Plane_X", "Plane_Y"]] = np.nan
    rows = plane.suggest(table, 6)
    assert len(set(rows)) == 6 and table["Plane_X"].isna().to_numpy()[rows].all()
    assert train["Plane_X"].to_numpy()[rows].mean() < -4
    assert np.ptp(train["Plane_Y"].to_numpy()[rows]) > 5, "suggestions differ from each other"


def test_save_load_predict(tmp_path):
    train = circle()
    plane = RegressionPlane(axes=20, seed=3).fit(train)
    path = plane.save(tmp_path / "cycle.zip")
    back = RegressionPlane.load(path)
    assert back.parameters() == plane.parameters() and back.error_ == plane.error_
    pd.testing.assert_frame_equal(back.predict(train), plane.predict(train))
    from micrographia.models.verify import test_model as verify

    assert verify(path).passed


def test_real_cells_find_their_place_in_the_cycle(data_dir):
    """Four phases of division on a circle, wells never on both sides: rms error 0.47, spread 0.98."""
    table = mitotic_table(data_dir, tuple(c for c in CYCLE if c != "MetaphaseAlignment"))
    place = {"Interphase": 0, "Prometaphase": 90, "Metaphase": 180, "Anaphase": 270}
    angle = np.deg2rad(table["Class"].map(place).to_numpy(float))
    table = table.assign(Plane_X=np.cos(angle), Plane_Y=np.sin(angle))
    plane = RegressionPlane().fit(table)
    assert plane.error_ < 0.55 * plane.spread_


def test_bad_tables_are_refused():
    table = circle(40)
    names = feature_columns(table)
    with pytest.raises(RequestError, match="no column Plane_X"):
        RegressionPlane().fit(table.drop(columns=["Plane_X"]))
    with pytest.raises(InputError, match="holds no numbers"):
        RegressionPlane().fit(table.assign(Plane_Y="left"))
    with pytest.raises(RequestError, match="the table has 2"):
        RegressionPlane().fit(table[:2])
    with pytest.raises(RequestError, match="same place"):
        RegressionPlane().fit(table.assign(Plane_X=1.0, Plane_Y=2.0))
    with pytest.raises(InputError, match="each is constant or without values"):
        RegressionPlane().fit(table.assign(**dict.fromkeys(names, 1.0)))
    with pytest.raises(InputError, match="no features"):
        RegressionPlane().fit(table.drop(columns=names))
    plane = RegressionPlane().fit(table.assign(AreaShape_3=np.nan))
    assert np.isfinite(plane.places(table)[0]).all()
    with pytest.raises(InputError, match="lacks the column AreaShape_0"):
        plane.predict(table.drop(columns=["AreaShape_0"]))
    one_well = RegressionPlane().fit(table.assign(ImageNumber=1, ObjectNumber=range(40)))
    assert one_well.error_ is None


def test_objects_without_measurements_have_no_place(tmp_path):
    train = circle()
    train.loc[:3, "AreaShape_0"] = np.inf
    plane = RegressionPlane().fit(train.assign(AreaShape_Empty=np.nan, AreaShape_Void=np.nan))
    new = circle(seed=1).assign(AreaShape_Empty=np.nan, AreaShape_Void=np.nan)
    new.loc[:9, ["AreaShape_0", "AreaShape_1", "AreaShape_2"]] = np.nan
    new.loc[10, ["AreaShape_0", "AreaShape_1"]] = np.nan
    found = plane.predict(new)[["Plane_X", "Plane_Y", "Plane_Uncertainty"]]
    assert found[:10].isna().all(axis=None) and found[10:].notna().all(axis=None)
    assert np.isnan(plane.places(new[list(plane.columns_)].to_numpy())[0][:10]).all()
    rows = plane.suggest(new.drop(columns=["Plane_X", "Plane_Y"]), 20)
    assert len(rows) == 20 and (rows >= 10).all()
    assert np.isfinite(plane.predict(RegressionPlane.load(plane.save(tmp_path / "p.zip")).example_)).all()


def test_two_thirds_of_coordinates_lie_within_the_uncertainty(tmp_path):
    train, new = circle(noise=0.2), circle(400, seed=1, noise=0.2)
    plane = RegressionPlane().fit(train)
    assert plane.scale_ != 1
    back = RegressionPlane.load(plane.save(tmp_path / "p.zip"))
    places, spread = back.places(new)
    away = np.abs(places - new[["Plane_X", "Plane_Y"]].to_numpy()) / spread[:, None]
    assert 0.58 < (away < 1).mean() < 0.78
    assert RegressionPlane().fit(train[:10].assign(ImageNumber=1)).scale_ == 1


def test_columns_that_are_left_out_are_named(tmp_path):
    table = circle(40)
    table = table.assign(AreaShape_Bad=table["AreaShape_0"].astype(object), AreaShape_Orientation=1.5, Notes="x")
    table.loc[7, "AreaShape_Bad"] = "n/a?"
    plane = RegressionPlane().fit(table)
    back = RegressionPlane.load(plane.save(tmp_path / "p.zip"))
    assert plane.columns_ == tuple(f"AreaShape_{k}" for k in range(4))
    assert back.dropped_ == plane.dropped_
    assert set(plane.dropped_) == {"AreaShape_Bad", "AreaShape_Orientation", "Notes"}
    assert "'n/a?', which is no number" in plane.dropped_["AreaShape_Bad"]
    assert plane.dropped_["AreaShape_Orientation"] == "changes when the object is turned"


def test_doubtful_examples_are_refused():
    table = circle(40)
    with pytest.raises(InputError, match="1 rows of the table repeat the key of another one"):
        RegressionPlane().fit(pd.concat([table, table[:1]]))
    half = table.copy()
    half.loc[[12, 15], "Plane_Y"] = np.nan
    with pytest.raises(InputError, match="2 rows have only one of Plane_X and Plane_Y, first ImageNumber 1, ObjectN"):
        RegressionPlane().fit(half)


def test_a_plane_that_learned_nothing_says_so(tmp_path):
    table = circle(40)
    for use in (RegressionPlane().predict, RegressionPlane().suggest, lambda _: RegressionPlane().save(tmp_path / "p")):
        with pytest.raises(InputError, match="has not learned anything yet: call fit or load first"):
            use(table)


def test_examples_without_most_measurements_are_not_learned_from(tmp_path):
    train, new = circle(), circle(seed=1)
    holes = train.copy()
    holes.loc[:39, ["AreaShape_0", "AreaShape_1", "AreaShape_2"]] = np.nan
    plane, alone = RegressionPlane().fit(holes), RegressionPlane().fit(train[40:])
    np.testing.assert_allclose(plane.places(new)[0], alone.places(new)[0], rtol=1e-5)
    assert (plane.count_, plane.error_, alone.notes_) == (200, alone.error_, ())
    assert plane.notes_ == ("not learned from: 40 of 240 placed objects, for lack of most measurements",)
    assert RegressionPlane.load(plane.save(tmp_path / "p.zip")).notes_ == plane.notes_
    every = train.copy()
    for row in range(len(every)):
        every.loc[row, [f"AreaShape_{(row + k) % 4}" for k in range(3)]] = np.nan
    with pytest.raises(RequestError, match="the table has 0 with at least half of the measurements that tell"):
        RegressionPlane().fit(every)
