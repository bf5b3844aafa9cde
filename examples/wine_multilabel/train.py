"""Train one classifier per label."""

import pickle
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

wine = load_wine(as_frame=True).data
labels = pd.DataFrame(
    {
        "strong": wine["alcohol"] > 13,
        "dark": wine["color_intensity"] > 5,
        "sour": wine["malic_acid"] > 2.5,
    }
).astype(int)
rows = wine[["flavanoids", "hue", "proline"]]
model = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
model.fit(rows, labels)
(Path(__file__).parent / "model.pkl").write_bytes(pickle.dumps(model))
print(f"trained on {len(wine)} wines")
