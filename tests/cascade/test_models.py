"""The density model is one: normalised, autoregressive, and what it samples is what it believes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from cascade_tables import chain

from synthos.cascade.models import DensityModel, chunks, smoothed_marginals

SMALL = (3, 2, 4)


def model(sizes: tuple[int, ...] = SMALL, depth: int = 2, width: int = 24, noise: float = 0.5) -> DensityModel:
    """A model whose weights are random everywhere, also where training would start from zero."""
    rng = torch.Generator().manual_seed(4)
    marginals = torch.cat([torch.full((size,), 1 / size) for size in sizes])
    made = DensityModel(sizes, width, depth, marginals, rng)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += noise * torch.randn(parameter.shape, generator=rng)
    return made


def every_row(sizes: tuple[int, ...]) -> torch.Tensor:
    return torch.tensor(list(itertools.product(*(range(size) for size in sizes))), dtype=torch.uint8)


@pytest.mark.parametrize("depth", [1, 3])
def test_probabilities_of_all_rows_sum_to_one(depth: int) -> None:
    bits = model(depth=depth).bits(every_row(SMALL), floor=0.02)
    assert float(torch.exp2(-bits).sum()) == pytest.approx(1.0, abs=1e-5)


def test_a_conditional_does_not_see_its_own_or_later_columns() -> None:
    made = model((4, 4, 4, 4), depth=3)
    row = torch.tensor([[1, 2, 3, 0]], dtype=torch.uint8)
    before = made.logits(made.features(made.positions(row)))
    for changed in range(4):
        other = row.clone()
        other[0, changed] = (other[0, changed] + 1) % 4
        after = made.logits(made.features(made.positions(other)))
        end = 4 * (changed + 1)
        assert torch.equal(before[:, :end], after[:, :end])
        if changed < 3:
            assert not torch.equal(before[:, end:], after[:, end:]), "later columns must see it"


def test_a_new_model_is_the_independent_columns_model() -> None:
    rows = chain(800, 3)
    sizes = (8,) * 6
    marginals = smoothed_marginals(rows, sizes)
    made = DensityModel(sizes, 32, 2, marginals, torch.Generator().manual_seed(0))
    expected = sum(-np.log2(marginals.numpy()[8 * j + rows[:, j]].astype(float)) for j in range(6))
    assert made.bits(torch.from_numpy(rows), floor=1e-9).numpy() == pytest.approx(expected, abs=1e-4)


def test_smoothed_marginals_count_and_never_vanish() -> None:
    marginals = smoothed_marginals(np.array([[0], [0], [1]], np.uint8), (3,))
    assert marginals.numpy() == pytest.approx([2.5 / 4.5, 1.5 / 4.5, 0.5 / 4.5])


def test_the_floor_bounds_what_an_impossible_code_costs() -> None:
    made = model((4,), depth=1, noise=0.0)
    with torch.no_grad():
        made.out_bias.copy_(torch.tensor([30.0, -30.0, -30.0, -30.0]))
    bits = made.bits(torch.tensor([[0], [3]], dtype=torch.uint8), floor=0.02)
    assert float(bits[1]) == pytest.approx(-np.log2(0.02 / 4), abs=1e-3)
    assert float(bits[0]) == pytest.approx(-np.log2(0.98 + 0.02 / 4), abs=1e-3)


def test_samples_follow_the_density() -> None:
    made = model(noise=0.8)
    rows = every_row(SMALL)
    believed = torch.exp2(-made.bits(rows, floor=1e-9)).numpy()
    drawn = made.sample(40_000, np.random.default_rng(1))
    place = {row.tobytes(): i for i, row in enumerate(rows.numpy())}
    counts = np.bincount([place[row.tobytes()] for row in drawn], minlength=len(rows)) / len(drawn)
    assert np.abs(counts - believed).sum() / 2 < 0.02


def test_free_parameters_leave_the_masked_ones_out() -> None:
    made = model((2, 2), depth=1, width=4)
    # One hidden degree: all 4 units see column 0 (2 codes) and feed column 1 (2 codes); direct 2x2; biases 4 and 4.
    assert made.parameter_count == 4 * 2 + 2 * 4 + 2 * 2 + 4 + 4


def test_one_column_is_its_marginal() -> None:
    made = model((5,), depth=2, noise=0.0)
    bits = made.bits(every_row((5,)), floor=0.01)
    assert bits.numpy() == pytest.approx(np.full(5, np.log2(5)), abs=1e-5)


def test_features_are_the_basis_vectors_of_the_codes() -> None:
    made = model(SMALL)
    rows = torch.tensor([[2, 0, 3]], dtype=torch.uint8)
    expected = torch.cat(
        [made.basis_in[j, code, :size] for j, (code, size) in enumerate(zip((2, 0, 3), SMALL, strict=True))]
    )
    assert torch.equal(made.features(made.positions(rows))[0], expected)


def test_neighbouring_codes_share_more_of_their_features_than_distant_ones() -> None:
    made = model((24,), noise=0.0)
    vectors = made.basis_in[0]
    near, far = (float((vectors[4] - vectors[other]).norm()) for other in (5, 20))
    assert near < far
    rank = torch.linalg.matrix_rank(vectors)
    assert int(rank) == 24, "no code may be out of reach"


def test_a_model_of_very_many_codes_has_no_direct_path_and_still_is_a_density() -> None:
    sizes = (200,) * 5
    marginals = torch.full((1000,), 1 / 200)
    made = DensityModel(sizes, 16, 2, marginals, torch.Generator().manual_seed(0))
    assert made.direct is None
    with torch.no_grad():
        made.out += 0.1 * torch.randn(made.out.shape, generator=torch.Generator().manual_seed(1))
    rows = torch.randint(0, 200, (50, 5), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    z = made.logits(made.features(made.positions(rows)))
    expected = torch.stack(
        [
            torch.log_softmax(part, 1)[torch.arange(50), rows[:, j].long()]
            for j, part in enumerate(z.view(50, 5, 200).unbind(1))
        ],
        1,
    )
    positions = made.positions(rows)
    assert torch.allclose(made.log_conditionals(made.features(positions), positions), expected, atol=1e-4)


def test_dropout_reaches_the_hidden_units_alone() -> None:
    made = model((4, 4))
    rows = every_row((4, 4))
    features = made.features(made.positions(rows))
    dropped = made.logits(features, torch.zeros(len(rows), 24))
    with torch.no_grad():
        made.out.zero_()
    assert torch.allclose(dropped, made.logits(features))


def test_chunks_cover_every_row_once() -> None:
    rows = torch.arange(10)
    parts = list(chunks(rows, 4))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert torch.equal(torch.cat(parts), rows)
    assert list(chunks(rows[:0], 4)) == []


def test_evaluation_does_not_depend_on_how_rows_are_chunked() -> None:
    made = model((4, 4, 4))
    rows = torch.randint(0, 4, (5000, 3), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    whole = made.bits(rows, 0.02)
    assert torch.allclose(whole[2040:2060], made.bits(rows[2040:2060], 0.02), atol=1e-5)


def test_samples_repeat_with_the_generator_and_stay_in_range() -> None:
    made = model()
    one, two, other = (made.sample(300, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.dtype == np.uint8
    assert (one < np.array(SMALL)).all()
