"""A script as somebody might have it: train an estimator of gluoncv.auto, and save it.

estimator_train.py classification|detection DATA OUT
"""

import sys

import numpy as np
from gluoncv.auto.data.dataset import ObjectDetectionDataset
from gluoncv.auto.estimators import FasterRCNNEstimator, ImageClassificationEstimator

CLASSIFICATION = {
    "img_cls": {"model": "cifar_resnet20_v1", "use_pretrained": False},
    "train": {"epochs": 1, "batch_size": 4, "num_workers": 0},
    "valid": {"batch_size": 4, "num_workers": 0},
    "gpus": (),
}
DETECTION = {
    "faster_rcnn": {
        "transfer": None,
        "base_network": "resnet18_v1b",
        "image_short": 96,
        "image_max_size": 128,
        "rpn_channel": 8,
        "num_fpn_filters": 8,
        "num_box_head_dense_filters": 16,
        "anchor_scales": (1, 1, 2, 2, 2),
        "anchor_alloc_size": (40, 40),
    },
    "train": {
        "epochs": 1,
        "pretrained_base": False,
        "rpn_train_pre_nms": 60,
        "rpn_train_post_nms": 20,
        "rcnn_num_samples": 8,
    },
    "valid": {"rpn_test_pre_nms": 40, "rpn_test_post_nms": 10},
    "num_workers": 0,
    "kv_store": "local",
    "gpus": (),
}

if __name__ == "__main__":
    kind, data, out = sys.argv[1:]
    if kind == "classification":
        estimator_class, config = ImageClassificationEstimator, CLASSIFICATION
        train, val, _ = ImageClassificationEstimator.Dataset.from_folders(data)
    else:
        estimator_class, config = FasterRCNNEstimator, DETECTION
        train = val = ObjectDetectionDataset.from_voc(f"{data}/VOC2007", splits="trainval")[:2]
    np.random.seed(0)
    estimator = estimator_class({**config, "log_dir": f"{out}-log"})
    estimator.fit(train, val)
    estimator.save(f"{out}.pkl")
