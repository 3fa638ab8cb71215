from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthos.server.ranges import UnsatisfiableError, byte_range


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-5", (2, 6)),
        ("bytes=7-", (7, 10)),
        ("bytes=7-99", (7, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes= 2-5 ", (2, 6)),
    ],
)
def test_one_range(asked: str, found: tuple[int, int]) -> None:
    assert byte_range(asked, 10) == found


@pytest.mark.parametrize(
    "asked", [None, "", "bytes=", "bytes=-", "bytes=5-2", "bytes=1-2,4-5", "rows=1-2", "bytes=a-b"]
)
def test_what_is_no_single_range_is_passed_over(asked: str | None) -> None:
    assert byte_range(asked, 10) is None


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_behind_the_end_is_told(asked: str) -> None:
    with pytest.raises(UnsatisfiableError):
        byte_range(asked, 10)


@given(st.integers(1, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_a_slice_is(size: int, first: int, last: int) -> None:
    content = bytes(range(size))
    if first < size and first <= last:
        start, stop = byte_range(f"bytes={first}-{last}", size) or (0, 0)
        assert content[start:stop] == content[first : last + 1]
