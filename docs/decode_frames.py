#!/usr/bin/python3
"""Rebuilds every sample from a recording of what one agent published; docs/wire.md describes the format.

  decode_frames.py RECORDING     a CBOR sequence of [topic, payload]; prints one JSON line per sample

Needs cbor2 (Debian: python3-cbor2). Checks no signature and no MAC: that takes the site's keys.
"""
import json
import os
import sys
import cbor2


def varint(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value
    raise ValueError("cut short")


def unzigzag(n):
    return -(n // 2) - 1 if n % 2 else n // 2


def decode(recording):
    names, last = [], None  # last: seq, ts, dt, values
    for topic, payload in recording:
        channel = topic.rsplit("/", 1)[1]
        if channel == "b":
            names = [metric["name"] for metric in cbor2.loads(cbor2.loads(payload)[2])["metrics"]]
        frames = cbor2.loads(payload)[:-1] if channel == "m" else [0]
        if channel == "m" and frames[0] == 0:  # a preface: what the frames behind it hold
            names, last, frames = [metric[0] for metric in frames[3]], None, [0]
        for seq, frame in enumerate(frames[1:], frames[0]):
            if isinstance(frame, list) and frame[0] == 1:
                last = seq, frame[2], 0, frame[3:]
            elif last is None or seq != last[0] + 1:
                last = None  # a frame is missing: wait for the next keyframe, guess nothing
                continue
            else:
                _, ts, dt, values = last
                data = iter(frame)
                dt += unzigzag(varint(data))
                mask = int.from_bytes(bytes(next(data) for _ in range((len(values) + 7) // 8)), "little")
                for i in (i for i in range(len(values)) if mask >> i & 1):
                    code, old = varint(data), values[i]
                    values[i] = None if code == 0 and old is not None else (old or 0) + unzigzag(code)
                last = seq, ts + dt, dt, values
            yield {"seq": seq, "ts": last[1], "scaled": dict(zip(names, last[3]))}


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        size = os.fstat(file.fileno()).st_size
        for sample in decode(iter(lambda: cbor2.load(file) if file.tell() < size else None, None)):
            print(json.dumps(sample))
