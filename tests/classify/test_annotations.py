"""Sessions of annotating: what was said is what is read, whatever was renamed, merged, undone or killed."""

import json
import multiprocessing
import sqlite3
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.annotation_files import read_annotations, write_annotations, write_training_set
from micrographia.classify.annotation.annotations import Annotations
from micrographia.classify.annotation.object_rows import ObjectRows

KEYS = ("ImageNumber", "ObjectNumber")


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "ImageNumber": np.repeat([1, 2, 3], 4),
            "Metadata_Well": np.repeat(["01", "02", "A3"], 4),
            "ObjectNumber": np.tile([1, 2, 3, 4], 3),
            "Nuclei_Location_Center_X": np.arange(12) + 0.5,
            "Nuclei_Location_Center_Y": np.arange(12) * 2.0,
            "Nuclei_AreaShape_Area": np.arange(12),
        }
    )


@pytest.fixture
def session():
    with Annotations(None, KEYS) as annotations:
        annotations.add_class("mitotic")
        annotations.add_class("dead", "#FF0000")
        yield annotations


def said(annotations):
    """Object and annotator to class."""
    return {(row[0], row[1], row.Annotator): row.Class for row in annotations.table().itertuples(index=False)}


def test_classes_are_named_coloured_renamed_merged_and_removed(session):
    session.annotate([(1, 1), (1, 2)], "mitotic", "Anna")
    session.annotate([(1, 3)], "dead", "Anna")
    session.rename_class("mitotic", "dividing")
    session.colour_class("dividing", "#00ff00")
    session.add_class("apoptotic")
    session.annotate([(2, 1)], "apoptotic", "Anna")
    assert [(c.name, c.count) for c in session.classes] == [("dividing", 2), ("dead", 1), ("apoptotic", 1)]
    assert [c.colour for c in session.classes][:2] == ["#00ff00", "#ff0000"]
    session.merge_classes(["apoptotic"], "dead")
    assert [(c.name, c.count) for c in session.classes] == [("dividing", 2), ("dead", 2)]
    session.remove_class("dividing")
    assert said(session) == {("1", "3", "Anna"): "dead", ("2", "1", "Anna"): "dead"}
    with pytest.raises(RequestError, match="no class 'dividing'; there are: dead"):
        session.annotate([(1, 1)], "dividing")
    with pytest.raises(RequestError, match="already"):
        session.add_class("dead")
    with pytest.raises(RequestError, match="#rrggbb"):
        session.colour_class("dead", "red")
    with pytest.raises(RequestError, match="needs a name"):
        session.add_class("  ")
    with pytest.raises(InputError, match="named by ImageNumber, ObjectNumber; got .*7"):
        session.annotate([(7,)], "dead")
    assert [c.name for c in session.classes] == ["dead"]


def test_each_annotator_undoes_and_redoes_own_work(session):
    session.annotate([(1, 1)], "mitotic", "Anna")
    session.annotate([(1, 1)], "dead", "Ben")
    session.annotate([(1, 2)], "mitotic", "Anna")
    assert session.undo("Anna") and session.undo("Anna")
    assert said(session) == {("1", "1", "Ben"): "dead"}
    assert not session.undo("Anna")
    assert session.redo("Anna")
    assert said(session) == {("1", "1", "Ben"): "dead", ("1", "1", "Anna"): "mitotic"}
    session.annotate([(1, 1)], None, "Anna")
    assert not session.redo("Anna"), "what comes after an undo makes an end of it"
    assert session.undo("Anna") and ("1", "1", "Anna") in said(session)


def test_work_that_others_rest_on_is_not_undone(session):
    session.add_class("round", who="Anna")
    session.annotate([(1, 1)], "round", "Ben")
    with pytest.raises(RequestError, match="other work rests on it"):
        session.undo("Anna")
    assert said(session) == {("1", "1", "Ben"): "round"}
    assert session.undo("Ben") and session.undo("Anna")
    assert [c.name for c in session.classes] == ["mitotic", "dead"]


