from __future__ import annotations

from itertools import permutations

import pytest

from synthos.errors import InternalError
from synthos.profiling.forest import Forest


def join(left, right):
    return f"({left}{right})"


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_joins_are_the_same_in_any_order(count):
    found = set()
    for order in permutations(range(count)):
        forest = Forest({})
        for index in order:
            forest = forest.merged(Forest.of(index, str(index)), join)
        found.add(forest.folded(join))
    assert len(found) == 1
    assert "".join(letter for letter in found.pop() if letter.isdigit()) == "01234"[:count]


def test_joins_are_the_same_however_they_are_grouped():
    singles = [Forest.of(index, str(index)) for index in range(6)]
    left = singles[4].merged(singles[1], join).merged(singles[0], join)
    right = singles[2].merged(singles[5].merged(singles[3], join), join)
    assert left.merged(right, join).folded(join) == right.merged(left, join).folded(join) == "(((01)(23))(45))"


def test_neighbours_are_joined_at_once():
    forest = Forest({})
    for index in range(1000):
        forest = forest.merged(Forest.of(index, 1), lambda a, b: a + b)
    assert len(forest.nodes) == (1000).bit_count()
    assert forest.folded(lambda a, b: a + b) == 1000


def test_gaps_wait_for_their_neighbours():
    forest = Forest.of(0, "0").merged(Forest.of(3, "3"), join)
    assert len(forest.nodes) == 2
    assert forest.folded(join) == "(03)"


def test_a_shard_comes_once():
    with pytest.raises(InternalError, match="twice"):
        Forest.of(2, "2").merged(Forest.of(2, "2"), join)
