"""The garbage collector leaves what a server has loaded alone, and works as usual on the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOAD = """
import gc, importlib, sys
from datarobot_drum.drum.serving import collector
from datarobot_drum.drum.assembly import load_app
from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.settings import ModelSettings, Settings
ordinary = gc.get_threshold()
collector.relax()
assert gc.get_threshold() != ordinary
front, extension, folder = sys.argv[1:]
create_app = importlib.import_module(f"datarobot_drum.drum.{front}.app").create_app
model = ModelSettings(code_dir=folder, target_type=TargetType.REGRESSION)
app, service = load_app(Settings("server", model), create_app, extension)
assert gc.get_threshold() == ordinary and gc.isenabled()
looked_at = {id(each) for each in gc.get_objects()}
assert id(app.__dict__) not in looked_at and id(sys.modules) not in looked_at
later = [[]]
assert any(each is later for each in gc.get_objects())
service.close()
print(gc.get_freeze_count() / (gc.get_freeze_count() + len(gc.get_objects())))
"""


@pytest.mark.parametrize("front", ["flask", "fastapi"])
def test_what_is_loaded_is_not_looked_at_again(front: str, tmp_path: Path) -> None:
    hooks = (
        "def load_model(code_dir): return 1\ndef score(data, model, **kwargs):\n    return data\n"
    )
    (tmp_path / "custom.py").write_text(hooks)
    words = [front, f"custom_{front}", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.9
