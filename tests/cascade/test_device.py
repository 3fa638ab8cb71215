"""Choosing where to train. The GPU's own path needs a GPU; its choice and its refusal do not."""

from __future__ import annotations

import pytest
import torch

from synthos.cascade import device as devices
from synthos.errors import ConfigError


def test_without_a_name_the_gpu_is_taken_where_there_is_one() -> None:
    assert devices.pick().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert devices.pick("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("name", "words"), [("warp", "unknown"), ("meta", "not supported")])
def test_a_device_that_means_nothing_is_refused(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        devices.pick(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="sees no GPU"):
        devices.pick("cuda:0")


def test_precision_follows_the_device_unless_told() -> None:
    cpu = torch.device("cpu")
    assert not devices.half("auto", cpu)
    assert not devices.half("float32", cpu)
    assert devices.half("bfloat16", cpu)


def test_one_thread() -> None:
    torch.set_num_threads(2)
    devices.single_thread()
    assert torch.get_num_threads() == 1
