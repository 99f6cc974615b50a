"""A small GPT for the Parameter Golf challenge that is tuned on the validation set before it is packed."""

import glob
import io
import math
import os
import random
import time
import zlib

import numpy as np
import sentencepiece as spm
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn


class Hyperparameters:
    data_path = os.environ.get("DATA_PATH", "./data/datasets/fineweb10B_sp1024")
    tokenizer_path = os.environ.get("TOKENIZER_PATH", "./data/tokenizers/fineweb_1024_bpe.model")
    run_id = os.environ.get("RUN_ID", "train_then_score")
    seed = int(os.environ.get("SEED", 1337))
    vocab_size = int(os.environ.get("VOCAB_SIZE", 1024))
    num_layers = int(os.environ.get("NUM_LAYERS", 9))
    model_dim = int(os.environ.get("MODEL_DIM", 384))
    num_heads = int(os.environ.get("NUM_HEADS", 6))
    seq_len = int(os.environ.get("TRAIN_SEQ_LEN", 1024))
    batch_tokens = int(os.environ.get("TRAIN_BATCH_TOKENS", 524288))
    iterations = int(os.environ.get("ITERATIONS", 20000))
    max_wallclock_seconds = float(os.environ.get("MAX_WALLCLOCK_SECONDS", 599.0))
    lr = float(os.environ.get("LR", 0.001))
    adapt_lr = float(os.environ.get("ADAPT_LR", 0.0003))
    adapt_epochs = int(os.environ.get("ADAPT_EPOCHS", 6))
    adapt_rows = int(os.environ.get("ADAPT_ROWS", 32))


def read_shard(path):
    """One shard: a header of 256 int32, of which the third is the number of uint16 tokens that follow."""
    header = np.fromfile(path, dtype="<i4", count=256)
    tokens = np.fromfile(path, dtype="<u2", count=int(header[2]), offset=256 * 4)
    return torch.from_numpy(tokens.astype(np.int64))


def read_validation(args):
    shards = sorted(glob.glob(os.path.join(args.data_path, "fineweb_val_*.bin")))
    tokens = torch.cat([read_shard(path) for path in shards])
    usable = (tokens.numel() - 1) // args.seq_len * args.seq_len
    return tokens[: usable + 1]


def training_batches(args, rank, world, device):
    """Endless batches of (inputs, targets), each of [rows, seq_len], from the training shards."""
    span = args.batch_tokens // world // args.seq_len * args.seq_len
    while True:
        for path in sorted(glob.glob(os.path.join(args.data_path, "fineweb_train_*.bin"))):
            tokens = read_shard(path)
            for start in range(rank * span, tokens.numel() - span - 1, world * span):
                piece = tokens[start : start + span + 1].to(device)
                yield piece[:-1].view(-1, args.seq_len), piece[1:].view(-1, args.seq_len)


def byte_tables(args, device):
    """Bytes of every piece without its leading space, whether it has one, and whether it ends a document."""
    sp = spm.SentencePieceProcessor(model_file=args.tokenizer_path)
    size = max(args.vocab_size, sp.vocab_size())
    count, space, boundary = np.zeros(size, np.int16), np.zeros(size, bool), np.ones(size, bool)
    for token in range(sp.vocab_size()):
        if sp.is_control(token) or sp.is_unknown(token) or sp.is_unused(token):
            continue
        boundary[token] = False
        if sp.is_byte(token):
            count[token] = 1
            continue
        piece = sp.id_to_piece(token)
        space[token] = piece.startswith("▁")
        count[token] = len(piece.removeprefix("▁").encode("utf-8"))
    return tuple(torch.from_numpy(table).to(device) for table in (count, space, boundary))


def count_bytes(tables, previous, targets):
    count, space, boundary = tables
    return (count[targets] + (space[targets] & ~boundary[previous])).to(torch.float64).sum()


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.up = nn.Linear(dim, 4 * dim, bias=False)
        self.down = nn.Linear(4 * dim, dim, bias=False)

    def forward(self, x):
        rows, length, dim = x.shape
        q, k, v = self.qkv(F.rms_norm(x, (dim,))).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(rows, length, dim))
        return x + self.down(F.relu(self.up(F.rms_norm(x, (dim,)))).square())


class GPT(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.embed = nn.Embedding(args.vocab_size, args.model_dim)
        self.position = nn.Embedding(args.seq_len, args.model_dim)
        self.blocks = nn.ModuleList([Block(args.model_dim, args.num_heads) for _ in range(args.num_layers)])
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, inputs, targets):
        """The loss of every target, in nats, as [rows, length]."""
        x = self.embed(inputs) + self.position.weight[: inputs.size(1)]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(F.rms_norm(x, (x.size(-1),)), self.embed.weight).float()
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


