"""Contacts against their plain reference, and the weights made from them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micrographia.geometry.contacts import contacts, contacts_numpy, importance

LABELS = arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(-1, 3))


@settings(deadline=None, max_examples=60)
@given(LABELS, st.integers(1, 3))
def test_contacts_equal_the_reference(labels, reach):
    np.testing.assert_array_equal(contacts(labels, reach), contacts_numpy(labels, reach))


def test_small_objects_and_gaps_weigh_more():
    labels = np.zeros((60, 120), np.int32)
    labels[10:50, 10:50] = 1  # 45 pixels across
    labels[10:20, 80:90] = 2  # 11 pixels across
    labels[10:20, 92:102] = 70_000
    weight = importance(labels, diameter=22.0)
    assert weight[0, 0] == 1
    assert weight[30, 30] == 0.5
    assert weight[15, 83] > 1.9
    assert weight[15, 91] == 3  # the gap between the two small ones
    assert weight[15, 97] == weight[15, 85]
