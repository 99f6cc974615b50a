"""What running the code showed, for people: the conditions with their witnesses, and the run's timeline."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from golf_audit.reports import inert

_STYLES = {"held": "green", "violated": "bold red", "not observed": "cyan"}
_CELLS = {"s": "blue", "L": "yellow", "B": "magenta"}


def observed(facts: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The section of a report about its runs; nothing where there were none."""
    trace = facts.get("trace")
    if not trace:
        return
    yield Text()
    yield Text("  observed at run time", style="bold")
    yield Padding(_conditions(trace["conditions"]), (0, 0, 0, 4), expand=False)
    yield from _timeline(trace["timeline"])
    yield from _runs(trace)


def _conditions(conditions: list[Mapping[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in conditions:
        state = Text(one["state"], style=_STYLES.get(one["state"], ""))
        table.add_row(Text(one["name"], style="bold"), state, Text(inert.line(one["witness"], 500)))
    return table


def _timeline(timeline: Mapping[str, Any]) -> Iterator[RenderableType]:
    if not timeline["rows"]:
        return
    yield Text()
    yield Text(
        "    positions of the stream (down) over the run (across): s scored, L learned from, B both", style="dim"
    )
    for row in timeline["rows"]:
        text = Text("    ")
        for cell in row:
            text.append(cell, style=_CELLS.get(cell, "dim"))
        yield text
    first, last = timeline["counted"]
    if first >= 0:
        yield Text("    " + " " * first + "^" * max(1, last - first + 1) + " the scores that are counted", style="bold")


def _runs(trace: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text()
    parts = [f"{one['name']} {one['seconds']:.0f} s, {one['peak_mb']} MB" for one in trace["runs"]]
    yield Text(f"    runs: {'; '.join(parts)}; sandbox {trace['sandbox']}", style="dim")
    if trace["blind_spots"]:
        yield Text(f"    stood in for: {inert.line('; '.join(trace['blind_spots']), 500)}", style="dim")
    headline = trace["headline"]
    if headline:
        how = (
            f", {headline['counted']} scores of {headline['tokens']:,} tokens"
            if headline["counted"]
            else ", not accounted for"
        )
        yield Text(f"    claimed line: {inert.line(headline['printed'], 160)}{how}", style="dim")
