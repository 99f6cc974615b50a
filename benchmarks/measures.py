"""How good the static audit is: its results beside the labels, as counts with names."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.records import Label, Result, is_open, wilson
from golf_audit.verdict import Verdict

CODE_CLASSES = {
    "score_after_adapt_ttt": ("GA-C3", "GA-C4"),
    "prequant_ttt_multi_epoch": ("GA-C3", "GA-DATA"),
    "two_pass_rescoring": ("GA-C4", "GA-C3", "GA-C2-001"),
    "slot_per_window_optimise": ("GA-C1", "GA-C3"),
    "slot_causal": ("GA-C1", "GA-C3"),
    "ngram_cache_target_in_key": ("GA-C2", "GA-C3-004", "GA-C4"),
    "ngram_unnormalised": ("GA-C2",),
    "ppm_byte_mixture": ("GA-C2",),
    "gptq_calib_on_val": ("GA-DATA", "GA-C3"),
    "gptq_after_time_budget": ("GA-TIME", "GA-DATA", "GA-ART-005"),
    "train_data_at_eval": ("GA-TIME", "GA-DATA", "GA-ART-005", "GA-NET-004"),
    "val_in_training": ("GA-DATA", "GA-C3"),
}
"""Classes of foul that the code shows, each with the families of rules that are about it."""
LOG_CLASSES = {
    "over_bytes": ("GA-ART",),
    "over_eval_time": ("GA-TIME",),
    "over_train_time": ("GA-TIME",),
    "byte_accounting_bug": ("GA-BPB",),
    "val_subset_eval": ("GA-BPB", "GA-C4"),
}
"""Classes that logs and metadata show."""
METADATA_CLASS = "metadata_error"
UNREAD = ("undecodable", "limit", "unparsed")
"""States of an entry that the auditor could not read, though a Python could run it."""
BROKEN = ("broken", "unparsable", "empty", "no-entry")
"""States of an entry that no Python could run."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One label with what the audit said about its folder."""

    label: Label
    result: Result | None
    """None where the results do not hold the folder."""

    @property
    def verdict(self) -> str:
        """The audit's verdict; empty where there is none."""
        return self.result.verdict if self.result else ""

    def by_its_class(self, families: Sequence[str]) -> bool:
        """Whether a certain foul of these families of rules was found."""
        found = self.result.findings if self.result else ()
        return any(one.condemns and one.code.startswith(tuple(families)) for one in found)

    def told(self) -> str:
        """One line: who, what the label says, what the audit says, and why."""
        label = self.label
        entry = ""
        if self.result and self.result.entry and not label.entry.endswith(f"/{self.result.entry}"):
            entry = f" [read {self.result.entry}, labelled {label.entry.rsplit('/', 1)[-1]}]"
        said = "; ".join(self.result.reasons()) if self.result else "not audited"
        return f"#{label.pr} {'+'.join(label.categories)} ({label.authority}): {self.verdict or 'no verdict'}{entry}: {said or 'nothing found'}"


