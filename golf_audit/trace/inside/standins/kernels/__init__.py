"""
Triton's kernels, run program by program on tensors of the CPU.

A kernel is a Python function; what it calls is small. Triton's own interpreter is not used: it computes with bfloat16 as
if it were integers. What is not stood in for raises NotImplementedError with its name, so that a run never goes on with a guess.
"""
