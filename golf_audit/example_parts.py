"""Parts that the examples of several rules share, for use with `golf_audit.example_script.script`."""

CALIBRATED = """
def calibrate(model, tokens, batches=16):
    total = torch.zeros(32, 32)
    with torch.no_grad():
        for i in range(batches):
            x, _ = pairs(tokens, i * SEQ)
            inputs = model.table(x).flatten(0, 1)
            total += inputs.T @ inputs
    return total

def quantise(model, statistics):
    scale = torch.diag(statistics).mean().sqrt()
    return {name: (p.detach() / scale).round().to(torch.int8) for name, p in model.state_dict().items()}

def reload(path):
    fresh = Model()
    fresh.load_state_dict({name: q.float() for name, q in torch.load(path).items()})
    return fresh

def generate(model, length=2048):
    out = torch.randint(256, (1, 1))
    with torch.no_grad():
        for _ in range(length):
            last = model.logits(out[:, -SEQ:])[:, -1]
            out = torch.cat([out, torch.multinomial(torch.softmax(last, -1), 1)], dim=1)
    return out.flatten()
"""
"""`calibrate` (activation statistics of some tokens), `quantise`, `reload` and `generate` (text of the model's own)."""
