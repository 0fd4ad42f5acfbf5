"""An adapter that our code wrote must be the same function in PEFT.

    npx tsx test/golden/write-adapter.ts OUT
    python test/golden/check-adapter.py OUT

Prints the largest difference of a logit for each family; fails above 1e-4.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
failed = False
for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    ours = json.loads((folder / "logits.json").read_text())
    base = AutoModelForCausalLM.from_pretrained(
        Path(__file__).parent / folder.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    ids = torch.tensor([ours["ids"]])
    with torch.no_grad():
        plain = base(input_ids=ids).logits[0]
        adapted = PeftModel.from_pretrained(base, folder).eval()
        logits = adapted(input_ids=ids).logits[0]
    difference = (logits - torch.tensor(ours["logits"])).abs().max().item()
    moved = (logits - plain).abs().max().item()
    failed |= difference > 1e-4 or moved < 0.1
    print(f"{folder.name}: largest difference {difference:.1e}; the adapter itself moves a logit by {moved:.2f}")
sys.exit(failed)
