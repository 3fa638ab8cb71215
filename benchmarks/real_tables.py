"""Real tables that come with scikit-learn and statsmodels, made ready for a bench: mixed types, no nulls, no download.

=======  ======  ====================================================================================================
rand     20,190  RAND Health Insurance Experiment, person-years (Newhouse 1993; Deb and Trivedi 2002); rows repeat
fair      6,366  survey of 1974 on marriages (Fair 1978, Redbook magazine): few distinct answers, many rows alike
births   10,183  fertility of countries by year with that of ten years before (World Bank): many categories, a panel
co2       2,173  carbon dioxide above Mauna Loa, weekly 1959 to 2001 (Keeling and Whorf): in order of time
digits    1,797  handwritten digits, 8 × 8 pixels in eight fields (Alpaydin and Kaynak, UCI): dense numbers
=======  ======  ====================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True)
class RealTable:
    """``load`` gives all rows. ``label`` is a category that others tell about. ``ruled`` is a column that others, one
    of them ``ruling``, tie down, as ``rule`` says in words. ``time`` is the column that orders the rows, if any."""

    load: Callable[[], pl.DataFrame]
    label: str
    ruling: str
    ruled: str
    rule: str
    time: str | None = None


def rand_table() -> pl.DataFrame:
    """The RAND table with readable names, in file order; shape (20190, 8).

    ``coinsurance`` is the share of the bill that the family pays, in percent (the file holds its log(1 + x));
    ``incentive`` and ``deductible`` stay as the file has them, logs of dollars a year.
    """
    from statsmodels.datasets import randhie

    raw = pl.from_dict({name: values.to_numpy() for name, values in randhie.load_pandas().data.items()})
    return raw.select(
        pl.col("mdvis").cast(pl.Int64).alias("doctor_visits"),
        (pl.col("lncoins").exp() - 1).round(0).cast(pl.Int64).alias("coinsurance"),
        pl.col("idp").cast(pl.Boolean).alias("individual_deductible"),
        pl.col("lpi").alias("incentive"),
        pl.col("fmde").alias("deductible"),
        pl.col("physlm").alias("physical_limits"),
        pl.col("disea").alias("chronic_conditions"),
        pl.when(pl.col("hlthp") > 0)
        .then(pl.lit("poor"))
        .when(pl.col("hlthf") > 0)
        .then(pl.lit("fair"))
        .when(pl.col("hlthg") > 0)
        .then(pl.lit("good"))
        .otherwise(pl.lit("excellent"))
        .alias("health"),
    )


def fair_table() -> pl.DataFrame:
    """Fair's survey, answers in words, with the age at marriage that follows from age and years; shape (6366, 10)."""
    from statsmodels.datasets import fair

    raw = pl.from_dict({name: values.to_numpy() for name, values in fair.load_pandas().data.items()})
    rating = ["very poor", "poor", "fair", "good", "very good"]
    faith = ["not", "mildly", "fairly", "strongly"]
    work = ["student", "worker", "white-collar", "skilled", "managerial", "professional"]
    return raw.select(
        _worded("rate_marriage", rating),
        pl.col("age"),
        pl.col("yrs_married").alias("years_married"),
        (pl.col("age") - pl.col("yrs_married")).alias("married_at"),
        pl.col("children"),
        _worded("religious", faith),
        pl.col("educ").cast(pl.Int64).alias("education"),
        _worded("occupation", work),
        _worded("occupation_husb", work).alias("occupation_husband"),
        pl.col("affairs"),
    )


def births_table() -> pl.DataFrame:
    """Children a woman by country and year, beside those of ten years before and the change; shape (10183, 6)."""
    from statsmodels.datasets import fertility

    raw = fertility.load_pandas().data
    years = [name for name in raw.columns if name.isdigit()]
    rates = raw[years].to_numpy(float)
    code = raw["Country Code"].tolist()
    before, now = rates[:, :-10], rates[:, 10:]
    place, step = np.nonzero(np.isfinite(before) & np.isfinite(now))
    table = pl.DataFrame(
        {
            "country": [code[i] for i in place],
            "year": np.array([int(year) for year in years])[step + 10],
            "births": now[place, step],
            "births_before": before[place, step],
            "change": (now - before)[place, step].round(3),
        }
    )
    births = pl.col("births")
    level = pl.when(births < 2.1).then(pl.lit("below replacement")).when(births < 4).then(pl.lit("low"))
    return table.with_columns(level.when(births < 6).then(pl.lit("middle")).otherwise(pl.lit("high")).alias("level"))


def co2_table() -> pl.DataFrame:
    """Weekly carbon dioxide in parts per million, in order of time; shape (2173, 6).

    ``year_before`` is the level of the 52nd row before, ``rise`` the difference, ``tendency`` the direction against the
    row before. Weeks without a measurement are left out.
    """
    from statsmodels.datasets import co2

    raw = co2.load_pandas().data["co2"].dropna()
    table = pl.DataFrame({"week": raw.index.strftime("%Y-%m-%d").tolist(), "co2": raw.to_numpy()})
    table = table.with_columns(pl.col("week").str.to_date(), pl.col("co2").shift(52).alias("year_before"))
    season = pl.col("week").dt.month().replace_strict(dict(zip(range(1, 13), _SEASONS, strict=True)))
    step = pl.col("co2").diff().round(1)
    tendency = pl.when(step > 0).then(pl.lit("up")).when(step < 0).then(pl.lit("down")).otherwise(pl.lit("level"))
    return table.select(
        "week",
        season.alias("season"),
        "co2",
        "year_before",
        (pl.col("co2") - pl.col("year_before")).round(1).alias("rise"),
        tendency.alias("tendency"),
    ).drop_nulls()


def digits_table() -> pl.DataFrame:
    """Handwritten digits: ink in four bands of the left and right half, all of it, and the digit; shape (1797, 10)."""
    from sklearn.datasets import load_digits

    images, digit = load_digits(return_X_y=True)
    fields = images.reshape(-1, 4, 2, 2, 4).sum(axis=(2, 4)).astype(np.int64)  # (images, bands, halves)
    columns = {
        f"{side}_{band + 1}": fields[:, band, half] for band in range(4) for half, side in enumerate(("left", "right"))
    }
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return pl.DataFrame({**columns, "ink": fields.sum(axis=(1, 2)), "digit": [names[int(value)] for value in digit]})


def _worded(name: str, words: list[str]) -> pl.Expr:
    return pl.col(name).cast(pl.Int64).replace_strict(dict(enumerate(words, 1)), return_dtype=pl.String)


_SEASONS = ["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"]

REAL_TABLES: dict[str, RealTable] = {
    "rand": RealTable(
        rand_table,
        "health",
        "coinsurance",
        "individual_deductible",
        "only a coinsurance of 0 or 100 % has an individual deductible",
    ),
    "fair": RealTable(fair_table, "occupation", "age", "married_at", "married_at = age − years_married"),
    "births": RealTable(births_table, "level", "births", "change", "change = births − births_before"),
    "co2": RealTable(co2_table, "season", "co2", "rise", "rise = co2 − year_before", time="week"),
    "digits": RealTable(digits_table, "digit", "left_1", "ink", "ink = the sum of the eight fields"),
}
