"""The regions, and the tool that draws them."""

from dataclasses import dataclass, replace
from enum import StrEnum

from engine.types import Ellipse

SMALLEST_SEMI_AXIS_M = 0.2e-3
"""Neither mouse nor keys make an ellipse smaller than this: its grips would be lost under each other."""


class Role(StrEnum):
    """What a region stands for."""

    TARGET = "target"
    BACKGROUND = "background"
    LESION = "lesion"
    """The lesion of the target as the B-mode shows it, whose size the target's is compared with."""

    @property
    def letter(self) -> str:
        """Return the letter beside its outline, which is also its key."""
        return self.value[0].upper()

    @property
    def words(self) -> str:
        """Return its name within a sentence."""
        return "lesion's B-mode outline" if self is Role.LESION else self.value

    @property
    def label(self) -> str:
        """Return its name on buttons."""
        return "Lesion on B-mode" if self is Role.LESION else self.value.capitalize()


class Tool(StrEnum):
    """What a drag on an image does."""

    PAN = "pan"
    TARGET = "target"
    BACKGROUND = "background"
    LESION = "lesion"
    PROFILE = "profile"
    PART = "part"
    """The part of the frame that is estimated."""

    @property
    def role(self) -> Role | None:
        """The region that this tool draws, if it draws one."""
        return Role(self.value) if self.value in set(Role) else None


@dataclass(frozen=True)
class Regions:
    """The ellipses, named as the roles are; any may be absent."""

    target: Ellipse | None = None
    background: Ellipse | None = None
    lesion: Ellipse | None = None

    def get(self, role: Role) -> Ellipse | None:
        """Return the ellipse of a role."""
        found: Ellipse | None = getattr(self, role.value)
        return found

    def replaced(self, role: Role, ellipse: Ellipse | None) -> "Regions":
        """Return the regions with one of them changed."""
        return replace(self, **{role.value: ellipse})
