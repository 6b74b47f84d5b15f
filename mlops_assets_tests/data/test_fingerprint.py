import pandas as pd
from sklearn.datasets import load_iris

from mlops_assets.data.fingerprint import fingerprint


def test_the_hash_covers_every_value_and_no_order():
    frame = load_iris(as_frame=True).frame
    digest = fingerprint(frame)
    assert fingerprint(frame.sample(frac=1, random_state=1)) == digest
    changed = frame.copy()
    changed.iloc[149, 0] += 1e-9
    assert fingerprint(changed) != digest
    assert fingerprint(pd.concat([frame, frame.tail(1)])) != digest
    assert fingerprint(frame.rename(columns={"target": "kind"})) != digest
