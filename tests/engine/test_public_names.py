"""What `engine` itself offers: every name is there, costs nothing before it is used, and the README's example runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import engine

ROOT = Path(engine.__file__).parent.parent


def test_every_public_name_is_what_its_module_says() -> None:
    for name in engine.__all__:
        assert callable(getattr(engine, name))
    assert set(engine.__all__) <= set(dir(engine))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = engine.nothing


def test_importing_the_package_imports_no_stage() -> None:
    heavy = ("engine.", "numpy", "torch")
    code = f"import sys, engine; print(sorted(name for name in sys.modules if name.startswith({heavy})))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "['engine.waiting']"


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for line in example.splitlines() if line]
    assert len(lines) <= 6
    monkeypatch.chdir(ROOT)
    exec(example.replace('method="ncc"', 'method="ncc", frames=(1,)'), {})
    assert re.fullmatch(r"frame 1: target strain -?\d+\.\d\d %\n", capsys.readouterr().out)
