"""Writes what train.py learned as GGUF, and what torch says of one prompt, for the check that llama.cpp says the same.

    export.py OUT [--stored q8_0|f16] [--to FILE.gguf] [--parity PROMPT.txt PARITY.json]
"""
import argparse
import json
import os

import torch

import gguf
import network
from tokens import BEGIN, Tokenizer


def loaded(out):
    with open(os.path.join(out, "tokenizer.json")) as file:
        about = json.load(file)
    tokenizer = Tokenizer(about["merges"])
    net = network.Network(about["shape"], len(tokenizer.tokens))
    net.load_state_dict(torch.load(os.path.join(out, "checkpoint.pt"), map_location="cpu")["net"])
    return about, tokenizer, net.eval()


def export(about, tokenizer, net, kind, path):
    tensors = []
    for name, weight in net.named_parameters():
        tensors.append((name, weight.detach().float().numpy(), kind if weight.dim() == 2 else "f32"))
    gguf.write(path, gguf.keys_of(about["shape"], tokenizer, about["classes"], kind), tensors)
    print(f"{path}: {os.path.getsize(path)} bytes", flush=True)


def parity(tokenizer, net, prompt, path):
    with open(prompt) as file:
        text = file.read()
    ids = [BEGIN] + tokenizer.encode(text)
    with torch.no_grad():
        chances = net(torch.tensor([ids]))[0].softmax(-1)
    best = chances.max(-1)
    with open(path, "w") as out:
        json.dump({"text": text, "ids": ids, "best": best.indices.tolist(), "chance": best.values.tolist()}, out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--stored", choices=["q8_0", "f16", "f32"], default="q8_0")
    parser.add_argument("--to")
    parser.add_argument("--parity", nargs=2)
    given = parser.parse_args()
    about, tokenizer, net = loaded(given.out)
    export(about, tokenizer, net, given.stored, given.to or os.path.join(given.out, f"sentinel-{given.stored}.gguf"))
    if given.parity:
        parity(tokenizer, net, *given.parity)


if __name__ == "__main__":
    main()
