"""``synthos gate``: a validation that passes or fails a build."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from synthos.cli import exits, options
from synthos.cli.progress import listening
from synthos.cli.validate import show, write


def command(
    synthetic: options.Synthetic,
    reference: options.Reference = None,
    holdout: options.Holdout = None,
    max_risk: Annotated[float, typer.Option("--max-risk", min=0, max=100, help="Highest risk that passes.")] = 25.0,
    quick: options.Quick = False,
    json: options.Json = None,
    html: options.Html = None,
    seed: options.Seed = None,
    kinds: options.Kinds = None,
    tier_config: options.TierConfig = None,
    thresholds: options.Thresholds = None,
    engine: options.EngineOption = options.Engine.ray,
    address: options.Address = None,
    workers: options.Workers = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Pass (0) or fail (1) by the risk score; 3 where the verdict is inconclusive."""

    def work() -> int:
        from synthos.flow import judge_gate

        with listening() as listener:
            validation = options.run_validation(
                synthetic,
                reference,
                holdout,
                engine=engine,
                address=address,
                workers=workers,
                quick=quick,
                seed=seed,
                kinds=kinds,
                tier_config=tier_config,
                thresholds=thresholds,
                cache=cache,
                no_cache=no_cache,
                listener=listener,
            )
            written = write(validation, json, html)
        gate = judge_gate(validation, max_risk)
        show(validation, written)
        Console(highlight=False).print(Text(f"gate: {gate.reason}"), soft_wrap=True)
        if validation.decision == "inconclusive":
            return exits.INCONCLUSIVE
        return exits.APPROVED if gate.passed else exits.NOT_APPROVED

    raise typer.Exit(exits.run(work))
