"""Units, spans and what of them is kept: a table is read once, and what changed of it is read again."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthos.errors import InternalError, StorageError
from synthos.profiling import full_pass, store
from synthos.profiling.full_pass import FullPass
from synthos.profiling.scan import Scanned, ScanPlan, merge, scan_unit
from synthos.profiling.spans import LEAST_SPANS, plan_key, scan_span, span_key, spans
from synthos.profiling.store import ScanStore
from synthos.progress import Event, silent
from synthos.results import Kind
from synthos.tables import reader
from synthos.tables.codec import Codec
from synthos.tables.reader import Shard, Unit, units
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import Source, open_table

ROWS = 600


def shard(index: int, rows: int, size: int = 10) -> Shard:
    return Shard(index, f"{index}.csv", index * rows, rows, size)


def write(folder: Path, name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {
        "x": rng.normal(size=ROWS),
        "c": np.array(["a", "b", "c"])[rng.integers(0, 3, ROWS)],
        "n": rng.integers(0, 5, ROWS),
    }
    pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four files, each of which is a unit and a span of its own, and worth keeping."""
    monkeypatch.setattr(reader, "UNIT_ROWS", ROWS)
    monkeypatch.setattr(full_pass, "KEPT_BYTES", 1)
    made = tmp_path / "table"
    made.mkdir()
    for number in range(4):
        write(made, f"part-{number}", number)
    return made


def plan_of(source: Source) -> ScanPlan:
    kinds: dict[str, Kind] = {"x": "number", "c": "category", "n": "integer"}
    schema = Schema(tuple(Column(name, kinds[name], str(dtype)) for name, dtype in source.dtypes.items()))
    known = pl.DataFrame({"x": [0.0, 1.0], "c": ["a", "b"], "n": [1, 2]})
    return ScanPlan(schema, Codec.fit(known, schema), total_rows=1_024, sample_rows=500)


def read(folder: Path, cache: Path | None, seen: list[Event] | None = None) -> tuple[list[int], Scanned]:
    """Which units were read, and the table's scan."""
    source = open_table(folder)
    going = FullPass(source, plan_of(source), "table", cache, silent if seen is None else seen.append)
    missing = [unit.index for span in going.missing for unit in span]
    for span in going.missing:
        going.take(span, scan_span(source, span, going.plan))
    return missing, going.finished()


@given(st.lists(st.integers(1, 300_000), min_size=1, max_size=60))
def test_units_hold_every_shard_once_and_are_never_large_by_being_joined(rows: list[int]) -> None:
    shards = [shard(index, count) for index, count in enumerate(rows)]
    made = units(shards)
    assert [item for unit in made for item in unit.shards] == shards
    assert [unit.index for unit in made] == list(range(len(made)))
    assert all(len(unit.shards) == 1 or unit.rows <= reader.UNIT_ROWS for unit in made)
    assert all(a.rows + b.shards[0].rows > reader.UNIT_ROWS for a, b in pairwise(made))
    assert units([*shards, shard(len(shards), 5)])[: len(made) - 1] == made[:-1]


