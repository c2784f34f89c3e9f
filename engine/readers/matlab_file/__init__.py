"""MATLAB files, versions 5 to 7.3: their values and the geometry beside them."""
