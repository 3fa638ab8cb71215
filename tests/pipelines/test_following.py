"""Following tasks and streams on a real instance: who hears of what, and what happens to what is cut short."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pipelines.dimensions import Piece, start, work_until_up
from pipelines.progress import Handler, follow
from pipelines.runtime import Runtime, running
from synthos.errors import ConfigError, SchemaError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    with running(cpus=2) as instance:
        yield instance


@dataclass(frozen=True)
class Tasks:
    """Ray tasks; made within a function, so that they travel by value: workers cannot import a test."""

    answer: Any
    broken: Any
    count: Any


@pytest.fixture
def tasks(runtime: Runtime) -> Tasks:
    ray = runtime.ray()

    def broken() -> int:
        raise SchemaError("no such column", where="column a", fix="name another")

    def count(upto: int) -> Iterator[int]:
        yield from (number for number in range(upto))  # Ray sends to what it takes from; a range does not bear that

    streaming = ray.remote(num_returns="streaming")
    return Tasks(ray.remote(lambda value: value), ray.remote(broken), streaming(count))


def test_results_failures_and_streams_reach_their_handlers(runtime: Runtime, tasks: Tasks):
    heard: list[int] = []
    errors: list[Exception] = []
    work = {
        tasks.answer.remote(7): Handler(heard.append),
        tasks.broken.remote(): Handler(heard.append, errors.append),
        tasks.count.remote(3): Handler(lambda item: heard.append(10 + item)),
    }
    follow(runtime, work)
    assert sorted(heard) == [7, 10, 11, 12]
    assert [type(error) for error in errors] == [SchemaError]


def test_an_error_of_a_handler_is_no_failure_of_the_task(runtime: Runtime, tasks: Tasks):
    failed: list[Exception] = []

    def careless(result: int) -> None:
        raise KeyError(result)

    with pytest.raises(KeyError):
        follow(runtime, {tasks.answer.remote(7): Handler(careless, failed.append)})
    assert not failed


def test_a_piece_breaks_with_the_same_words_in_a_worker_and_here(runtime: Runtime):
    errors: list[Exception] = []

    def broken(word: str, evidence: object) -> None:
        raise ValueError(f"{word} is broken")

    piece = Piece(broken, ("a",), Handler(lambda answer: None, errors.append))
    follow(runtime, start(runtime.ray(), None, [piece]))
    work_until_up(lambda: False, None, [piece])  # type: ignore[arg-type]
    assert [(type(error), str(error)) for error in errors] == 2 * [(ValueError, "a is broken")]
    assert "in broken" in str(errors[0].__cause__), "where it broke in the worker is still known"


def test_a_failure_that_nobody_hears_of_is_raised(runtime: Runtime, tasks: Tasks):
    with pytest.raises(SchemaError, match="no such column"):
        follow(runtime, {tasks.broken.remote(): Handler(lambda result: None)})


def test_a_task_that_kills_its_worker_has_failed_and_one_that_the_cluster_lost_has_not(runtime: Runtime, tasks: Tasks):
    """A verdict with a gap would be another one than that of a run that nothing disturbs."""
    ray, errors = runtime.ray(), list[Exception]()
    crashing = ray.remote(max_retries=0)(lambda: os.abort())
    follow(runtime, {crashing.remote(): Handler(lambda result: None, errors.append)})
    assert [type(error) for error in errors] == [ray.exceptions.WorkerCrashedError]
    gone = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id=28 * "ab", soft=False)
    lost = tasks.answer.options(scheduling_strategy=gone).remote(7)
    with pytest.raises(ray.exceptions.TaskUnschedulableError):
        follow(runtime, {lost: Handler(lambda result: None, errors.append)})
    assert len(errors) == 1


def test_a_stream_that_ended_early_may_ask_for_more(runtime: Runtime, tasks: Tasks):
    heard: list[int] = []

    def ended() -> dict[object, Handler]:
        return {tasks.count.remote(2): Handler(heard.append)}

    follow(runtime, {tasks.count.remote(1): Handler(heard.append, ended=ended)})
    assert heard == [0, 0, 1]


def test_a_connection_that_is_there_takes_no_other_address(runtime: Runtime):
    runtime.ray()
    with running(cpus=1) as second, pytest.raises(ConfigError, match="connected to Ray already"):
        second.ray()


def test_addresses_that_cannot_work_are_told_at_once(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match="Ray Client"):
        Runtime("ray://head:10001")
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    with pytest.raises(ConfigError, match="running cluster"):
        Runtime(cpus=2)