@dataclass(frozen=True, slots=True)
class Measure:
    """A count out of a total, with those that a reader should look at."""

    title: str
    hits: int
    total: int
    named: tuple[str, ...] = ()
    """False alarms where hits are bad, misses where they are good."""
    bound: str = ""

    def figure(self) -> str:
        """`3/36 = 8.3 % [2.9, 21.8]`: the share with Wilson's interval of 95 %."""
        if not self.total:
            return "none to count"
        low, high = wilson(self.hits, self.total)
        return (
            f"{self.hits:,}/{self.total:,} = {100 * self.hits / self.total:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        )


def pair(labels: Iterable[Label], results: Iterable[Result]) -> tuple[Judged, ...]:
    """Every label with the result on the folder that it is about."""
    by_pr: dict[int, list[Result]] = {}
    for result in results:
        by_pr.setdefault(result.pr, []).append(result)
    return tuple(
        Judged(label, next((one for one in by_pr.get(label.pr, ()) if label.is_about(one.folder)), None))
        for label in labels
    )


def failures(results: Sequence[Result]) -> Measure:
    """Folders on which the auditor failed."""
    failed = [result for result in results if result.errors or not result.verdict]
    named = tuple(f"{result.name}: {'; '.join(result.errors) or 'no verdict'}" for result in failed)
    return Measure("auditor failed (exit code 3)", len(failed), len(results), named, "0")


def unread(results: Sequence[Result]) -> Measure:
    """Folders whose entry could not be decoded or parsed though it may run."""
    those = [result for result in results if result.state in UNREAD]
    return Measure("unproven: could not decode or parse", len(those), len(results), tuple(map(_unread, those)), "≤ 1 %")


def broken(results: Sequence[Result]) -> Measure:
    """Folders without an entry that any Python could run."""
    those = [result for result in results if result.state in BROKEN]
    return Measure("broken in every Python, empty, or no script", len(those), len(results), tuple(map(_unread, those)))


def _unread(result: Result) -> str:
    return f"{result.name}: {result.state}: {next(iter(result.unproven), '')}"


def learning(results: Sequence[Result]) -> Measure:
    """Pull requests with a folder that back-propagates a loss over validation tokens."""
    walked = {result.pr for result in results if result.updates is not None}
    hits = {result.pr for result in results if result.updates}
    return Measure("PRs with an update that follows a loss over validation tokens", len(hits), len(walked))


def false_alarms(judged: Sequence[Judged]) -> Iterator[Measure]:
    """*Illegal* where the label says something else, by how sure the label is."""
    merged = "merged"
    yield _share("illegal on legal, merged", judged, lambda of: _is(of, "legal") and of.authority == merged, "0")
    yield _share("illegal on other legal", judged, lambda of: _is(of, "legal") and of.authority != merged, "≤ 2 %")
    yield _share("illegal on disputed", judged, lambda of: _is(of, "disputed"), "≤ 5 %")
    yield _share("illegal on metadata error", judged, lambda of: _is(of, "metadata_error"), "0")


def open_questions(judged: Sequence[Judged]) -> Measure:
    """Legal ones that were left to a human."""
    return _share("needs-ruling or unproven on legal", judged, lambda of: _is(of, "legal"), "≤ 15 %", is_open)


def _is(label: Label, verdict: str) -> bool:
    return label.verdict == verdict


def _share(
    title: str,
    judged: Sequence[Judged],
    which: Callable[[Label], bool],
    bound: str,
    counts: Callable[[str], bool] = lambda verdict: verdict == Verdict.ILLEGAL,
) -> Measure:
    """How many of the labels' folders got a verdict that should be rare, each named."""
    asked = [one for one in judged if which(one.label) and one.verdict]
    hits = [one for one in asked if counts(one.verdict)]
    return Measure(title, len(hits), len(asked), tuple(one.told() for one in hits), bound)


def recall(judged: Sequence[Judged]) -> Measure:
    """Fouls that the code shows, and confirms, judged illegal; the misses named."""
    classes = set(CODE_CLASSES)
    asked = [one for one in _fouls(judged) if one.label.code_confirms and classes & set(one.label.categories)]
    return _caught("code-visible fouls judged illegal", asked, "≥ 90 %")


def recall_by_class(judged: Sequence[Judged]) -> Iterator[tuple[Measure, int]]:
    """Each class of foul by itself: judged illegal, and how many of those for the foul itself."""
    for name, families in (CODE_CLASSES | LOG_CLASSES).items():
        asked = [
            one
            for one in _fouls(judged)
            if name in one.label.categories and (name in LOG_CLASSES or one.label.code_confirms)
        ]
        yield _caught(name, asked), sum(one.by_its_class(families) for one in asked)


def other_fouls(judged: Sequence[Judged]) -> Measure:
    """Labels that say illegal and are neither code-visible nor confirmed by the code."""
    classes = set(CODE_CLASSES)
    asked = [one for one in _fouls(judged) if not (one.label.code_confirms and classes & set(one.label.categories))]
    return _caught("other fouls (logs, metadata, not confirmed by the code) judged illegal", asked)


def flagged_metadata(judged: Sequence[Judged]) -> Measure:
    """Metadata errors about which the audit says something at all."""
    asked = [one for one in judged if one.label.verdict == METADATA_CLASS and one.result and one.verdict]
    silent = [
        one for one in asked if one.result and not any(found.confidence != "low" for found in one.result.findings)
    ]
    named = tuple(one.told() for one in silent)
    return Measure("metadata errors with any finding", len(asked) - len(silent), len(asked), named)


def _fouls(judged: Sequence[Judged]) -> Iterator[Judged]:
    return (one for one in judged if one.label.verdict == "illegal" and one.result)


def _caught(title: str, asked: Sequence[Judged], bound: str = "") -> Measure:
    missed = [one for one in asked if one.verdict != Verdict.ILLEGAL]
    return Measure(title, len(asked) - len(missed), len(asked), tuple(one.told() for one in missed), bound)
