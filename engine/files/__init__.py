"""Below the chain: atomic writing and the one door to HDF5."""
