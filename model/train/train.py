"""Trains the model that the hub reads slots with. See ../README.md.

    train.py DATA OUT --minutes N [--seed N] [--threads N] [--width 128] [--layers 4] [--heads 4] [--forward 384]

DATA is a file of model/write-corpus.ts. OUT gets tokenizer.json, checkpoint.pt (from which a second call goes on) and
train.log. The loss counts the answer's tokens alone. The rate follows the time that is left, so any length ends well.
"""
import argparse
import contextlib
import ctypes
import json
import os
import random
import subprocess
import time

# OpenBLAS 0.3.21 chooses a slow kernel on newer processors; a thread that waits must not spin on a shared one.
os.environ.setdefault("OPENBLAS_CORETYPE", "SKYLAKEX")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
import torch.nn.functional as F

import network
from tokens import BEGIN, END, Tokenizer, learn

LEARN_FROM = 6_000  # samples that the tokenizer is learned from
CONTEXT = 1_024


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--forward", type=int, default=384)
    parser.add_argument("--vocabulary", type=int, default=2_048)
    parser.add_argument("--batch", type=int, default=0, help="samples of a step; 0: 8 on a processor, 128 on a GPU")
    parser.add_argument("--rate", type=float, default=0.003)
    return parser.parse_args()


def read(path):
    with open(path) as lines:
        head = json.loads(next(lines))
        return head, [json.loads(line) for line in lines]


def encoded(rows, tokenizer):
    """Each sample's tokens, and where its answer begins. The three parts are encoded apart, as the hub does."""
    out = []
    for row in rows:
        prompt = [BEGIN] + tokenizer.encode(row["fixed"]) + tokenizer.encode(row["incident"])
        whole = prompt + tokenizer.encode(row["answer"]) + [END]
        if len(whole) <= CONTEXT:
            out.append((np.array(whole, np.int32), len(prompt)))
    return out


def batches(samples, size, draw):
    """For ever, in a new order each time; of like length, so that little is padding."""
    while True:
        order = list(range(len(samples)))
        draw.shuffle(order)
        for at in range(0, len(order), size * 50):
            chunk = sorted(order[at : at + size * 50], key=lambda i: len(samples[i][0]))
            groups = [chunk[i : i + size] for i in range(0, len(chunk), size)]
            draw.shuffle(groups)
            for group in groups:
                yield [samples[i] for i in group]


def tensors(batch, device):
    longest = max(len(tokens) for tokens, _ in batch)
    x = torch.zeros(len(batch), longest, dtype=torch.long)
    y = torch.full((len(batch), longest), -1)
    for i, (tokens, answer) in enumerate(batch):
        row = torch.from_numpy(tokens.astype(np.int64))
        x[i, : len(row)] = row
        y[i, answer - 1 : len(row) - 1] = row[answer:]
    return x.to(device), y.to(device)


def attention_for(device, out):
    if device == "cuda":
        return network.by_torch
    library = os.path.join(out, "attention.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attention.c")
    blas = "/usr/lib/%s-linux-gnu/openblas-pthread/libopenblas.so.0" % os.uname().machine
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
    try:
        subprocess.run(["gcc", *flags, source, "-o", library, blas, "-lm"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print("attention.c could not be compiled, torch does it more slowly:", error, flush=True)
        return network.by_torch
    return network.on_processor(os.path.abspath(library))


def keep_memory():
    """Lets glibc keep what is freed: otherwise each step gives a hundred MiB back and takes them page by page again."""
    trim, mapped, arenas = -1, -3, -8
    for what, value in ((arenas, 1), (trim, 2**31 - 1), (mapped, 32 << 20)):
        ctypes.CDLL(None).mallopt(what, value)


def main():
    given = arguments()
    keep_memory()
    os.makedirs(given.out, exist_ok=True)
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    draw = random.Random(given.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    head, rows = read(given.data)
    began = time.time()
    merges = learn([row[part] for row in rows[:LEARN_FROM] for part in ("incident", "answer")], given.vocabulary)
    tokenizer = Tokenizer(merges)
    samples = encoded(rows, tokenizer)
    lengths = [len(tokens) for tokens, _ in samples]
    prompts = [answer for _, answer in samples]
    print(
        f"samples {len(samples)} of {len(rows)}, vocabulary {len(tokenizer.tokens)}, tokens {np.mean(lengths):.0f} each"
        f" (p99 {np.percentile(lengths, 99):.0f}), of which prompt {np.mean(prompts):.0f}, read in {time.time() - began:.0f} s",
        flush=True,
    )
    shape = {key: getattr(given, key) for key in ("width", "layers", "heads", "forward")}
    shape["context"] = CONTEXT
    with open(os.path.join(given.out, "tokenizer.json"), "w") as out:
        json.dump({"merges": merges, "shape": shape, "classes": head["classes"], "corpus": head}, out)
    net = network.Network(shape, len(tokenizer.tokens), attention_for(device, given.out)).to(device)
    matrices = [weight for weight in net.parameters() if weight.dim() == 2]
    others = [weight for weight in net.parameters() if weight.dim() != 2]
    steps = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}], lr=given.rate, betas=(0.9, 0.98)
    )
    print(f"parameters {sum(weight.numel() for weight in net.parameters())}, device {device}", flush=True)
    checkpoint = os.path.join(given.out, "checkpoint.pt")
    step, tokens, spent = 0, 0, 0.0
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint, map_location=device)
        net.load_state_dict(saved["net"])
        steps.load_state_dict(saved["steps"])
        step, tokens, spent = saved["step"], saved["tokens"], saved["spent"]
        draw.seed(given.seed + step)
        print(f"goes on from step {step} after {spent / 60:.1f} minutes", flush=True)

    def save():
        state = {"net": net.state_dict(), "steps": steps.state_dict(), "step": step, "tokens": tokens, "spent": spent + took}
        torch.save(state, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)

    feed = batches(samples, given.batch or (128 if device == "cuda" else 8), draw)
    budget = given.minutes * 60
    started = saved_at = time.time()
    took, losses = 0.0, []
    while True:
        took = time.time() - started
        share = (spent + took) / budget
        if share >= 1:
            break
        # Warm up, hold, then down to a fiftieth at the end of the time.
        rate = given.rate * min(1, (step + 1) / 100) * (1 if share < 0.5 else max(0.02, (1 - share) / 0.5))
        for group in steps.param_groups:
            group["lr"] = rate
        batch = next(feed)
        x, y = tensors(batch, device)
        with torch.autocast("cuda", torch.bfloat16) if device == "cuda" else contextlib.nullcontext():
            asked = y >= 0
            loss = F.cross_entropy((net.hidden(x, asked) @ net.token_embd.weight.T).float(), y[asked])
        steps.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        steps.step()
        step += 1
        tokens += sum(len(one) for one, _ in batch)
        losses.append(float(loss.detach()))
        if step % 25 == 0:
            line = (
                f"step {step}, {spent + took:.0f} s of {budget:.0f}, {tokens} tokens, "
                f"{tokens / max(1, spent + took):.0f}/s, "
                f"rate {rate:.5f}, loss {np.mean(losses[-100:]):.4f}, {(budget - spent - took) / 60:.1f} minutes left"
            )
            print(line, flush=True)
            with open(os.path.join(given.out, "train.log"), "a") as log:
                log.write(line + "\n")
        if time.time() - saved_at > 240:
            saved_at = time.time()
            save()
    save()
    print(f"ended after {step} steps, {tokens} tokens, loss {np.mean(losses[-100:]) if losses else float('nan'):.4f}", flush=True)


if __name__ == "__main__":
    main()
