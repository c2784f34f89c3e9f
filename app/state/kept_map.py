"""How a workspace keeps which map is shown, and of which frames the relative modulus was computed."""

from pydantic import Field, field_validator

from app.state.kept_settings import Value
from app.state.workspace import Kept
from engine.maps.base import MAPS
from engine.quantity import AXIAL_STRAIN

EARLIER = {"strain": AXIAL_STRAIN, "true": "truth"}


class KeptMap(Kept):
    """The shown map; without an elasticity method nobody has looked at the modulus."""

    kind: str = AXIAL_STRAIN
    method: str = ""
    parameters: dict[str, Value] = Field(default_factory=dict)
    frames: tuple[int, ...] = ()

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        """Take names of earlier versions too; a map that is not known here is strain."""
        kind = EARLIER.get(kind, kind)
        return kind if kind in MAPS.names() else AXIAL_STRAIN
