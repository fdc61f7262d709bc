"""Train DeepLabv3-ResNet50 with DO-Conv on PASCAL VOC, then fold it into the plain network.

To try it on photographs with digits to be found, in VOC's layout, minutes on two cores:

    gluon-doconv data voc scenes --size 64x64 --images 100
    python examples/segmentation.py --data scenes
"""

import argparse

import gluon_doconv as doconv  # before mxnet, which it makes importable

import mxnet as mx
import numpy as np
from gluoncv.data import VOCSegmentation
from gluoncv.loss import MixSoftmaxCrossEntropyLoss
from gluoncv.model_zoo import DeepLabV3
from gluoncv.utils.metrics import SegmentationMetric
from mxnet import autograd, gluon
from mxnet.gluon.data.vision import transforms

SIZE = 64  # of the images, in pixels
CLASSES = VOCSegmentation.NUM_CLASS

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", required=True, help="the folder that holds VOC2012")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--output", default="segmentation.params", help="where the plain network is saved")
args = parser.parse_args()
device = mx.gpu() if mx.context.num_gpus() else mx.cpu()
mx.random.seed(0)
np.random.seed(0)

normalize = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
to_input = transforms.Compose([transforms.ToTensor(), normalize])
images = VOCSegmentation(args.data, "train", "train", to_input, base_size=SIZE, crop_size=SIZE)
train = gluon.data.DataLoader(images, batch_size=4, shuffle=True, last_batch="discard")
images = VOCSegmentation(args.data, "val", "val", to_input, base_size=SIZE, crop_size=SIZE)
val = gluon.data.DataLoader(images, batch_size=4)

net = DeepLabV3(CLASSES, "resnet50", aux=False, pretrained_base=False, crop_size=SIZE)
net.initialize(mx.init.Xavier(), ctx=device)
print(doconv.over_parameterize(net))
net.hybridize()

schedule = mx.lr_scheduler.PolyScheduler(args.epochs * len(train), base_lr=0.02, pwr=0.9)
sgd = mx.optimizer.SGD(learning_rate=0.02, momentum=0.9, wd=1e-4, lr_scheduler=schedule)
trainer = gluon.Trainer(net.collect_params(), sgd)
criterion = MixSoftmaxCrossEntropyLoss(aux=False)

for epoch in range(1, args.epochs + 1):
    loss, overlap = mx.metric.Loss(), SegmentationMetric(CLASSES)
    for batch in train:
        x, mask = (array.as_in_context(device) for array in batch)
        with autograd.record():
            losses = criterion(*net(x), mask)
        losses.backward()
        trainer.step(len(x))
        loss.update(None, losses)
    for batch in val:
        x, mask = (array.as_in_context(device) for array in batch)
        overlap.update(mask, net(x)[0])
    pixels, iou = overlap.get()
    print(f"epoch {epoch}: loss {loss.get()[1]:.3f}, pixel accuracy {pixels:.1%}, mean IoU {iou:.1%}")

trained = net(x)[0].asnumpy()
doconv.fold(net)
net.save_parameters(args.output)

stock = DeepLabV3(CLASSES, "resnet50", aux=False, pretrained_base=False, crop_size=SIZE)
stock.load_parameters(args.output, ctx=device)
difference = np.abs(stock(x)[0].asnumpy() - trained).max()
print(f"{args.output}: plain; its outputs differ from the trained network's by at most {difference:g}")
