"""What the wheel holds besides: types for checkers, which find the engine only under the package's own name.

Inside the wheel `engine` lies in `strainscope/`, and the program finds it as it starts; a type checker starts nothing.
So each module has a stub beside it, which is its text with imports of `strainscope.engine`.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

IMPORT = re.compile(r"^(\s*from )(?=engine\b)", flags=re.MULTILINE)


class TypedWheel(BuildHookInterface):
    """Adds the stubs; an editable installation needs none, since its checkers are told where the source is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the stubs and have them put into the wheel."""
        if version == "editable":
            return
        self.stubs = tempfile.TemporaryDirectory()
        root = Path(self.root)
        for path in (root / "strainscope" / "__init__.py", *sorted((root / "engine").rglob("*.py"))):
            inside = path.relative_to(root)
            target = Path("strainscope", *inside.parts[inside.parts[0] == "strainscope" :]).with_suffix(".pyi")
            stub = Path(self.stubs.name, target)
            stub.parent.mkdir(parents=True, exist_ok=True)
            stub.write_text(IMPORT.sub(r"\1strainscope.", path.read_text(encoding="utf-8")), encoding="utf-8")
            build_data["force_include"][str(stub)] = str(target)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove them again."""
        if version != "editable":
            self.stubs.cleanup()
