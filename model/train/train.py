"""Trains the model that the hub reads slots with. See ../README.md.

    train.py DATA OUT --steps N [--held FILE] [--seed N] [--threads N] [--width 128] [--layers 4] [--heads 4] [--forward 384]

DATA is a file of model/write-corpus.ts. OUT gets tokenizer.json, checkpoint.pt (from which a second call goes on) and
train.log. The loss counts the answer's tokens alone, those of its class more. What is seen and when depends on seed and
steps alone, not on the machine, and not on how often the training was ended and begun again. The rate falls over the last
third; to go on with more steps is therefore the same as to have begun with them, as long as two thirds of the old number
were not reached.
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
from muon import Muon
from tokens import BEGIN, END, Tokenizer, learn

LEARN_FROM = 6_000  # samples that the tokenizer is learned from
CONTEXT = 1_024
CLASS_WEIGHT = 3.0  # of the tokens that name the class: a few of an answer's forty, and all else follows from them
MEASURED_EACH = 500  # steps
DOWN_FROM = 2 / 3  # of the steps


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--begin", help="the folder of an earlier training, of this or another corpus, to begin with its weights")
    parser.add_argument("--held", help="a held-out file of model/write-corpus.ts, to see how far it is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--forward", type=int, default=384)
    parser.add_argument("--vocabulary", type=int, default=2_048)
    parser.add_argument("--batch", type=int, default=0, help="samples of a step; 0: 8 on a processor, 128 on a GPU")
    parser.add_argument("--rate", type=float, help="of AdamW: 0.003, or half of it with --begin; Muon's stands to it as 20 to 3")
    given = parser.parse_args()
    given.rate = given.rate or (0.0015 if given.begin else 0.003)
    return given


def read(path):
    with open(path) as lines:
        head = json.loads(next(lines))
        return head, [json.loads(line) for line in lines]


def encoded(rows, tokenizer):
    """Each sample's tokens, where its answer begins, and where its class ends. The parts are encoded apart, as the hub does."""
    out = []
    for row in rows:
        prompt = [BEGIN] + tokenizer.encode(row["fixed"]) + tokenizer.encode(row["incident"])
        answer = tokenizer.encode(row["answer"])
        named, at = 0, row["answer"].index('","')
        written = 0
        while written < at:
            written += len(tokenizer.tokens[answer[named]])
            named += 1
        whole = prompt + answer + [END]
        if len(whole) <= CONTEXT:
            out.append((np.array(whole, np.int32), len(prompt), len(prompt) + named))
    return out


def batches(samples, size, seed, step):
    """For ever from a step on, in a new order each time; of like length, so that little is padding."""
    turn, passed = 0, 0
    while True:
        draw = random.Random(f"{seed} {turn}")
        turn += 1
        order = list(range(len(samples)))
        draw.shuffle(order)
        for at in range(0, len(order), size * 50):
            chunk = sorted(order[at : at + size * 50], key=lambda i: len(samples[i][0]))
            groups = [chunk[i : i + size] for i in range(0, len(chunk), size)]
            draw.shuffle(groups)
            for group in groups:
                passed += 1
                if passed > step:
                    yield [samples[i] for i in group]


def tensors(batch, device):
    longest = max(len(tokens) for tokens, _, _ in batch)
    x = torch.zeros(len(batch), longest, dtype=torch.long)
    y = torch.full((len(batch), longest), -1)
    weight = torch.ones(len(batch), longest)
    for i, (tokens, answer, named) in enumerate(batch):
        row = torch.from_numpy(tokens.astype(np.int64))
        x[i, : len(row)] = row
        y[i, answer - 1 : len(row) - 1] = row[answer:]
        weight[i, answer - 1 : named - 1] = CLASS_WEIGHT
    return x.to(device), y.to(device), weight.to(device)


def logits(net, x, asked):
    return (net.hidden(x, asked) @ net.token_embd.weight.T).float()


def measured(net, samples, device):
    """Of how many samples, in percent, it would write class and whole answer word by word."""
    named, whole = 0, 0
    for at in range(0, len(samples), 8):
        batch = samples[at : at + 8]
        x, y, _ = tensors(batch, device)
        asked = y >= 0
        with torch.no_grad():
            right = torch.ones_like(y, dtype=torch.bool)
            right[asked] = logits(net, x, asked).argmax(-1) == y[asked]
        for i, (tokens, answer, end) in enumerate(batch):
            named += bool(right[i, answer - 1 : end - 1].all())
            whole += bool(right[i].all())
    return 100 * named / len(samples), 100 * whole / len(samples)


