"""Writes test/golden/dpo.safetensors: the loss of TRL's DPOTrainer and its gradients.

    python test/golden/make-dpo.py

After make-lora.py, with its base and its adapter `plain` as the policy and the base alone as the reference.
Batches are padded by TRL's own collator, and the loss is what its trainer's `compute_loss` returns with
`loss_type="sigmoid"`: a mean over the pairs, times their number here. Tensors: `loss` [1], `rewards` [pairs, 2],
`reference` [pairs, 2] and `d_<name>`. The pairs are those of src/train/preference-loss.test.ts. Versions are in
README.md.
"""

import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer

HERE = Path(__file__).parent
BETA = 0.3
PAIRS = [
    {"prompt_ids": [3, 17, 5], "chosen_ids": [22, 9, 1], "rejected_ids": [14, 8, 2, 11]},
    {"prompt_ids": [7], "chosen_ids": [6, 20], "rejected_ids": [4]},
    {"prompt_ids": [12, 13, 10, 21], "chosen_ids": [2], "rejected_ids": [18, 19, 23]},
]


def load_base():
    return LlamaForCausalLM.from_pretrained(HERE / "lora" / "base", dtype=torch.float32)


model = PeftModel.from_pretrained(load_base(), HERE / "lora" / "plain", is_trainable=True)
# The trainer wants a tokenizer and a dataset; its collator is given ids, so neither decides a number.
words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(model.config.vocab_size)}, unk_token="w0"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w1", pad_token="w0", unk_token="w0")
with tempfile.TemporaryDirectory() as folder:
    trainer = DPOTrainer(
        model=model,
        ref_model=load_base(),
        args=DPOConfig(
            folder,
            loss_type=["sigmoid"],
            beta=BETA,
            bf16=False,
            use_cpu=True,
            gradient_checkpointing=False,
            report_to="none",
        ),
        train_dataset=Dataset.from_list([{"prompt": "w3", "chosen": " w4", "rejected": " w5"}]),
        processing_class=tokenizer,
    )
model.eval()  # No dropout; metrics are then those of "eval".


def reward(pair, side):
    """The trainer tells means over a batch, so a batch is one pair."""
    trainer._metrics["eval"].clear()
    with torch.no_grad():
        trainer.compute_loss(model, trainer.data_collator([pair]))
    return trainer._metrics["eval"][f"rewards/{side}"][0]


batch = trainer.data_collator(PAIRS)
loss = trainer.compute_loss(model, batch) * len(PAIRS)
loss.backward()
chosen, rejected = trainer.compute_ref_log_probs(trainer.ref_model, batch)
expected = {
    "loss": loss.detach().reshape(1),
    "rewards": torch.tensor([[reward(pair, side) for side in ("chosen", "rejected")] for pair in PAIRS]),
    "reference": torch.stack([chosen, rejected], dim=1).contiguous(),
}
for name, parameter in model.named_parameters():
    if parameter.grad is not None:
        expected["d_" + name.removeprefix("base_model.model.").replace(".default", "")] = parameter.grad
save_file(expected, HERE / "dpo.safetensors")
print(float(loss.detach()), expected["rewards"])
