"""Other maps than strain: truth, error, modulus."""
