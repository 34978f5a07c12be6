"""
Serve texts without torch
=========================

What ``skssl.utils.to_onnx(model, "model.onnx")`` wrote, of a method on texts and a logistic
regression, needs onnxruntime and NumPy, and the words of its metadata:

    python serve_texts.py model.onnx < texts.txt
"""

import json
import re
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["skssl"])
how = about["preparation"]
words, ids = re.compile(how["token_pattern"]), how["vocabulary"]


def prepare(texts):
    """Turn texts into rows of the ids of their words, with 0 behind the last."""
    rows = [[ids[word] for word in words.findall(text.lower()) if word in ids] for text in texts]
    samples = np.zeros((len(rows), max(1, *map(len, rows))), dtype=how["dtype"])
    for sample, row in zip(samples, rows, strict=True):
        sample[: len(row)] = row
    return samples[:, : how["max_length"]]


texts = sys.stdin.read().splitlines()
(probabilities,) = session.run(["probabilities"], {"samples": prepare(texts)})
for text, row in zip(texts, probabilities, strict=True):
    print(about["classes"][row.argmax()], f"{row.max():.6f}", text, sep="\t")
