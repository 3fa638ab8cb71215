from __future__ import annotations

import numpy as np
import polars as pl

from synthos.profiling.clusters import Clusters
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema

SCHEMA = Schema(
    (Column("shape", "category", "String"), Column("colour", "category", "String"), Column("size", "number", "Float64"))
)


def things(rows, seed=0):
    """Small red circles and large blue squares."""
    rng = np.random.default_rng(seed)
    large = rng.random(rows) < 0.5
    return pl.DataFrame(
        {
            "shape": np.where(large, "square", "circle"),
            "colour": np.where(large, "blue", "red"),
            "size": np.where(large, rng.choice([8.0, 9.0], rows), rng.choice([1.0, 2.0], rows)),
        }
    )


def clustered(frame, count=2, seed=0):
    codec = Codec.fit(frame, SCHEMA)
    codes = codec.encode(frame)
    return Clusters(codes, codec, count, np.random.default_rng(seed)), codes


def test_groups_are_found_and_named_by_what_sets_them_apart():
    frame = things(600)
    clusters, codes = clustered(frame)
    members = clusters.assign(codes)
    squares = (frame["shape"] == "square").to_numpy()
    assert len(set(members[squares])) == len(set(members[~squares])) == 1
    names = {clusters.name(int(members[squares][0])), clusters.name(int(members[~squares][0]))}
    assert any("shape = square" in name and "colour = blue" in name for name in names)
    assert any("shape = circle" in name and "colour = red" in name for name in names)


def test_nearest_centres_are_those_of_the_one_hot_vectors():
    clusters, codes = clustered(things(300), count=3, seed=4)
    one_hot = np.zeros((300, int(clusters._offsets[-1])))
    for column, offset in enumerate(clusters._offsets[:-1]):
        one_hot[np.arange(300), codes[:, column] + offset] = 1
    distances = ((one_hot[:, None, :] - clusters._centres[None]) ** 2).sum(axis=2)
    chosen = distances[np.arange(300), clusters.assign(codes)]
    assert np.allclose(chosen, distances.min(axis=1))


def test_the_same_seed_gives_the_same_clusters():
    frame = things(400)
    one, codes = clustered(frame, 4, seed=7)
    other, _ = clustered(frame, 4, seed=7)
    assert one.assign(codes).tolist() == other.assign(codes).tolist()
    assert [one.name(c) for c in range(4)] == [other.name(c) for c in range(4)]


def test_more_clusters_than_kinds_of_rows_do_no_harm():
    frame = pl.DataFrame({"shape": ["square"] * 50, "colour": ["blue"] * 50, "size": [1.0] * 50})
    clusters, codes = clustered(frame, 3)
    assert len(set(clusters.assign(codes).tolist())) == 1
