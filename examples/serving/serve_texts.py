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
from collections import Counter
from itertools import pairwise

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["skssl"])
how = about["preparation"]
words, ids = re.compile(how["token_pattern"]), how["vocabulary"]


# Pairs of neighbouring words have the numbers after those of the words.
pairs = {tuple(pair): number for number, pair in enumerate(how["pairs"], start=len(ids) + 1)}


def prepare(texts):
    """Turn texts into three rows: the ids of their words and, in two, their words and pairs.

    Of these, each is one number with how often it is there. All rows end with zeros.
    """
    tokens, terms = [], []
    for text in texts:
        found = [ids.get(word, 0) for word in words.findall(text.lower())]
        known = [word for word in found if word]
        neighbours = [pairs[pair] for pair in pairwise(found) if pair in pairs]
        counts = Counter(known + neighbours).items()
        counts = sorted(counts, key=lambda item: (-item[1], item[0]))[: how["most_terms"]]
        tokens.append(known[: how["max_length"]])
        terms.append([term * how["counts"] + min(n, how["counts"] - 1) for term, n in counts])
    width = max(1, *map(len, tokens), *((len(row) + 1) // 2 for row in terms))
    samples = np.zeros((len(texts), 3, width), dtype=how["dtype"])
    for sample, token_row, term_row in zip(samples, tokens, terms, strict=True):
        sample[0, : len(token_row)] = token_row
        sample[1:].reshape(-1)[: len(term_row)] = term_row
    return samples


texts = sys.stdin.read().splitlines()
(probabilities,) = session.run(["probabilities"], {"samples": prepare(texts)})
for text, row in zip(texts, probabilities, strict=True):
    print(about["classes"][row.argmax()], f"{row.max():.6f}", text, sep="\t")
