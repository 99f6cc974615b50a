"""Everything a submission's folder states, read once."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from golf_audit.evidence.claims import Claims, read_claims
from golf_audit.evidence.commands import read_commands
from golf_audit.evidence.configuration import Configuration, configure
from golf_audit.evidence.headline import Headline, HeadlineLine, find_headline
from golf_audit.evidence.runlog import Run, RunLog, is_log, read_log
from golf_audit.finding import Confidence

if TYPE_CHECKING:
    from golf_audit.submission import Folder

RECORD_TRACK = "track_10min_16mb"
NON_RECORD = re.compile(r"(?i)\bnon[-_ ]?record")
_NAMES = ("/track", "/name", "/title")
"""Where metadata says what the submission is."""


@dataclass(frozen=True)
class Evidence:
    """A folder's logs and claims, and what follows from them; everything after `folder` is read when first asked for."""

    folder: "Folder"

    @cached_property
    def logs(self) -> tuple[RunLog, ...]:
        """Every log with training or a result, by path."""
        return tuple(log for file in self.folder.files.values() if is_log(file) and (log := read_log(file)))

    @cached_property
    def claims(self) -> Claims:
        """What `submission.json` and the README state."""
        return read_claims(self.folder)

    @cached_property
    def headline(self) -> Headline | None:
        """The log lines that the claimed score was made from."""
        return find_headline(self.claims, self.logs)

    @cached_property
    def configuration(self) -> Configuration:
        """What the claimed runs were configured with."""
        entry = self.folder.entry.path.rsplit("/", 1)[-1] if self.folder.entry else "train_gpt.py"
        return configure(read_commands(self.folder), entry, [(log, run) for log, run in self.claimed_runs])

    @cached_property
    def claimed_runs(self) -> tuple[tuple[RunLog, Run], ...]:
        """
        The runs behind the claim, each with its log: those of the headline's lines, else of every log with a result.

        Where the headline is one line of one log but metadata or README name further seeds, those seeds' logs join.
        """
        if self.headline is None:
            return tuple((log, log.main) for log in self.logs if log.main.results)
        runs = {(line.log.path, id(line.run)): (line.log, line.run) for line in self.headline.lines}
        if len(self.headline.lines) < len(self.claims.seeds):
            seeds = {line.seed for line in self.headline.lines}
            for log in self.logs:
                if log.seed in self.claims.seeds and log.seed not in seeds and log.main.results:
                    seeds.add(log.seed)
                    runs.setdefault((log.path, id(log.main)), (log, log.main))
        return tuple(runs.values())

    @property
    def headline_lines(self) -> tuple[HeadlineLine, ...]:
        """The headline's lines; empty where none was found."""
        return self.headline.lines if self.headline else ()

    @cached_property
    def scored_lines(self) -> tuple[HeadlineLine, ...]:
        """The headline's lines, else the last result of every claimed run: what the coverage of a claim is read from."""
        if self.headline:
            return self.headline.lines
        return tuple(
            HeadlineLine(log, run, run.results[-1], run.seed if run.seed is not None else log.seed)
            for log, run in self.claimed_runs
            if run.results
        )

    @property
    def is_certain(self) -> bool:
        """Whether the lines behind the claim are known for certain."""
        return self.headline is not None and self.headline.confidence is Confidence.HIGH

    def facts(self) -> dict[str, object]:
        """The fact table and what stands beside it as plain data; see `golf_audit.evidence.facts`."""
        from golf_audit.evidence.facts import as_json

        return as_json(self)

    @property
    def for_the_record(self) -> bool:
        """Whether the folder stands in the record track, where the budgets of time hold."""
        return self.folder.track == RECORD_TRACK

    @property
    def calls_itself_non_record(self) -> bool:
        """Whether the README's title, or the metadata's name or track, says that it is no record, wherever the folder stands."""
        named = [text for pointer, text, _ in self.claims.metadata.text() if pointer in _NAMES]
        readme = self.claims.readme.file
        title = next((line for line in readme.lines if line.startswith("#")), "") if readme else ""
        return any(NON_RECORD.search(text) for text in (*named, title))


def read_evidence(folder: "Folder") -> Evidence:
    """The evidence of one folder, read as it is asked for."""
    return Evidence(folder)
