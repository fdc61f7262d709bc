"""Train DeepLabv3 as GluonCV's segmentation/train.py does: same calls, same order; nothing knows of DO-Conv."""

import argparse
import os

import gluoncv
import mxnet as mx
from gluoncv.data import get_segmentation_dataset
from gluoncv.loss import MixSoftmaxCrossEntropyLoss
from gluoncv.model_zoo.segbase import SegEvalModel, get_segmentation_model
from gluoncv.utils import makedirs
from gluoncv.utils.parallel import DataParallelCriterion, DataParallelModel
from mxnet import autograd, gluon
from mxnet.gluon.data.vision import transforms

BATCH = 2


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--crop-size", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--start_epoch", type=int, default=0)
    parser.add_argument("--save-dir", default="params")
    parser.add_argument("--resume")
    parser.add_argument("--eval", action="store_true")
    return parser.parse_args()


class RunConfig:
    def __init__(self, args):
        self.args, self.ctx = args, [mx.cpu(0)]
        normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        options = {
            "transform": transforms.Compose([transforms.ToTensor(), normalize]),
            "base_size": args.crop_size,
            "crop_size": args.crop_size,
        }
        training = get_segmentation_dataset("pascal_voc", split="train", mode="train", **options)
        validation = get_segmentation_dataset("pascal_voc", split="val", mode="val", **options)
        self.train_data = gluon.data.DataLoader(training, BATCH, shuffle=True, last_batch="rollover")
        self.eval_data = gluon.data.DataLoader(validation, BATCH, last_batch="rollover")
        model = get_segmentation_model(
            model="deeplab", dataset="pascal_voc", backbone="resnet50", aux=True, crop_size=args.crop_size
        )
        model.cast("float32")
        self.net = DataParallelModel(model, self.ctx, False)
        self.evaluator = DataParallelModel(SegEvalModel(model), self.ctx)
        if args.resume:
            model.load_parameters(args.resume, ctx=self.ctx)
        criterion = MixSoftmaxCrossEntropyLoss(True, aux_weight=0.5)
        self.criterion = DataParallelCriterion(criterion, self.ctx, False)
        kvstore = mx.kv.create("local")
        options = {"learning_rate": 1e-3, "wd": 1e-4, "momentum": 0}
        self.optimizer = gluon.Trainer(self.net.module.collect_params(), "sgd", options, kvstore=kvstore)
        self.metric = gluoncv.utils.metrics.SegmentationMetric(training.num_class)

    def train(self):
        for data, target in self.train_data:
            with autograd.record(True):
                losses = self.criterion(self.net(data), target)
                mx.nd.waitall()
                autograd.backward(losses)
            self.optimizer.step(BATCH)

    def validate(self, epoch):
        self.metric.reset()
        for data, target in self.eval_data:
            outputs = [output[0] for output in self.evaluator(data)]
            self.metric.update(gluon.utils.split_and_load(target, self.ctx, even_split=False), outputs)
        print("Epoch {} validation pixAcc: {:.6f}, mIoU: {:.6f}".format(epoch, *self.metric.get()))
        self.net.module.save_parameters(os.path.join(self.args.save_dir, f"epoch_{epoch}.params"))


def main():
    args = parse_args()
    makedirs(args.save_dir)
    job = RunConfig(args)
    if args.eval:
        job.validate(args.start_epoch)
        return
    for epoch in range(args.start_epoch, args.epochs):
        job.train()
        job.validate(epoch)


if __name__ == "__main__":
    main()
