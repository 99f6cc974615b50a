"""Code written for eight GPUs runs on the CPU once the stand-ins are in place; each piece in a process of its own."""

import subprocess
import sys

import pytest

HEAD = """
import torch, torch.distributed as dist, torch.nn.functional as F
from golf_audit.trace.inside.standins import attention, compiling, device, factorising, operators, precision, processes, triton
used = []
for stand_in in (compiling, precision, device, attention, factorising, operators, triton, processes):
    stand_in.install(used.append)
from torch.overrides import TorchFunctionMode
class Moving(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.Tensor.cuda, torch.Tensor.pin_memory):
            return args[0]
        args, kwargs = device.on_cpu(args, kwargs or {})
        return func(*args, **kwargs)
Moving().__enter__()
"""

PIECES = {
    "device": """
assert torch.cuda.is_available() and torch.cuda.get_device_capability() == (9, 0)
d = torch.device("cuda", 0)
assert isinstance(d, torch.device) and d.type == "cuda" and torch.device(0) == d and torch.device("cpu").type == "cpu"
torch.cuda.set_device(d)
layer = torch.nn.Linear(2, 2, device=d).to(d, non_blocking=True).cuda()
assert layer(torch.ones(1, 2, device=d)).to(device=d, dtype=torch.float64).dtype == torch.float64
torch.save(layer.state_dict(), "/dev/null")
import io
buffer = io.BytesIO(); torch.save(layer.state_dict(), buffer); buffer.seek(0)
layer.load_state_dict(torch.load(buffer, map_location=d, weights_only=True))
torch.randperm(4, device=d, generator=torch.Generator(device=d).manual_seed(1))
x = torch.empty(4, device="cuda", pin_memory=True).cuda(non_blocking=True).to("cuda:0", non_blocking=True)
assert x.is_cuda and torch.Generator(device="cuda").manual_seed(3) is not None
with torch.cuda.stream(torch.cuda.Stream()):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record(); end.record(); torch.cuda.synchronize()
    assert start.elapsed_time(end) >= 0
torch.cuda.manual_seed_all(1); torch.backends.cuda.enable_flash_sdp(True)
""",
    "compile": """
@torch.compile(dynamic=False, fullgraph=True, mode="max-autotune")
def double(x): return 2 * x
assert double(3) == 6 and torch.compile(double, dynamic=True) is double
import torch._dynamo
torch._dynamo.config.cache_size_limit = 64
@torch._dynamo.disable
def same(x): return x
assert same(1) == 1 and "compile" in used
""",
    "inference mode": """
with torch.inference_mode():
    cache = torch.ones(3)
(cache * torch.ones(3, requires_grad=True)).sum().backward()
@torch.inference_mode()
def evaluate(): return torch.is_grad_enabled()
assert evaluate() is False and torch.is_grad_enabled()
with torch.inference_mode(False): assert torch.is_grad_enabled()
""",
    "precision": """
d = torch.device("cuda", 0)
with torch.autocast(device_type=d.type, dtype=torch.bfloat16, enabled=d.type == "cuda"):
    assert F.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16
w = torch.nn.Parameter(torch.ones(2))
adam = torch.optim.AdamW([w], lr=0.1, fused=True, betas=(0.9, 0.95))
scaler = torch.amp.GradScaler("cuda")
scaler.scale(w.sum()).backward(); scaler.step(adam); scaler.update()
assert (w < 1).all()
""",
    "processes": """
dist.init_process_group(backend="nccl", device_id=torch.device("cuda", 0))
x, out = torch.arange(4.0), torch.empty(4)
dist.all_reduce(x, op=dist.ReduceOp.AVG); dist.broadcast(x, src=0); dist.barrier()
dist.reduce_scatter_tensor(out, x, op=dist.ReduceOp.SUM, async_op=True).wait()
assert torch.equal(out, torch.arange(4.0))
dist.all_gather_into_tensor(out, x + 1, async_op=True).get_future().wait()
assert torch.equal(out, torch.arange(4.0) + 1)
parts = [torch.empty(4)]; dist.all_gather(parts, x); assert torch.equal(parts[0], x)
objects = [None]; dist.all_gather_object(objects, {"a": 1}); assert objects == [{"a": 1}]
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1), device_ids=[0])
with model.no_sync(): model(x).backward()
assert dist.get_world_size() == 1 and model.module.weight.grad is not None
dist.destroy_process_group(); assert not dist.is_initialized()
""",
    "operators": """
@torch.library.custom_op("golf_audit_test::twice", mutates_args=(), device_types="cuda")
def twice(x: torch.Tensor) -> torch.Tensor: return 2 * x
@twice.register_fake
def _(x): return torch.empty_like(x)
twice.register_autograd(lambda ctx, grad: 2 * grad)
w = torch.ones(3, requires_grad=True)
twice(w).sum().backward()
assert torch.equal(w.grad, torch.full((3,), 2.0))
library = torch.library.Library("golf_audit_other", "DEF")
library.define("thrice(Tensor x) -> Tensor")
library.impl("thrice", lambda x: 3 * x, "CUDA")
assert torch.ops.golf_audit_other.thrice(torch.ones(1)).item() == 3
""",
    "factorising": """
row = torch.randn(1, 6)
short = row.T @ row - 1e-3 * torch.eye(6)
factor = torch.linalg.cholesky(short)
assert torch.isfinite(factor).all() and used[-1] == "factorising"
assert torch.equal(torch.linalg.cholesky(torch.eye(3)), torch.eye(3))
try:
    torch.linalg.cholesky(torch.full((2, 2), float("nan")))
except torch.linalg.LinAlgError:
    pass
else:
    raise AssertionError("a matrix of no numbers has no factor")
""",
    "attention": """
from flash_attn_interface import flash_attn_func
from flash_attn import flash_attn_varlen_func
q = torch.randn(1, 4, 2, 8)
assert flash_attn_func(q, q, q, causal=True).shape == q.shape and "flash-attention" in used
two = torch.randn(2, 4, 2, 8)
out, _ = flash_attn_func(two, two, two, causal=True)
assert torch.equal(out, flash_attn_func(two, two, two, causal=True))
""",
    "triton": """
import triton, triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor
@triton.autotune(configs=[triton.Config({"B": 8}, num_warps=4)], key=["n"])
@triton.jit
def double(x, n, B: "tl.constexpr"):
    at = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(x + at, 2 * tl.load(x + at, mask=at < n), mask=at < n)
x = torch.ones(10)
double[lambda meta: (triton.cdiv(10, 8),)](x, 10)
assert torch.equal(x, torch.full((10,), 2.0)) and "triton" in used
""",
}


@pytest.mark.parametrize("piece", PIECES)
def test_piece(piece: str) -> None:
    """The piece runs to its end, and its assertions hold."""
    ran = subprocess.run([sys.executable, "-c", HEAD + PIECES[piece]], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
