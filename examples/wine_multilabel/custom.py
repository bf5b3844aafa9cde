import pandas as pd


def score(data, model, **kwargs):
    """One column per label, in the order of the metadata, which `train.py` keeps too."""
    return pd.DataFrame(model.predict_proba(data), columns=kwargs["class_labels"])
