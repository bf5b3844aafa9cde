import json
import re
from collections import Counter

from datarobot_drum import CustomHTTPError


def load_model(code_dir):
    """A model is asked for whatever it is; here it is the words that do not count."""
    return {"a", "and", "of", "the", "to"}


def score_unstructured(model, data, query, **kwargs):
    """The most frequent words as JSON; `data` is str for text, bytes for anything else."""
    if not isinstance(data, str):
        raise CustomHTTPError("send text", status_code=415)
    words = (word for word in re.findall(r"\w+", data.lower()) if word not in model)
    counts = dict(Counter(words).most_common(int(query.get("top", 10))))
    return json.dumps(counts), {"mimetype": "application/json"}
