"""Writes test/golden/dpo.safetensors: TRL's sigmoid DPO loss and its gradients, computed by PyTorch.

    python test/golden/make-dpo.py

Made with torch 2.15.0, transformers 5.23.0 and peft 0.21.2, after make-lora.py, with its base and its adapter
`plain` as the policy and the base alone as the reference. The loss is that of trl 1.16.0, DPOTrainer with
`loss_type="sigmoid"`: -logsigmoid(beta * ((chosen - ref chosen) - (rejected - ref rejected))), log-probabilities
summed over the completion; here summed over the pairs. Tensors: `loss` [1], `rewards` [pairs, 2], `reference`
[pairs, 2] and `d_<name>`. The pairs are those of src/train/preference-loss.test.ts.
"""

from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

HERE = Path(__file__).parent
BETA = 0.3
# prompt, chosen, rejected
PAIRS = [
    ([3, 17, 5], [22, 9, 1], [14, 8, 2, 11]),
    ([7], [6, 20], [4]),
    ([12, 13, 10, 21], [2], [18, 19, 23]),
]


def log_prob(model, prompt, completion):
    ids = torch.tensor([prompt + completion])
    logs = model(ids).logits[0, :-1].log_softmax(-1)
    return logs.gather(1, ids[0, 1:, None])[len(prompt) - 1 :].sum()


base = LlamaForCausalLM.from_pretrained(HERE / "lora" / "base", dtype=torch.float32)
model = PeftModel.from_pretrained(base, HERE / "lora" / "plain", is_trainable=True)
loss, rewards, references = torch.zeros(()), [], []
for prompt, chosen, rejected in PAIRS:
    policy = [log_prob(model, prompt, side) for side in (chosen, rejected)]
    with torch.no_grad(), model.disable_adapter():
        reference = [log_prob(model, prompt, side) for side in (chosen, rejected)]
    delta = (policy[0] - reference[0]) - (policy[1] - reference[1])
    loss = loss - torch.nn.functional.logsigmoid(BETA * delta)
    rewards.append(torch.stack([BETA * (p - r) for p, r in zip(policy, reference)]).detach())
    references.append(torch.stack(reference))
loss.backward()
expected = {"loss": loss.detach().reshape(1), "rewards": torch.stack(rewards), "reference": torch.stack(references)}
for name, parameter in model.named_parameters():
    if parameter.grad is not None:
        expected["d_" + name.removeprefix("base_model.model.").replace(".default", "")] = parameter.grad
save_file(expected, HERE / "dpo.safetensors")
print(float(loss), torch.stack(rewards))
