"""MinHash signatures of datasketch and datatrove over the texts of a JSONL file, on one core; a line of JSON each.

usage: signatures.py TEXTS.jsonl [--permutations 112] [--texts 300]
"""

import argparse
import json
import os
import re
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--permutations", type=int, default=112)
parser.add_argument("--texts", type=int, default=300)
args = parser.parse_args()

with open(args.file, encoding="utf-8") as lines:
    texts = [json.loads(line)["text"] for line in lines][: args.texts]

WORD = re.compile(r"\w+")


def rate(sign):
    """Documents a second of processor time, the best of three passes."""
    sign(texts[0])
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for text in texts:
            sign(text)
        best = min(best, time.process_time() - started)
    return len(texts) / best


def datasketch():
    from datasketch import MinHash

    empty = MinHash(num_perm=args.permutations)

    def sign(text):
        words = WORD.findall(text.lower())
        shingles = {" ".join(words[i : i + 5]).encode() for i in range(max(1, len(words) - 4))}
        minhash = empty.copy()
        minhash.update_batch(list(shingles))
        return minhash.digest()

    return sign


def datatrove():
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    rows = 8
    step = MinhashDedupSignature(
        output_folder="/nowhere",
        config=MinhashConfig(n_grams=5, num_buckets=args.permutations // rows, hashes_per_bucket=rows),
        language="eng",
    )
    return lambda text: step.get_signature(step.get_shingles(text))


for name, peer in [("datasketch", datasketch), ("datatrove", datatrove)]:
    print(json.dumps({"name": name, "documentsPerSecond": rate(peer())}), flush=True)
