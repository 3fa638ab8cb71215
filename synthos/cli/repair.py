"""``synthos repair``: apply recommendations of a validation and write a new table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from synthos.cli import exits, options
from synthos.cli.progress import listening


def command(
    synthetic: options.Synthetic,
    result: Annotated[Path, typer.Option("--from", metavar="RESULT.json", help="What `validate --json` wrote.")],
    out: Annotated[Path, typer.Option("--out", metavar="FIXED", help="The new table (.parquet or .csv).")],
    reference: options.Reference = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Apply this recommendation; may be repeated.")
    ] = None,
    seed: options.Seed = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Apply recommendations and say what was done, row by row.

    By default those whose gain was measured and is above 0, and that need no real rows; after --quick, which measures
    no gains, name them with --only. Beside the same reference, validating a new Parquet file reads only
    parts in which rows were removed, where the scan of the old one is kept.
    """

    def work() -> int:
        from synthos.flow import repair

        with listening() as listener:
            report = repair(
                synthetic,
                result,
                out,
                reference=reference,
                only=tuple(only or ()),
                seed=seed,
                cache=options.cache_of(cache, no_cache),
                on_progress=listener,
            )
        console = Console(highlight=False)
        for line in report.lines():
            console.print(Text(line), soft_wrap=True)
        return exits.APPROVED

    raise typer.Exit(exits.run(work))
