"""The engine of Strainscope: from RF recordings to strain, metrics and exports, without Qt.

Reading order, which is the order of the signal chain:

1. `engine.readers` - RF file to `RFSequence`
2. `engine.preprocess` - `RFSequence` to `FramePair` (filters, B-mode, bulk alignment)
3. `engine.estimators` - `FramePair` to `Displacement`
4. `engine.strain` - `Displacement` to `Strain`; `engine.quality` - the local correlation behind it
5. `engine.metrics` - `Strain` and `Ellipse` regions to numbers
6. `engine.elasticity` - `Strain` to relative Young's modulus
7. `engine.export` - results to files; `engine.figures` - results to pictures

`engine.types` states every axis, unit and sign; `engine.pipeline` is the whole chain on one screen.
`engine.simulation`, `engine.losses`, `engine.networks` and `engine.training` make and train the networks.

What a script needs is `engine.scripting`, whose names `import strainscope` gives.
"""

if __name__ != "engine":  # in the wheel it lies inside `strainscope`, where type checkers look for it
    raise ImportError(f"{__name__} is called engine: import strainscope, then engine")

from engine.waiting import wait_passively

wait_passively()

__version__ = "0.1.0"
