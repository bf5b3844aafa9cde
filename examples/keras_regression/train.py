"""Train a small network on the diabetes data; its first layer scales what comes in."""

from pathlib import Path

import keras
from sklearn.datasets import load_diabetes

keras.utils.set_random_seed(7)
rows, target = load_diabetes(return_X_y=True, scaled=False)
scale = keras.layers.Normalization()
scale.adapt(rows)
layers = [keras.Input((rows.shape[1],)), scale, keras.layers.Dense(16, "relu")]
model = keras.Sequential([*layers, keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
model.fit(rows, target, epochs=5, verbose=0)
model.save(Path(__file__).parent / "model.keras")
print(f"trained on {len(rows)} rows")
