"""Put the notes into an index."""

import pickle
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors

FOLDER = Path(__file__).parent

notes = (FOLDER / "notes.txt").read_text().splitlines()
vectors = TfidfVectorizer()
index = NearestNeighbors(n_neighbors=1, metric="cosine").fit(vectors.fit_transform(notes))
database = {"notes": notes, "vectors": vectors, "index": index}
(FOLDER / "model.pkl").write_bytes(pickle.dumps(database))
print(f"indexed {len(notes)} notes")
