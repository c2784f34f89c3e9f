"""What lies on the images and can be selected: the keys and the Delete of the window work on whichever is."""

from typing import Protocol


class Selectable(Protocol):
    """A controller of something drawn; every change of it can be undone."""

    def is_selected(self) -> bool:
        """Say whether it, or one of it, is selected."""

    def deselect(self) -> None:
        """Select nothing of it."""

    def nudge(self, lateral_steps: int, depth_steps: int) -> None:
        """Move it by tenths of a millimetre."""

    def resize(self, lateral_steps: int, axial_steps: int) -> None:
        """Make it wider and taller by tenths of a millimetre at each side."""

    def turn(self, degrees: float) -> None:
        """Turn it about its centre, clockwise on screen."""

    def delete_selected(self) -> None:
        """Remove it."""

    def put_in_the_middle(self) -> bool:
        """With its drawing tool in force, put one into the middle of the image; say whether it did."""
