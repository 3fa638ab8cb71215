"""``synthos gate``: a validation that passes or fails a build."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from synthos.cli import exits, options
from synthos.cli.validate import judge, show


@options.flattened
def command(
    tables: options.Tables,
    *,
    max_risk: Annotated[float, typer.Option("--max-risk", min=0, max=100, help="Highest risk that passes.")] = 25.0,
    run: options.Run,
) -> None:
    """Pass (0) or fail (1) by the risk score itself, not its interval; 3 where too little was seen to pass.

    Without --reference nothing passes.
    """

    def work() -> int:
        from synthos.flow import check_max_risk, judge_gate

        check_max_risk(max_risk)
        validation, written = judge(tables, run)
        gate = judge_gate(validation, max_risk)
        show(validation, written)
        Console(highlight=False).print(Text(f"gate: {gate.reason}"), soft_wrap=True)
        return exits.BY_GATE[gate.outcome]

    raise typer.Exit(exits.run(work))
