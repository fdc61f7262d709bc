"""Train Faster R-CNN as GluonCV's train_faster_rcnn.py does: same calls and order; nothing knows of DO-Conv."""

import argparse

import gluoncv
import mxnet as mx
from gluoncv import data as gdata
from gluoncv.data.batchify import FasterRCNNTrainBatchify
from gluoncv.data.transforms.presets.rcnn import FasterRCNNDefaultTrainTransform
from gluoncv.model_zoo import get_model
from gluoncv.model_zoo.rcnn.faster_rcnn.data_parallel import ForwardBackwardTask
from gluoncv.utils.parallel import Parallel
from mxnet import gluon


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--start-epoch", type=int, default=0)
    parser.add_argument("--resume", default="")
    parser.add_argument("--save-prefix", default="params/net")
    return parser.parse_args()


def build(classes):
    return get_model(
        "custom_faster_rcnn_fpn",
        classes=classes,
        transfer=None,
        pretrained_base=False,
        base_network_name="resnet18_v1b",
        norm_layer=gluon.nn.BatchNorm,
        num_fpn_filters=32,
        num_box_head_dense_filters=32,
        rpn_channel=32,
        short=64,
        max_size=160,
        min_stage=2,
        max_stage=6,
        strides=(4, 8, 16, 32, 64),
        scales=(1, 1, 1, 1, 1),
        rpn_train_pre_nms=200,
        rpn_train_post_nms=50,
        num_sample=16,
        per_device_batch_size=1,
    )


def load_data(net, dataset):
    ratios = [1.0] * len(dataset)
    sampler = gluoncv.data.sampler.SplitSortedBucketSampler(ratios, 1, num_parts=1, part_index=0, shuffle=True)
    transform = FasterRCNNDefaultTrainTransform(
        net.short, net.max_size, net, ashape=net.ashape, multi_stage=True
    )
    return gluon.data.DataLoader(
        dataset.transform(transform), batch_sampler=sampler, batchify_fn=FasterRCNNTrainBatchify(net, 1)
    )


def split(part, devices):
    parts = part if isinstance(part, (list, tuple)) else [part]
    return [array.as_in_context(device) for array, device in zip(parts, devices)]


def train(net, batches, ctx, args):
    net.collect_params().setattr("grad_req", "null")
    net.collect_train_params().setattr("grad_req", "write")
    options = {"learning_rate": 0.001, "wd": 5e-4, "momentum": 0}
    kvstore = mx.kvstore.create("local")
    trainer = gluon.Trainer(net.collect_train_params(), "sgd", options, kvstore=kvstore)
    losses = [
        gluon.loss.SigmoidBinaryCrossEntropyLoss(from_sigmoid=False),
        gluon.loss.HuberLoss(rho=1 / 9),
        gluon.loss.SoftmaxCrossEntropyLoss(),
        gluon.loss.HuberLoss(rho=1),
    ]
    for epoch in range(args.start_epoch, args.epochs):
        task = ForwardBackwardTask(net, trainer, *losses, mix_ratio=1.0, amp_enabled=False)
        executor = Parallel(1, task)
        net.hybridize()
        for batch in batches:
            for data in zip(*(split(part, [ctx]) for part in batch)):
                executor.put(data)
                executor.get()
            trainer.step(1)
        net.save_parameters(f"{args.save_prefix}_{epoch:04d}.params")


def main():
    args = parse_args()
    gluoncv.utils.random.seed(233)
    ctx = mx.cpu()
    dataset = gdata.VOCDetection(splits=[(2007, "trainval")])
    net = build(dataset.CLASSES)
    if args.resume:
        net.load_parameters(args.resume)
    else:
        for parameter in net.collect_params().values():
            if parameter._data is None:
                parameter.initialize()
    net.collect_params().reset_ctx(ctx)
    train(net, load_data(net, dataset), ctx, args)


if __name__ == "__main__":
    main()
