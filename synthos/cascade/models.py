"""One family of autoregressive density models over code columns, in bits per row.

A masked MLP (MADE, Germain et al. 2015): hidden unit u sees columns 0..degree(u), the outputs of column j see hidden
units of degree < j and, through a direct linear path, the columns before j. So the product of the conditionals is a
normalised density, computed in one pass.

Three things make it learn from few rows. Biases start at the log marginals and output weights at zero, so that every
model starts from the independent-columns model. Codes enter and leave through a fixed basis of each column, a mixture
of one-hot and centred thermometer features: neighbouring bins (numbers are coded by quantile, categories by frequency)
share what is learned, and no code is out of reach. And there is no normalisation layer, which would break the masks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

#: (one-hot, thermometer) weights of the basis on the way in and on the way out; chosen on held-out real rows.
BASIS_IN = (0.5, 2.0)
BASIS_OUT = (0.3, 1.0)
#: With more codes than this the direct path, quadratic in codes, is left out.
DIRECT_LIMIT = 800
#: Logits are kept within +-30 so that exp() needs no shift by the maximum.
_LOGIT_LIMIT = 30.0
_EVALUATION_ROWS = 2048


def chunks(rows: Tensor, size: int) -> Iterator[Tensor]:
    """Successive slices of ``size`` rows; the last may be shorter."""
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]


def smoothed_marginals(rows: np.ndarray, sizes: tuple[int, ...]) -> Tensor:
    """Marginal probability of every code with 1/2 added to each count, columns side by side, shape (K,)."""
    parts = []
    for j, size in enumerate(sizes):
        counts = np.bincount(rows[:, j], minlength=size) + 0.5
        parts.append(counts / counts.sum())
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))


class DensityModel(nn.Module):
    """p(row) = prod_j p(code_j | codes before j).

    Parameters
    ----------
    sizes : codes per column; K is their sum, d their number.
    width, depth : hidden units per layer, hidden layers (>= 1; from the second on they are residual).
    marginals : shape (K,), positive, summing to 1 per column.
    rng : of the initial weights, on the CPU, so that every device starts alike.
    """

    def __init__(self, sizes: tuple[int, ...], width: int, depth: int, marginals: Tensor, rng: torch.Generator) -> None:
        super().__init__()
        d, codes = len(sizes), sum(sizes)
        self.columns, self.codes = d, codes
        self.sizes = sizes
        column = torch.repeat_interleave(torch.arange(d), torch.tensor(sizes))
        degree = torch.arange(width) * max(d - 1, 1) // width

        def drawn(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=rng) * scale)

        self.into = drawn(width, codes, scale=1 / math.sqrt(max(d / 2, 1)))
        self.into_bias = nn.Parameter(torch.zeros(width))
        self.hidden = nn.ParameterList([drawn(width, width, scale=1 / math.sqrt(width / 2)) for _ in range(depth - 1)])
        self.hidden_bias = nn.ParameterList([nn.Parameter(torch.zeros(width)) for _ in range(depth - 1)])
        self.out = nn.Parameter(torch.zeros(codes, width))
        self.direct = nn.Parameter(torch.zeros(codes, codes)) if d > 1 and codes <= DIRECT_LIMIT else None
        self.out_bias = nn.Parameter(marginals.log())

        self._constant("into_mask", (column[None, :] <= degree[:, None]).float())
        self._constant("hidden_mask", (degree[None, :] <= degree[:, None]).float())
        self._constant("out_mask", (degree[None, :] < column[:, None]).float())
        if self.direct is not None:
            self._constant("direct_mask", (column[None, :] < column[:, None]).float())
        self._constant("segments", functional.one_hot(column, d).float())
        self._constant("offsets", torch.cumsum(torch.tensor((0, *sizes[:-1])), 0))
        self._constant("uniform", 1 / torch.tensor(sizes, dtype=torch.float32))
        self._constant("basis_in", _basis(sizes, marginals, BASIS_IN))
        self._constant("basis_out", _basis(sizes, marginals, BASIS_OUT))
        widest = max(sizes)
        self._constant("slots", torch.cat([j * widest + torch.arange(size) for j, size in enumerate(sizes)]))

    into_mask: Tensor
    hidden_mask: Tensor
    out_mask: Tensor
    direct_mask: Tensor
    segments: Tensor
    offsets: Tensor
    uniform: Tensor
    basis_in: Tensor
    basis_out: Tensor
    slots: Tensor

    def _constant(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value, persistent=False)

    @property
    def parameter_count(self) -> int:
        """Weights that the masks leave free: the N of the scaling law."""
        free = self.into_mask.sum() + self.out_mask.sum() + self.into_bias.numel() + self.codes
        free = free + len(self.hidden) * (self.hidden_mask.sum() + self.into_bias.numel())
        if self.direct is not None:
            free = free + self.direct_mask.sum()
        return int(free.item())

    def positions(self, rows: Tensor) -> Tensor:
        """Place of each row's codes among all K, shape (n, d), int64."""
        return rows.long() + self.offsets

    def features(self, positions: Tensor) -> Tensor:
        """What the network reads, shape (n, K): the basis vectors of each row's codes side by side."""
        vectors = self.basis_in.flatten(0, 1).index_select(0, self.slots)[positions]  # (n, d, widest column)
        return vectors.flatten(1).index_select(1, self.slots)

    def representation(self, features: Tensor) -> Tensor:
        """Activations of the last hidden layer, shape (n, width)."""
        z = functional.linear(features, self.into * self.into_mask, self.into_bias)
        for weight, bias in zip(self.hidden, self.hidden_bias, strict=True):
            z = z + functional.linear(functional.relu(z), weight * self.hidden_mask, bias)
        return functional.relu(z)

    def logits(self, features: Tensor, keep: Tensor | None = None) -> Tensor:
        """Unnormalised log probabilities of all codes, shape (n, K). ``keep`` scales hidden units (dropout)."""
        z = self.representation(features)
        if keep is not None:
            z = z * keep
        out = functional.linear(z, self._through_basis(self.out * self.out_mask))
        if self.direct is not None:
            out = out + functional.linear(features, self._through_basis(self.direct * self.direct_mask))
        return (out.float() + self.out_bias).clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT)

    def _through_basis(self, weight: Tensor) -> Tensor:
        """``weight`` (K features, inputs) as it acts on codes, (K codes, inputs).

        Folding the basis into the weights, block by block, costs far less than applying it to every row.
        """
        blocks, widest = self.basis_out, self.basis_out.shape[1]
        padded = weight.new_zeros(self.columns * widest, weight.shape[1]).index_copy(0, self.slots, weight)
        folded = torch.bmm(blocks, padded.view(self.columns, widest, -1)).flatten(0, 1)
        return folded.index_select(0, self.slots)

    def log_conditionals(self, features: Tensor, positions: Tensor, keep: Tensor | None = None) -> Tensor:
        """Natural log of each p(code_j | codes before j), shape (n, d)."""
        z = self.logits(features, keep)
        with torch.autocast(z.device.type, enabled=False):
            return z.gather(1, positions) - (z.exp() @ self.segments).log()

    def bits(self, rows: Tensor, floor: float) -> Tensor:
        """Bits per row with the floor, -Σ_j log2((1-floor) p_j + floor / size_j), shape (n,), float64, no gradient."""
        parts = []
        with torch.no_grad():
            for chunk in chunks(rows, _EVALUATION_ROWS):
                positions = self.positions(chunk)
                p = self.log_conditionals(self.features(positions), positions).exp()
                parts.append(-torch.log2((1 - floor) * p + floor * self.uniform).double().sum(1))
        return torch.cat(parts)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """``count`` rows drawn column by column, uint8, shape (count, d); d passes over each chunk of rows."""
        device = self.offsets.device
        starts = self.offsets.tolist()
        drawn = np.zeros((count, self.columns), np.uint8)
        with torch.no_grad():
            for begin in range(0, count, _EVALUATION_ROWS):
                part = drawn[begin : begin + _EVALUATION_ROWS]
                features = torch.zeros(len(part), self.codes, device=device)
                for j, (start, size) in enumerate(zip(starts, self.sizes, strict=True)):
                    z = self.logits(features)[:, start : start + size].double()
                    cumulative = torch.softmax(z, 1).cumsum(1).cpu().numpy()
                    below = cumulative < rng.random((len(part), 1))
                    part[:, j] = np.minimum(below.sum(1), size - 1)
                    codes = torch.from_numpy(part[:, j].astype(np.int64)).to(device)
                    features[:, start : start + size] = self.basis_in[j, :size, :size][codes]
        return drawn


def _basis(sizes: tuple[int, ...], marginals: Tensor, weights: tuple[float, float]) -> Tensor:
    """One block per column, zero-padded to the widest, (d, widest, widest): row = code, column = feature.

    Thermometer features are centred by the marginals.
    """
    basis = torch.zeros(len(sizes), max(sizes), max(sizes))
    for block, part in zip(basis, torch.split_with_sizes(marginals, list(sizes)), strict=True):
        size = len(part)
        steps = torch.tril(torch.ones(size, size))
        steps = (steps - part @ steps) / math.sqrt(size)
        block[:size, :size] = weights[0] * torch.eye(size) + weights[1] * steps
    return basis