def played(done):
    """Names of classes and who gave what to which object, by plain replay; None where an event cannot happen."""
    names, given_ = {"0"}, {}
    for _, (kind, k, who) in sorted(done.items()):
        if kind == "class":
            if str(k) in names:
                return None
            names.add(str(k))
        elif kind == "clear":
            given_.pop((who, str(k)), None)
        elif str(k % 3) not in names:
            return None
        else:
            given_[who, str(k)] = str(k % 3)
    return names, given_


def act(session, kind, k, who):
    if kind == "class":
        session.add_class(str(k), who=who)
    else:
        session.annotate([(k,)], None if kind == "clear" else str(k % 3), who)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["annotate", "annotate", "clear", "class", "undo", "undo", "redo"]),
            st.integers(0, 4),
            st.sampled_from("ab"),
        ),
        max_size=40,
    )
)
def test_undo_is_as_if_it_had_not_happened(steps):
    """Against a plain list of what is done, replayed from the start every time."""
    session = Annotations(None, ["ObjectNumber"])
    session.add_class("0", who="maker")
    done, undone = {}, {"a": [], "b": []}
    for at, (kind, k, who) in enumerate(steps):
        if kind == "undo":
            own = [i for i in sorted(done) if done[i][2] == who]
            fewer = {i: e for i, e in done.items() if not own or i != own[-1]}
            if own and played(fewer) is None:
                with pytest.raises(RequestError, match="rests on it"):
                    session.undo(who)
                continue
            assert session.undo(who) == bool(own)
            undone[who] += [(own[-1], done[own[-1]])] if own else []
            done = fewer
        elif kind == "redo":
            more = done | dict(undone[who][-1:])
            if played(more) is None:
                with pytest.raises(RequestError, match="rests on it"):
                    session.redo(who)
                continue
            assert session.redo(who) == bool(undone[who])
            undone[who], done = undone[who][:-1], more
        elif played(done | {at: (kind, k, who)}) is None:
            with pytest.raises(RequestError):
                act(session, kind, k, who)
        else:
            act(session, kind, k, who)
            done[at], undone[who] = (kind, k, who), []
    names, given_ = played(done)
    assert {c.name for c in session.classes} == names
    assert {(row.Annotator, row.ObjectNumber): row.Class for row in session.table().itertuples()} == given_


def test_a_file_holds_everything_and_a_second_session_follows(tmp_path):
    path = tmp_path / "cells.annotations"
    with Annotations(path, KEYS) as first, Annotations(path) as second:
        first.add_class("mitotic")
        second.annotate([(1, 1)], "mitotic", "Ben")
        first.annotate([(1, 2)], "mitotic", "Anna")
        assert first.undo("Anna")
        assert said(first) == said(second) == {("1", "1", "Ben"): "mitotic"}
        assert first.version == second.version == 4
        assert second.redo("Anna"), "what one process undid another may redo"
    with Annotations(path, KEYS) as later:
        assert [(c.name, c.count) for c in later.classes] == [("mitotic", 2)]
        assert later.annotators == ("Anna", "Ben")
    with pytest.raises(InputError, match="not by ObjectNumber"):
        Annotations(path, ["ObjectNumber"])


def _annotate_until_killed(path, started):
    with Annotations(path, KEYS) as session:
        for k in range(1_000_000):
            session.annotate([(k, i) for i in range(200)], "mitotic", "Anna")
            started.set()


def test_a_killed_writer_leaves_whole_annotations(tmp_path):
    path = tmp_path / "cells.annotations"
    with Annotations(path, KEYS) as session:
        session.add_class("mitotic")
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    writer = context.Process(target=_annotate_until_killed, args=(path, started))
    writer.start()
    assert started.wait(60)
    writer.kill()
    writer.join()
    with Annotations(path) as session:
        count = session.count()
        assert count > 0 and count % 200 == 0
        session.annotate([(0, 0)], None, "Anna")
        assert session.count() == count - 1


