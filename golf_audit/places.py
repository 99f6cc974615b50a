"""Lines of the walked program as places to open."""

from golf_audit.case import Case
from golf_audit.finding import Location


def place(case: Case, file: str, line: int) -> Location:
    """A line of a walked module, by its path."""
    walk = case.walk
    numbers = [i for i, text in enumerate(walk.texts) if text.file == file] if walk else []
    return walk.place(numbers[-1], line) if walk and numbers else Location(file, line)
