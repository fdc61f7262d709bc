"""Train SSD-ResNet18 with DO-Conv on PASCAL VOC, then fold it into the plain network.

To try it on photographs with digits to be found, in VOC's layout, minutes on two cores:

    gluon-doconv data voc scenes --size 128x128 --images 100
    python examples/detection.py --data scenes
"""

import argparse

import gluon_doconv as doconv  # before mxnet, which it makes importable

import mxnet as mx
import numpy as np
from gluoncv.data import VOCDetection
from gluoncv.data.batchify import Pad, Stack, Tuple
from gluoncv.data.transforms.presets.ssd import SSDDefaultTrainTransform, SSDDefaultValTransform
from gluoncv.loss import SSDMultiBoxLoss
from gluoncv.model_zoo import get_model
from gluoncv.utils.metrics import VOC07MApMetric
from mxnet import autograd, gluon

SIZE = 128  # of the images, in pixels

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", required=True, help="the folder that holds VOC2007")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--output", default="detection.params", help="where the plain network is saved")
args = parser.parse_args()
device = mx.gpu() if mx.context.num_gpus() else mx.cpu()
mx.random.seed(0)
np.random.seed(0)

net = get_model("ssd_512_resnet18_v1_voc", pretrained_base=False)
net.initialize(ctx=device)
net.collect_params(".*weight").initialize(mx.init.Xavier(), device, force_reinit=True)
net.collect_params(".*(gamma|var)").initialize(mx.init.One(), device, force_reinit=True)
print(doconv.over_parameterize(net))  # the layers that GluonCV writes as symbols as well

with autograd.train_mode():
    anchors = net(mx.nd.zeros((1, 3, SIZE, SIZE), ctx=device))[2].as_in_context(mx.cpu())
images = VOCDetection(args.data, [(2007, "trainval")]).transform(SSDDefaultTrainTransform(SIZE, SIZE, anchors))
train = gluon.data.DataLoader(images, batch_size=8, shuffle=True, last_batch="discard")
images = VOCDetection(args.data, [(2007, "test")]).transform(SSDDefaultValTransform(SIZE, SIZE))
val = gluon.data.DataLoader(images, batch_size=8, batchify_fn=Tuple(Stack(), Pad(pad_val=-1)))

trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.001, "momentum": 0.9, "wd": 5e-4})
criterion = SSDMultiBoxLoss()

for epoch in range(1, args.epochs + 1):
    loss, precision = mx.metric.Loss(), VOC07MApMetric(class_names=net.classes)
    net.hybridize()  # anew: training and prediction have graphs of their own
    for batch in train:
        x, classes, boxes = (array.as_in_context(device) for array in batch)
        with autograd.record():
            scores, offsets, _ = net(x)
            losses, _, _ = criterion(scores, offsets, classes, boxes)
        autograd.backward(losses)
        trainer.step(1)  # the criterion has divided by the number of objects
        loss.update(None, losses)
    net.hybridize()
    for batch in val:
        x, truth = (array.as_in_context(device) for array in batch)
        ids, confidences, found = net(x)
        precision.update(found, ids, confidences, truth[:, :, :4], truth[:, :, 4:5])
    print(f"epoch {epoch}: loss {loss.get()[1]:.3f}, mAP {precision.get()[1][-1]:.1%}")

trained = [output.asnumpy() for output in net(x)]
doconv.fold(net)
net.save_parameters(args.output)

stock = get_model("ssd_512_resnet18_v1_voc", pretrained_base=False)
stock.load_parameters(args.output, ctx=device)
difference = np.max([np.abs(ours.asnumpy() - theirs).max() for ours, theirs in zip(stock(x), trained)])
print(f"{args.output}: plain; its outputs differ from the trained network's by at most {difference:g}")
