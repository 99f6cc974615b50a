"""
Stand-ins for what a laptop lacks, one module each: the CUDA device, compilation, fast attention, other processes, programs.

Each has `install(used)`, which puts it in place and calls `used(name)` when the submission first leans on it.
"""

from collections.abc import Callable

Used = Callable[[str], None]
