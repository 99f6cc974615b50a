"""Files read and lines printed."""

from __future__ import annotations

from golf_audit.events import (
    Read,
    Report,
)
from golf_audit.program.calls import Calls
from golf_audit.program.handlers import Args, Kwargs
from golf_audit.program.objects import (
    Buffer,
    ListLike,
)
from golf_audit.program.paths import OR, looks_like_artifact, split_of
from golf_audit.program.values import (
    EMPTY,
    HOLE,
    UNKNOWN,
    Lin,
    Ref,
    V,
)


class Reading(Calls):
    """Reads files and hears reports."""

    def read_path(self, path: V) -> V:
        """The content of a file: tokens of a split, what was written there, or unknown."""
        if isinstance(path.obj, Buffer):
            return path.obj.content if path.obj.content is not UNKNOWN else self.read_text(path.obj.path)
        if isinstance(path.obj, ListLike):
            return self.read_path(self.element(path))
        return self.read_text(path.txt or "", path)

    def read_text(self, text: str, path: V = UNKNOWN) -> V:
        """The content of the file at a path, as far as its name tells."""
        if OR in text:
            one, other = text.split(OR, 1)
            return self.mix((self.read_text(one, path), self.read_text(other, path)))
        split = split_of(text)
        if split in ("val", "train"):
            ref = Ref(split, EMPTY, Lin())
            if path.deps:
                ref = Ref(split, EMPTY, Lin())
            self.emit(Read(split=split, path_text=text.replace(HOLE, "*"), **self.where()), f"reads {split} tokens")
            refs = frozenset((ref,))
            return V(raw=refs, taint=refs, flags=frozenset((f"shard-{split}",)))
        if split == "side":
            return V(flags=frozenset(("bytes",)))
        held = self.store.get(text)
        if held is not None and (held.sites or held.taint or held.nll):
            return held
        if self.store and looks_like_artifact(text):
            out: V | None = None
            for name, v in self.store.items():
                if looks_like_artifact(name) and v.sites:
                    out = self.join(out, v)
            if out is not None:
                return out
        return V(flags=frozenset(("file",)), deps=self.loops())

    def tell(self, values: Args, kwargs: Kwargs, label: str = "") -> None:
        """Something is printed or logged."""
        mixed = self.mix([*values, *kwargs.values()])
        scored = frozenset(a for a in mixed.nll if any(r.split == "val" for r in a.targets))
        if not scored and not mixed.look:
            return
        text = label or " ".join(v.txt for v in values if v.txt is not None)
        shown = text.replace(HOLE, "…")[:200]
        event = Report(label=shown, atoms=scored, lookups=mixed.look, flags=mixed.flags, **self.where())
        self.emit(event, f"reports “{shown[:70]}”")
