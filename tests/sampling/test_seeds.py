from __future__ import annotations

from synthos.sampling.seeds import derive, generator


def test_seeds_are_the_same_everywhere():
    assert derive("fingerprint", "stage", 3) == 6956883711234754123


def test_parts_are_kept_apart():
    assert len({derive("ab", "c"), derive("a", "bc"), derive("abc"), derive("c", "ab")}) == 4
    assert derive("a", 1) == derive("a", "1")


def test_seeds_fit_signed_64_bits():
    assert all(0 <= derive("x", index) < 2**63 for index in range(1000))


def test_generators_repeat_and_differ():
    assert generator("a").random() == generator("a").random() != generator("b").random()
