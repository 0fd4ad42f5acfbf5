"""Loads adapters that TwainBot wrote into PEFT and compares logits with those that TwainBot computed.

    npx tsx test/golden/write-lora.ts DIR && python test/golden/check-lora.py DIR

Measured with torch 2.15.0 and peft 0.21.2 on x86-64, over the six adapters of lora/: at most 1.6e-5 of logits up to 10.7.
"""

import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

IDS = [3, 17, 5, 22, 9, 1, 14, 8]
root = Path(sys.argv[1])
worst = 0.0
for folder in sorted(root.iterdir()):
    if folder.name == "base":
        continue
    base = LlamaForCausalLM.from_pretrained(root / "base", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder).eval()
    expected = load_file(folder / "logits.safetensors")["logits"]
    found = model(torch.tensor([IDS])).logits.detach()
    difference = float((found - expected).abs().max())
    worst = max(worst, difference)
    print(f"{folder.name}: {difference:.2e} of {float(found.abs().max()):.2f}")
print(f"largest difference: {worst:.2e}")
sys.exit(0 if worst < 1e-4 else 1)
