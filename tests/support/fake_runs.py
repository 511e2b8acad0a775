"""Folders of runs as training leaves them, made up: for reports, which read files alone."""

import json

from pspmodel.recipe import load_config


def write_run(
    folder,
    *,
    dataset="nw-ucla",
    protocol="xview",
    recipe="tiny",
    ratio="0.05",
    split_seed=0,
    seed=0,
    accuracy=(0.5, 0.4, 0.6),
    finished=True,
    overrides=(),
    split_digest=None,
    store_digest="a" * 64,
    labelled=50,
    official_clips=None,
    stages=None,
    split_rule="assl",
    copies=None,
):
    """A run with its config, metrics and report; ``accuracy`` is last, held-out best, oracle.

    ``official_clips`` is (held, official) of its store; ``stages`` what config.json says of them;
    ``copies`` is (test clips that are training clips, other test clips, accuracy on those).
    """
    folder.mkdir(parents=True)
    config = load_config(recipe, dataset=dataset, overrides=overrides, seed=seed)
    digest = split_digest or f"{ratio}-{split_seed}".encode().hex().ljust(64, "0")
    data = {
        "store": "moved.zarr", "store_digest": store_digest, "dataset": dataset, "protocol": protocol,
        "split": {"digest": digest, "rule": split_rule if ratio else "list", "ratio": ratio,
                  "seed": split_seed, "base": "official", "count": labelled},
        "held_out_subjects": [9, 10],
    }  # fmt: skip
    saved = {"config": config.model_dump(mode="json"), "data": data}
    if stages is not None:
        saved["stages"] = stages
    (folder / "config.json").write_text(json.dumps(saved))
    lines = [
        {"step": 10, "kind": "train", "loss": 3.0, "terms": {"classification": 3.0}, "lr": 0.1},
        {"step": 10, "kind": "evaluation", "test": 0.2, "held_out": 0.3},
        {"step": 20, "kind": "train", "loss": 2.0, "terms": {"classification": 2.0}, "lr": 0.1},
        {"step": 20, "kind": "evaluation", "test": accuracy[0], "held_out": accuracy[1]},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = {
        "accuracy": dict(zip(("last", "held_out_best", "test_oracle"), accuracy, strict=True)),
        "finished": finished, "steps": 20, "seconds": 12.5, "split_digest": digest,
        "store_digest": store_digest, "top5": 0.9, "held_out_accuracy": 0.5, "device": "cpu",
        "precision": "fp32",
    }  # fmt: skip
    if official_clips is not None:
        report["official_clips"] = dict(zip(("held", "official"), official_clips, strict=True))
    if copies is not None:
        report["without_copies"] = dict(zip(("copies", "others", "top1"), copies, strict=True))
    (folder / "report.json").write_text(json.dumps(report))
    return folder
