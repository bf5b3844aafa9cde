"""Fit the task on the Palmer penguins and let it save itself."""

from pathlib import Path

from custom import CustomTask
from palmerpenguins import load_penguins

penguins = load_penguins().dropna(subset=["body_mass_g"])
task = CustomTask()
task.fit(penguins[["island"]], penguins["body_mass_g"])
task.save(str(Path(__file__).parent))
print(f"fitted on {len(penguins)} penguins")