def rate_at(step, steps):
    """Of the full one: warm up, hold, then down to a fiftieth."""
    share = step / steps
    return min(1, (step + 1) / 100) * (1 if share < DOWN_FROM else max(0.02, (1 - share) / (1 - DOWN_FROM)))


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
    device = "cuda" if torch.cuda.is_available() else "cpu"
    head, rows = read(given.data)
    began = time.time()
    if given.begin:
        with open(os.path.join(given.begin, "tokenizer.json")) as file:
            merges = json.load(file)["merges"]
    else:
        merges = learn([row[part] for row in rows[:LEARN_FROM] for part in ("incident", "answer")], given.vocabulary)
    tokenizer = Tokenizer(merges)
    samples = encoded(rows, tokenizer)
    held = encoded(read(given.held)[1], tokenizer) if given.held else []
    lengths = [len(tokens) for tokens, _, _ in samples]
    prompts = [answer for _, answer, _ in samples]
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
    if given.begin:
        net.load_state_dict(torch.load(os.path.join(given.begin, "checkpoint.pt"), map_location=device)["net"])
    blocks = [weight for weight in net.blk.parameters() if weight.dim() == 2]
    others = [weight for weight in net.parameters() if not any(weight is block for block in blocks)]
    adam = torch.optim.AdamW(others, lr=given.rate, betas=(0.9, 0.98), weight_decay=0.01)
    optimizers = [(Muon(blocks), given.rate * 20 / 3), (adam, given.rate)]
    print(f"parameters {sum(weight.numel() for weight in net.parameters())}, device {device}", flush=True)
    checkpoint = os.path.join(given.out, "checkpoint.pt")
    step, tokens, spent = 0, 0, 0.0
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint, map_location=device)
        net.load_state_dict(saved["net"])
        for (optimizer, _), state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        step, tokens, spent = saved["step"], saved["tokens"], saved["spent"]
        print(f"goes on from step {step} after {spent / 60:.1f} minutes of processor time", flush=True)

    def save():
        state = {"net": net.state_dict(), "optimizers": [one.state_dict() for one, _ in optimizers]}
        torch.save({**state, "step": step, "tokens": tokens, "spent": spent}, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)

    def say(line):
        print(line, flush=True)
        with open(os.path.join(given.out, "train.log"), "a") as log:
            log.write(line + "\n")

    feed = batches(samples, given.batch or (128 if device == "cuda" else 8), given.seed, step)
    saved_at, losses = time.time(), []
    while step < given.steps:
        began = time.process_time()
        share = rate_at(step, given.steps)
        for optimizer, rate in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * share
        batch = next(feed)
        x, y, weight = tensors(batch, device)
        with torch.autocast("cuda", torch.bfloat16) if device == "cuda" else contextlib.nullcontext():
            asked = y >= 0
            each = F.cross_entropy(logits(net, x, asked), y[asked], reduction="none")
        net.zero_grad()
        (each * weight[asked]).mean().backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for optimizer, _ in optimizers:
            optimizer.step()
        step += 1
        tokens += sum(len(one) for one, _, _ in batch)
        losses.append(float(each.mean().detach()))
        spent += time.process_time() - began
        if step % 25 == 0:
            say(
                f"step {step} of {given.steps}, {tokens} tokens, {tokens / max(1, spent):.0f} each second of processor time, "
                f"rate {given.rate * share:.5f}, loss {np.mean(losses[-100:]):.4f}"
            )
        if held and (step % MEASURED_EACH == 0 or step == given.steps):
            say("step %d: of %d held-out samples class right %.1f %%, whole answer %.1f %%" % (step, len(held), *measured(net, held, device)))
        if time.time() - saved_at > 120:
            saved_at = time.time()
            save()
    save()
    print(f"ended after {step} steps, {tokens} tokens, loss {np.mean(losses[-100:]) if losses else float('nan'):.4f}", flush=True)


if __name__ == "__main__":
    main()
