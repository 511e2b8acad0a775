"""How fast training is: against a plain implementation of the released recipe, in one run."""