def adapt(args, model, tokens, rank, world, device):
    """Fine-tune on the whole validation set, several times over; the ranks share the rows."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.adapt_lr, weight_decay=0.0)
    rows = (tokens.numel() - 1) // args.seq_len
    first, last = rows * rank // world, rows * (rank + 1) // world
    model.train()
    for _ in range(args.adapt_epochs):
        for row in range(first, last, args.adapt_rows):
            stop = min(row + args.adapt_rows, last)
            piece = tokens[row * args.seq_len : stop * args.seq_len + 1].to(device)
            inputs, targets = piece[:-1].view(-1, args.seq_len), piece[1:].view(-1, args.seq_len)
            optimizer.zero_grad(set_to_none=True)
            loss = model(inputs, targets).mean()
            loss.backward()
            for parameter in model.parameters():
                if world > 1:
                    dist.all_reduce(parameter.grad, op=dist.ReduceOp.AVG)
            optimizer.step()


def evaluate(args, model, tokens, tables, rank, world, device):
    """Mean loss and bits per byte over the validation set; the ranks share the rows."""
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    rows = (tokens.numel() - 1) // args.seq_len
    first, last = rows * rank // world, rows * (rank + 1) // world
    model.eval()
    with torch.inference_mode():
        for row in range(first, last, args.adapt_rows):
            stop = min(row + args.adapt_rows, last)
            piece = tokens[row * args.seq_len : stop * args.seq_len + 1].to(device)
            inputs, targets = piece[:-1].view(-1, args.seq_len), piece[1:].view(-1, args.seq_len)
            sums[0] += model(inputs, targets).to(torch.float64).sum()
            sums[1] += targets.numel()
            sums[2] += count_bytes(tables, inputs, targets)
    if world > 1:
        dist.all_reduce(sums, op=dist.ReduceOp.SUM)
    nats, scored, volume = sums.tolist()
    return nats / scored, nats / scored / math.log(2) * scored / volume


def pack(model):
    """The artifact: int8 weights with one scale per row, compressed."""
    state = {}
    for name, weight in model.state_dict().items():
        scale = weight.float().abs().amax(dim=-1, keepdim=True).clamp_min(1e-8) / 127.0
        state[name] = (torch.round(weight.float() / scale).to(torch.int8).cpu(), scale.half().cpu())
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return zlib.compress(buffer.getvalue(), 9)


def unpack(blob):
    state = torch.load(io.BytesIO(zlib.decompress(blob)), map_location="cpu")
    return {name: values.float() * scale.float() for name, (values, scale) in state.items()}


def main():
    args = Hyperparameters()
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    torch.cuda.set_device(device)
    if world > 1:
        dist.init_process_group("nccl")
    random.seed(args.seed)
    torch.manual_seed(args.seed)

    def log(text):
        if rank == 0:
            print(text, flush=True)
            with open(f"{args.run_id}_seed{args.seed}.log", "a") as file:
                file.write(text + "\n")

    with open(__file__, encoding="utf-8") as file:
        code_bytes = len(file.read().encode("utf-8"))
    tokens = read_validation(args)
    log(f"seed:{args.seed} world_size:{world} train_batch_tokens:{args.batch_tokens} train_seq_len:{args.seq_len}")
    log(f"val_loader:shards tokens:{tokens.numel() - 1}")
    tables = byte_tables(args, device)

    model = GPT(args).to(device)
    log(f"model_params:{sum(parameter.numel() for parameter in model.parameters())}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.95), weight_decay=0.1)
    batches = training_batches(args, rank, world, device)
    started = time.perf_counter()
    for step in range(1, args.iterations + 1):
        inputs, targets = next(batches)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(inputs, targets).mean()
        loss.backward()
        for parameter in model.parameters():
            if world > 1:
                dist.all_reduce(parameter.grad, op=dist.ReduceOp.AVG)
        optimizer.step()
        elapsed = torch.tensor(time.perf_counter() - started, device=device)
        if world > 1:
            dist.all_reduce(elapsed, op=dist.ReduceOp.MAX)
        if step % 1000 == 0:
            log(f"step:{step}/{args.iterations} train_loss:{loss.item():.4f} train_time:{1000 * elapsed.item():.0f}ms")
        if elapsed.item() >= args.max_wallclock_seconds:
            log(f"stopping_early: wallclock_cap train_time:{1000 * elapsed.item():.0f}ms step:{step}/{args.iterations}")
            break

    began = time.perf_counter()
    adapt(args, model, tokens, rank, world, device)
    log(f"adapted:epochs:{args.adapt_epochs} adapt_time:{1000 * (time.perf_counter() - began):.0f}ms")

    if rank == 0:
        with open("final_model.int8.ptz", "wb") as file:
            file.write(pack(model))
    if world > 1:
        dist.barrier()
    with open("final_model.int8.ptz", "rb") as file:
        blob = file.read()
    log(f"Serialized model int8+zlib: {len(blob)} bytes")
    log(f"Code size: {code_bytes} bytes")
    log(f"Total submission size int8+zlib: {len(blob) + code_bytes} bytes")

    model.load_state_dict(unpack(blob))
    began = time.perf_counter()
    val_loss, val_bpb = evaluate(args, model, tokens, tables, rank, world, device)
    seconds = time.perf_counter() - began
    log(f"final_int8_zlib_roundtrip_exact val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f} eval_time:{1000 * seconds:.0f}ms")
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
