"""The seeds of one claim counted different code."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from golf_audit.evidence.events import CodeForm, CodeSize
from golf_audit.evidence.samples import SampleRun, submission
from golf_audit.finding import Finding, Related, Severity, Unproven
from golf_audit.rule import Example, Rule

if TYPE_CHECKING:
    from golf_audit.case import Case


class CodeSizeDiffersBetweenSeeds(Rule):
    """
    Every seed must run the same script, and so count the same code bytes.

    The size of the code is a fingerprint: another size is another script, or a script that packs itself, writes itself over its own
    file and is packed again by the next seed. Either way the seeds are not of one submission.
    """

    code = "GA-CODE-004"
    severity = Severity.METADATA
    authority = ("readme-r10",)
    would_change = "Logs in which every seed counts the same code."
    legal: ClassVar[tuple[Example, ...]] = (
        Example("one size", files=submission()),
        Example(
            "packed and plain printed by each",
            files=submission(*(SampleRun(s, before="Code size (uncompressed): 60000 bytes") for s in (1, 2, 3))),
        ),
        Example(
            "an earlier run of another script beside the claim",
            files=submission(files={"old/train_seed7.log": SampleRun(7, 1.2, code=50_000).log()}),
        ),
    )
    illegal: ClassVar[tuple[Example, ...]] = (
        Example(
            "packed anew by every seed",
            files=submission(SampleRun(42, code=19_877), SampleRun(314, code=20_602), SampleRun(999, code=21_327)),
            says="19,877",
        ),
        Example(
            "one seed counts the plain script",
            files=submission(SampleRun(42, code=72_046), SampleRun(1, code=16_740), SampleRun(2, code=16_740)),
            says="72,046",
        ),
        Example(
            "a few bytes apart", files=submission(SampleRun(1, code=20_000), SampleRun(2, code=20_012)), says="20,012"
        ),
    )

    def check(self, case: "Case") -> Iterator[Finding | Unproven]:
        """Compare the claimed runs' last code sizes of one form."""
        if case.evidence.headline is None:
            return
        sizes = []
        for log, run in case.evidence.claimed_runs:
            counted = [code for code in run.of(CodeSize) if code.form is not CodeForm.UNCOMPRESSED]
            if counted:
                sizes.append((log, run.seed if run.seed is not None else log.seed, counted[-1]))
        if len({code.size for _, _, code in sizes}) <= 1:
            return
        log, _, code = max(sizes, key=lambda item: item[2].size)
        told = ", ".join(f"{one.size:,}" + (f" (seed {seed})" if seed is not None else "") for _, seed, one in sizes)
        raw = {one.raw for _, _, one in sizes if one.raw}
        sources = f"; the packed source is {', '.join(f'{size:,}' for size in sorted(raw))} bytes" if raw else ""
        yield self.finding(
            f"The seeds counted code of different sizes: {told}{sources}.",
            log.location(code.line),
            *(Related(other.location(one.line), f"{one.size:,} bytes") for other, _, one in sizes if one is not code),
        )
