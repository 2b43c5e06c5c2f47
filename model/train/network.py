"""The network: a llama as small as it can be, in the layout of llama.cpp (interleaved rotation, tied embeddings)."""
import ctypes
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def on_processor(library):
    """Causal attention by attention.c: three times as fast as Debian's torch by itself."""
    code = ctypes.CDLL(library)
    place = lambda tensor: ctypes.c_void_p(tensor.data_ptr())

    class Attention(torch.autograd.Function):
        @staticmethod
        def forward(ctx, q, k, v):
            q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
            n, t, d = q.shape[0] * q.shape[1], q.shape[2], q.shape[3]
            weights, out = torch.empty(n, t, t), torch.empty_like(q)
            code.attention_forward(n, t, d, place(q), place(k), place(v), place(weights), place(out))
            ctx.save_for_backward(q, k, v, weights)
            return out

        @staticmethod
        def backward(ctx, slope):
            q, k, v, weights = ctx.saved_tensors
            slope = slope.contiguous()
            n, t, d = q.shape[0] * q.shape[1], q.shape[2], q.shape[3]
            gq, gk, gv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
            code.attention_backward(
                n, t, d, place(q), place(k), place(v), place(weights), place(slope), place(gq), place(gk), place(gv)
            )
            return gq, gk, gv

    return lambda q, k, v: Attention.apply(q, k, v)


def by_torch(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    t = q.shape[2]
    scores = (q @ k.transpose(-1, -2)) / math.sqrt(q.shape[3])
    later = torch.ones(t, t, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(later, float("-inf")).softmax(-1) @ v


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def turned(x, cosine, sine):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cosine - b * sine, a * sine + b * cosine), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self, width, heads, forward, attention):
        super().__init__()
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.heads, self.attention = heads, attention
        self.attn_norm, self.ffn_norm = Norm(width), Norm(width)
        self.attn_q, self.attn_k, self.attn_v = linear(width, width), linear(width, width), linear(width, width)
        self.attn_output = linear(width, width)
        self.ffn_gate, self.ffn_up, self.ffn_down = linear(width, forward), linear(width, forward), linear(forward, width)

    def forward(self, x, cosine, sine, asked=None):
        b, t, width = x.shape
        h = self.attn_norm(x)
        split = lambda y: y.view(b, t, self.heads, width // self.heads).transpose(1, 2)
        q, k, v = turned(split(self.attn_q(h)), cosine, sine), turned(split(self.attn_k(h)), cosine, sine), split(self.attn_v(h))
        seen = self.attention(q, k, v).transpose(1, 2).reshape(b, t, width)
        if asked is not None:
            x, seen = x[asked], seen[asked]
        x = x + self.attn_output(seen)
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Network(nn.Module):
    def __init__(self, shape, vocabulary, attention=by_torch):
        super().__init__()
        width, layers, heads = shape["width"], shape["layers"], shape["heads"]
        self.token_embd = nn.Embedding(vocabulary, width)
        self.blk = nn.ModuleList(Block(width, heads, shape["forward"], attention) for _ in range(layers))
        self.output_norm = Norm(width)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                # What adds to the stream begins smaller, so that depth does not raise its size.
                less = math.sqrt(2 * layers) if name.endswith(("attn_output.weight", "ffn_down.weight")) else 1
                nn.init.normal_(weight, 0, weight.shape[1] ** -0.5 / less)
        half = width // heads
        angle = torch.outer(torch.arange(shape["context"]).float(), 10000.0 ** (-torch.arange(0, half, 2).float() / half))
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())

    def hidden(self, x, asked=None):
        """Of all places, or of those that are asked for alone: what nobody looks at the last block need not finish."""
        t = x.shape[1]
        h = self.token_embd(x)
        for block in self.blk[:-1]:
            h = block(h, self.cosine[:t], self.sine[:t])
        return self.output_norm(self.blk[-1](h, self.cosine[:t], self.sine[:t], asked))

    def forward(self, x):
        return self.hidden(x) @ self.token_embd.weight.T