def test_threads_lose_nothing(session):
    def work(number):
        for k in range(20):
            session.annotate([(number, k)], "mitotic", f"annotator {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert session.count() == 80 and len(session.annotators) == 4


def test_damaged_and_foreign_files_are_refused(tmp_path):
    (tmp_path / "words").write_text("no annotations " * 100)
    with pytest.raises(InputError, match="no annotation file"):
        Annotations(tmp_path / "words", KEYS)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE cells (x)")
    with pytest.raises(InputError, match="something else"):
        Annotations(tmp_path / "other", KEYS)
    with pytest.raises(RequestError, match="no such"):
        Annotations(tmp_path / "missing")
    Annotations(tmp_path / "newer", KEYS).close()
    with sqlite3.connect(tmp_path / "newer") as newer:
        newer.execute("UPDATE head SET content = ?", (json.dumps({"format": 99, "keys": list(KEYS)}),))
    with pytest.raises(InputError, match="newer version"):
        Annotations(tmp_path / "newer")


def test_classes_of_rows(session, table):
    rows = ObjectRows(table, KEYS)
    session.annotate(rows.names([3, 4]), "dead", "Anna", when="2026-01-02T00:00:00.000+00:00")
    session.annotate(rows.names([4, 5]), "mitotic", "Ben", when="2026-01-01T00:00:00.000+00:00")
    np.testing.assert_array_equal(np.flatnonzero(session.numbers(rows) >= 0), [3, 4, 5])
    np.testing.assert_array_equal(session.numbers(rows)[3:6], [1, 1, 0])
    np.testing.assert_array_equal(session.numbers(rows, "Ben")[3:6], [-1, 0, 0])
    session.annotate([(9, 9)], "dead", "Anna")
    with pytest.raises(InputError, match="1 of 4 annotated objects are not in the table, first ImageNumber 9, Obj"):
        session.numbers(rows)
    np.testing.assert_array_equal(session.numbers(rows, skip_unknown=True)[3:6], [1, 1, 0])


def test_keys_are_the_same_whatever_their_type(table):
    rows = ObjectRows(table.astype({"ImageNumber": float}))
    assert rows.keys == ("ImageNumber", "Metadata_Well", "ObjectNumber")
    assert rows.names([5]) == [("2", "02", "2")]
    wanted = [("2", "02", "2"), (2.0, "02", 2), (2, "2", 2), ("x", "02", 2), (1, "01", 99)]
    np.testing.assert_array_equal(rows.find(wanted), [5, 5, -1, -1, -1])
    np.testing.assert_array_equal(rows.find([]), [])
    with pytest.raises(InputError, match=r"1 rows .* ObjectNumber 1"):
        ObjectRows(pd.concat([table, table[:1]]))
    with pytest.raises(InputError, match="name its objects"):
        ObjectRows(table[["Nuclei_AreaShape_Area"]])
    with pytest.raises(InputError, match="lacks Metadata_Site"):
        ObjectRows(table, ["Metadata_Site", "ObjectNumber"])


def test_csv_there_and_back(tmp_path, table):
    rows = ObjectRows(table)
    with Annotations(None, rows.keys) as session:
        session.add_class("späte Phase")
        session.add_class("dead")
        session.annotate(rows.names([0, 5]), "späte Phase", "Anna")
        session.annotate(rows.names([5, 11]), "dead", "Ben")
        path = write_annotations(tmp_path / "cells.csv", session)
        back = read_annotations(path, rows)
        pd.testing.assert_frame_equal(
            back.table().sort_values(["Annotator", "ObjectNumber"], ignore_index=True),
            session.table().sort_values(["Annotator", "ObjectNumber"], ignore_index=True),
        )


def test_analyst_training_set_there_and_back(tmp_path, table):
    rows = ObjectRows(table)
    with Annotations(None, rows.keys) as session:
        session.add_class("late phase")
        session.add_class("dead")
        session.annotate(rows.names([1, 6]), "late phase")
        session.annotate(rows.names([11]), "dead")
        path = write_training_set(tmp_path / "cells.txt", session, table)
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# Training set created")
        assert lines[1:] == ["label late_phase dead", "late_phase 1 2 1 2", "late_phase 2 3 6 12", "dead 3 4 11 22"]
        back = read_annotations(path, rows)
        assert [c.name for c in back.classes] == ["late_phase", "dead"]
        np.testing.assert_array_equal(back.numbers(rows), session.numbers(rows))
        assert write_training_set(path, session).read_text().splitlines()[2] == "late_phase 1 2"
    with Annotations(None, ["image", "label"]) as other, pytest.raises(InputError, match="no ImageNumber and no Obj"):
        write_training_set(path, other)


def test_what_analyst_writes_is_read(tmp_path, table):
    """Old and new form, with the comment that holds a pickle, which is passed over."""
    path = tmp_path / "set.txt"
    path.write_text("# Training set created while using properties: x\r\nlabel pos neg\r\n"
                    "pos 1 2 10 20\r\nneg 3 4.0\r\n# gASVCgAAAAAAAABLAUsChpQu\r\n")  # fmt: skip
    back = read_annotations(path, ObjectRows(table))
    np.testing.assert_array_equal(np.flatnonzero(back.numbers(ObjectRows(table)) >= 0), [1, 11])
    path.write_text("label pos neg\npos 1\n")
    with pytest.raises(InputError, match="line 2 is not"):
        read_annotations(path, ObjectRows(table))
    path.write_text("label pos neg\nother 1 2\n")
    with pytest.raises(InputError, match="'other', which the line 'label' does not name"):
        read_annotations(path, ObjectRows(table))


def test_bad_annotation_tables_are_refused(tmp_path, table):
    rows, path = ObjectRows(table), tmp_path / "cells.csv"
    path.write_text("ImageNumber,ObjectNumber\n1,1\n")
    with pytest.raises(RequestError, match="column 'Class'"):
        read_annotations(path, rows)
    path.write_text("ImageNumber,ObjectNumber,Class\n1,1,a\n7,1,a\n")
    with pytest.raises(InputError, match=r"cells.csv: 1 of 2 annotated objects .* first ImageNumber 7"):
        read_annotations(path, rows)
    path.write_text("ObjectNumber,Class\n1,a\n")
    with pytest.raises(InputError, match="ObjectNumber alone cannot tell"):
        read_annotations(path, rows)
    path.write_text("Cell,Class\n1,a\n")
    with pytest.raises(InputError, match="none of the columns ImageNumber"):
        read_annotations(path, rows)
    path.write_text("ImageNumber,ObjectNumber,Class,Time\n1,1,a,yesterday\n")
    with pytest.raises(InputError, match="'yesterday'"):
        read_annotations(path, rows)
    path.write_text("ImageNumber,ObjectNumber,Class\n1,1,\n1,2,b\n")
    assert read_annotations(path, rows).count() == 1


def test_a_time_that_is_none_is_refused_at_once(tmp_path, table):
    rows = ObjectRows(table)
    with Annotations(None, rows.keys) as session:
        session.add_class("dead")
        with pytest.raises(InputError, match="'yesterday' of an annotation is not in ISO format"):
            session.annotate(rows.names([0]), "dead", "Anna", when="yesterday")
        assert session.count() == 0
        session.annotate(rows.names([0]), "dead", "Anna", when="2026-01-31T12:00:00+02:00")
        assert session.table()["Time"].tolist() == ["2026-01-31T10:00:00.000+00:00"]
        back = read_annotations(write_annotations(tmp_path / "cells.csv", session), rows)
        assert back.table()["Time"].tolist() == session.table()["Time"].tolist()


def test_one_annotator_gives_an_object_one_class(tmp_path, table):
    rows, path = ObjectRows(table), tmp_path / "cells.csv"
    path.write_text("ImageNumber,ObjectNumber,Class,Annotator\n1,1,a,\n1,1,b,\n")
    with pytest.raises(InputError, match=r"cells.csv: The annotations give ImageNumber 1, .* more than one class"):
        read_annotations(path, rows)
    path.write_text("ImageNumber,ObjectNumber,Class,Annotator\n1,1,a,Anna\n1,1,b,Ben\n1,1,a,Anna\n")
    assert read_annotations(path, rows).annotators == ("Anna", "Ben")
