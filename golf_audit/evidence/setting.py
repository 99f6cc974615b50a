"""A stated value of one hyper-parameter, and where it is stated."""

from dataclasses import dataclass

from golf_audit.finding import Location


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that somebody set, as the text they wrote."""

    value: str
    """The text as written, without quotes: `1`, `True`, `5e-4`, `./data`."""
    source: str
    """Who says so: `README command`, `run script` or `log`."""
    location: Location
