"""Stage 6: displacement to relative Young's modulus."""
