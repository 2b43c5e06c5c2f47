"""Byte-level BPE as llama.cpp reads it with tokenizer.ggml.model = gpt2 and tokenizer.ggml.pre = smollm: digits stand by
themselves, a word may carry the blank before it, and the 256 bytes are always in the vocabulary."""
import collections
import re

# The ASCII form of llama.cpp's expression: prompts hold no other letters but what is foreign, which falls back to bytes.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
SPECIAL = ["<|begin|>", "<|end|>"]
BEGIN, END = 0, 1


def byte_characters():
    """The visible characters that stand for bytes in a vocabulary."""
    visible = set(range(33, 127)) | set(range(161, 173)) | set(range(174, 256))
    characters, others = {}, 0
    for byte in range(256):
        characters[byte] = chr(byte) if byte in visible else chr(256 + others)
        others += byte not in visible
    return characters


BYTES = byte_characters()


def learn(texts, vocabulary, least=10):
    """The merges that make the commonest pairs one token, until the vocabulary is full or pairs are rare."""
    counts = collections.Counter()
    for text in texts:
        counts.update(WORDS.findall(text))
    words = [([BYTES[byte] for byte in word.encode()], count) for word, count in counts.items() if count >= least]
    merges = []
    while len(merges) < vocabulary - 256 - len(SPECIAL):
        pairs = collections.Counter()
        for parts, count in words:
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
        if not pairs:
            break
        (left, right), count = max(pairs.items(), key=lambda item: (item[1], item[0]))
        if count < least:
            break
        merges.append((left, right))
        words = [(joined(parts, left, right), count) for parts, count in words if len(parts) > 1]
    return merges


def joined(parts, left, right):
    if left not in parts:
        return parts
    out, at = [], 0
    while at < len(parts):
        if at + 1 < len(parts) and parts[at] == left and parts[at + 1] == right:
            out.append(left + right)
            at += 2
        else:
            out.append(parts[at])
            at += 1
    return out


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(merge) for merge in merges]
        self.rank = {merge: i for i, merge in enumerate(self.merges)}
        self.tokens = SPECIAL + [BYTES[byte] for byte in range(256)] + [left + right for left, right in self.merges]
        self.number = {token: i for i, token in enumerate(self.tokens)}
        self.known = {}

    def encode(self, text):
        out = []
        for word in WORDS.findall(text):
            if word not in self.known:
                self.known[word] = self.word(word)
            out += self.known[word]
        return out

    def word(self, word):
        parts = [BYTES[byte] for byte in word.encode()]
        while len(parts) > 1:
            best = min(range(len(parts) - 1), key=lambda i: self.rank.get((parts[i], parts[i + 1]), 1 << 30))
            if (parts[best], parts[best + 1]) not in self.rank:
                break
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        return [self.number[part] for part in parts]