def test_shards_of_many_bytes_are_not_joined() -> None:
    assert len(units([shard(index, 1, reader.UNIT_BYTES // 2 + 1) for index in range(3)])) == 3


@pytest.mark.parametrize(
    ("count", "length"), [(1, 1), (LEAST_SPANS, 1), (2 * LEAST_SPANS - 1, 1), (2 * LEAST_SPANS, 2), (1_000, 8)]
)
def test_spans_are_runs_of_a_power_of_two(count: int, length: int) -> None:
    made = spans([Unit(index, (shard(index, 5),)) for index in range(count)])
    assert [unit.index for span in made for unit in span] == list(range(count))
    assert {len(span) for span in made[:-1]} <= {length} and len(made) < 2 * LEAST_SPANS + 1


def test_small_files_are_read_together_and_come_out_as_they_would_apart(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path, f"part-{number:02}", number)
    source = open_table(tmp_path)
    plan = plan_of(source)
    (unit,) = source.units()
    apart = [Unit(shard.index, (shard,)) for shard in source.shards()]
    frames = list(source.read_unit(unit.shards))
    assert len(frames) == 1 and frames[0].equals(
        pl.concat([f for item in apart for f in source.read_unit(item.shards)])
    )
    together = scan_unit(source, unit, plan)
    one_by_one = reduce(merge, (scan_unit(source, item, plan) for item in apart))
    assert together.rows == one_by_one.rows == 12 * ROWS
    assert np.array_equal(together.distinct_rows.hashes, one_by_one.distinct_rows.hashes)


def test_what_was_read_is_not_read_again_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    seen: list[Event] = []
    first, fresh = read(folder, tmp_path)
    again, known = read(folder, tmp_path, seen)
    assert (first, again) == ([0, 1, 2, 3], [])
    assert known.profile == fresh.profile and known.frame.equals(fresh.frame) and np.array_equal(known.rows, fresh.rows)
    assert np.array_equal(known.scan.blocks.counts, fresh.scan.blocks.counts)
    assert [(event.done, event.total) for event in seen] == [(4, 4)]


def test_a_run_that_was_killed_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    source = open_table(folder)
    killed = FullPass(source, plan_of(source), "table", tmp_path, silent)
    for span in killed.missing[:3]:
        killed.take(span, scan_span(source, span, killed.plan))
    missing, found = read(folder, tmp_path)
    assert missing == [3] and found.profile == read(folder, None)[1].profile


def test_of_a_table_that_was_added_to_only_new_files_are_read(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path)
    write(folder, "part-4", 4)
    missing, found = read(folder, tmp_path)
    assert missing == [4] and found.profile == read(folder, None)[1].profile


def test_a_file_that_was_written_anew_is_read_again(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path)
    write(folder, "part-1", 77)
    os.utime(folder / "part-1.parquet", ns=(1, 1))
    missing, found = read(folder, tmp_path)
    assert missing == [1] and found.profile == read(folder, None)[1].profile


def test_another_plan_finds_nothing_of_the_first(folder: Path) -> None:
    source = open_table(folder)
    span = spans(source.units())[0]
    plan = plan_of(source)
    other = ScanPlan(plan.schema, plan.codec, total_rows=plan.total_rows, sample_rows=plan.sample_rows, seed=1)
    narrow = source.with_types({**source.dtypes, "n": pl.Float64()})
    keys = [plan_key(source, plan), plan_key(source, other), plan_key(narrow, plan)]
    assert len(set(keys)) == 3 and plan_key(open_table(folder), plan_of(source)) == keys[0]
    assert len({span_key(span, key, {}) for key in keys}) == 3


def test_a_table_in_memory_has_no_name_to_be_kept_by() -> None:
    source = open_table(pl.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"], "n": [1, 2]}))
    assert span_key(source.units(), plan_key(source, plan_of(source)), {}) is None


def only_file(cache: Path) -> Path:
    return next(path for path in (cache / "scans").glob("*/*"))


def test_what_is_damaged_is_told_and_read_again(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path)
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    seen: list[Event] = []
    missing, _ = read(folder, tmp_path, seen)
    assert len(missing) == 1 and "damaged" in seen[0].message and seen[0].fields["file"] == path.name


def test_nothing_in_the_folder_can_have_code_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    keeper = ScanStore(tmp_path)
    keeper.keep("ab12", Evil())  # type: ignore[arg-type]
    with pytest.raises(InternalError, match="none of ours"):
        keeper.find("ab12")
    assert not (tmp_path / "ran").exists()


def test_what_nobody_asks_for_goes(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path)
    os.utime(only_file(tmp_path), (1, 1))
    assert len(read(folder, tmp_path)[0]) == 1


def test_a_folder_that_cannot_be_written_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "scans").write_text("in the way", encoding="ascii")
    with pytest.raises(StorageError, match="cannot be stored"):
        read(folder, tmp_path)


def parts_named(state: object) -> set[tuple[str, str]]:
    """Everything that a pickled state names."""
    found: set[tuple[str, str]] = set()

    class Noting(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            found.add((module, name))
            return super().find_class(module, name)

    body = io.BytesIO()
    store._Writer(body, protocol=5).dump(state)
    body.seek(0)
    Noting(body).load()
    return found


def test_every_name_that_is_let_in_is_one_that_states_have(folder: Path) -> None:
    source = open_table(folder)
    plan = plan_of(source)
    named: Sequence[tuple[str, str]] = sorted(parts_named(scan_span(source, spans(source.units())[0], plan)))
    assert all(name in store._PARTS[module] for module, name in named)
    ours = {(module, name) for module, names in store._PARTS.items() if module.startswith("synthos") for name in names}
    assert ours == {item for item in named if item[0].startswith("synthos")}
