"""Which displacement networks there are, and what everything beside their layers must know of them.

Said here, without torch, so that lists of methods need not import any network. A network's own file holds its
layers, its `Config` and, for the registry, its name.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkEntry:
    """One network: where it is written, what it is called, and how it is run.

    `recurrent`: a frame's motion depends on the frames before it. `sees_rf`: its input is RF, which is equalised, not
    B-mode. `adaptable`: it can be fine-tuned on a recording without truth. `several_stages`: it may stop early.
    """

    name: str
    module: str
    title: str
    recurrent: bool = True
    sees_rf: bool = True
    adaptable: bool = True
    several_stages: bool = False


CATALOGUE = (
    NetworkEntry("usenet", "usenet", "USENet", recurrent=False),
    NetworkEntry("reusenet", "reusenet", "ReUSENet"),
    NetworkEntry("usse-net", "usse_net", "USSE-Net"),
    NetworkEntry("musse-net", "musse_net", "MUSSE-Net", several_stages=True),
    NetworkEntry("flownet2", "coarse_flow", "FlowNet 2.0 on B-mode", recurrent=False, sees_rf=False, adaptable=False),
    NetworkEntry("end-to-end-cnn", "elongation_cnn", "End-to-end CNN", recurrent=False, sees_rf=False, adaptable=False),
)
"""In the order of every list of methods."""

ADAPTABLE = tuple(entry.name for entry in CATALOGUE if entry.adaptable)
"""Names of the networks that can be fine-tuned on a recording."""
