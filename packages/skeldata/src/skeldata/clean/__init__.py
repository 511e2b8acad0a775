"""One raw sequence -> one prepared clip, in steps that take arrays and give arrays."""
