import torch

# Tiny networks: threads only get in each other's way, more so when tests run side by side.
torch.set_num_threads(1)
