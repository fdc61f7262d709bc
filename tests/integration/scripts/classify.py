"""Train a classifier as GluonCV's train_imagenet.py does: same calls, same order; nothing knows of DO-Conv."""

import argparse
import os

import gluoncv
import mxnet as mx
from gluoncv.data import imagenet
from gluoncv.model_zoo import get_model
from gluoncv.utils import LRScheduler, LRSequential, makedirs
from mxnet import autograd, gluon
from mxnet.gluon.data.vision import transforms

gluoncv.utils.check_version("0.6.0")


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--num-epochs", type=int, default=1)
    parser.add_argument("--save-dir", default="params")
    parser.add_argument("--resume-epoch", type=int, default=0)
    parser.add_argument("--resume-params", default="")
    parser.add_argument("--resume-states", default="")
    return parser.parse_args()


def load_data(folder, size=32, batch_size=8):
    finish = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    augment = [transforms.RandomResizedCrop(size), transforms.RandomFlipLeftRight()]
    center = [transforms.Resize(size, keep_ratio=True), transforms.CenterCrop(size)]
    images = [imagenet.classification.ImageNet(folder, train=train) for train in (True, False)]
    train, val = (
        dataset.transform_first(transforms.Compose([*first, *finish]))
        for dataset, first in zip(images, (augment, center))
    )
    return (
        gluon.data.DataLoader(train, batch_size, shuffle=True, last_batch="discard", num_workers=0),
        gluon.data.DataLoader(val, batch_size, shuffle=False, num_workers=0),
    )


def validate(net, data, context):
    accuracy = mx.metric.Accuracy()
    for batch in data:
        inputs, labels = (
            gluon.utils.split_and_load(part, ctx_list=context, even_split=False) for part in batch
        )
        accuracy.update(labels, [net(x) for x in inputs])
    return accuracy.get()[1]


def main():
    opt = parse_args()
    context = [mx.cpu()]
    data, val_data = load_data(opt.data_dir)
    schedule = LRSequential(
        [
            LRScheduler("linear", base_lr=0, target_lr=0.01, nepochs=0, iters_per_epoch=len(data)),
            LRScheduler("cosine", base_lr=0.01, nepochs=opt.num_epochs, iters_per_epoch=len(data)),
        ]
    )
    net = get_model(opt.model, ctx=context, pretrained=False, classes=1000)
    net.cast("float32")
    if opt.resume_params:
        net.load_parameters(opt.resume_params, ctx=context)
    makedirs(opt.save_dir)
    net.hybridize(static_alloc=True, static_shape=True)
    if not opt.resume_params:
        net.initialize(mx.init.MSRAPrelu(), ctx=context)
    options = {"wd": 1e-4, "momentum": 0.9, "lr_scheduler": schedule}
    trainer = gluon.Trainer(net.collect_params(), "nag", options)
    if opt.resume_states:
        trainer.load_states(opt.resume_states)
    measure = gluon.loss.SoftmaxCrossEntropyLoss()

    for epoch in range(opt.resume_epoch, opt.num_epochs):
        for batch in data:
            inputs, labels = (gluon.utils.split_and_load(part, ctx_list=context) for part in batch)
            with autograd.record():
                losses = [measure(net(x), y) for x, y in zip(inputs, labels)]
            for loss in losses:
                loss.backward()
            trainer.step(len(batch[0]))
        print(f"Epoch {epoch} validation accuracy {validate(net, val_data, context)}")
        net.save_parameters(os.path.join(opt.save_dir, f"{opt.model}-{epoch}.params"))
        trainer.save_states(os.path.join(opt.save_dir, f"{opt.model}-{epoch}.states"))


if __name__ == "__main__":
    main()
