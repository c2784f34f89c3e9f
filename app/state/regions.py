"""The two regions, and the tool that draws them."""

from dataclasses import dataclass, replace
from enum import StrEnum

from engine.types import Ellipse

SMALLEST_SEMI_AXIS_M = 0.2e-3
"""Neither mouse nor keys make an ellipse smaller than this: its grips would be lost under each other."""


class Role(StrEnum):
    """What a region stands for."""

    TARGET = "target"
    BACKGROUND = "background"

    @property
    def letter(self) -> str:
        """Return the letter beside its outline, which is also its key."""
        return self.value[0].upper()

    @property
    def words(self) -> str:
        """Return its name within a sentence."""
        return self.value


class Tool(StrEnum):
    """What a drag on an image does."""

    PAN = "pan"
    TARGET = "target"
    BACKGROUND = "background"
    PROFILE = "profile"

    @property
    def role(self) -> Role | None:
        """The region that this tool draws, if it draws one."""
        return Role(self.value) if self.value in set(Role) else None


@dataclass(frozen=True)
class Regions:
    """The two ellipses; either may be absent."""

    target: Ellipse | None = None
    background: Ellipse | None = None

    def get(self, role: Role) -> Ellipse | None:
        """Return the ellipse of a role."""
        return self.target if role is Role.TARGET else self.background

    def replaced(self, role: Role, ellipse: Ellipse | None) -> "Regions":
        """Return the regions with one of them changed."""
        if role is Role.TARGET:
            return replace(self, target=ellipse)
        return replace(self, background=ellipse)
