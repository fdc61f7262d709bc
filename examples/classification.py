"""Train CIFAR ResNet-20 with DO-Conv on folders of images, then fold it into the plain network.

To try it on photographs with one handwritten digit each, minutes on two cores:

    gluon-doconv data imagenet portraits --size 32x32 --images 2000
    python examples/classification.py --data portraits
"""

import argparse

import gluon_doconv as doconv  # before mxnet, which it makes importable

import mxnet as mx
import numpy as np
from gluoncv.model_zoo import get_model
from mxnet import autograd, gluon
from mxnet.gluon.data.vision import ImageFolderDataset, transforms

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", required=True, help="holds train/CLASS/*.JPEG, val/CLASS/*.JPEG, 32x32 pixels")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--output", default="classification.params", help="where the plain network is saved")
args = parser.parse_args()
device = mx.gpu() if mx.context.num_gpus() else mx.cpu()
mx.random.seed(0)
np.random.seed(0)

normalize = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
to_input = transforms.Compose([transforms.ToTensor(), normalize])
images = ImageFolderDataset(f"{args.data}/train").transform_first(to_input)
train = gluon.data.DataLoader(images, batch_size=32, shuffle=True, last_batch="discard")
images = ImageFolderDataset(f"{args.data}/val").transform_first(to_input)
val = gluon.data.DataLoader(images, batch_size=32)

net = get_model("cifar_resnet20_v1", classes=10)
net.initialize(mx.init.Xavier(), ctx=device)
print(doconv.over_parameterize(net))
net.hybridize()

schedule = mx.lr_scheduler.CosineScheduler(args.epochs * len(train), base_lr=0.05, warmup_steps=len(train) // 2)
sgd = mx.optimizer.SGD(learning_rate=0.05, momentum=0.9, wd=1e-4, lr_scheduler=schedule)
trainer = gluon.Trainer(net.collect_params(), sgd)
criterion = gluon.loss.SoftmaxCrossEntropyLoss()

for epoch in range(1, args.epochs + 1):
    loss, accuracy = mx.metric.Loss(), mx.metric.Accuracy()
    for batch in train:
        x, label = (array.as_in_context(device) for array in batch)
        with autograd.record():
            losses = criterion(net(x), label)
        losses.backward()
        trainer.step(len(x))
        loss.update(None, losses)
    for batch in val:
        x, label = (array.as_in_context(device) for array in batch)
        accuracy.update(label, net(x))
    print(f"epoch {epoch}: loss {loss.get()[1]:.3f}, validation accuracy {accuracy.get()[1]:.1%}")

trained = net(x).asnumpy()
doconv.fold(net)
net.save_parameters(args.output)

stock = get_model("cifar_resnet20_v1", classes=10)
stock.load_parameters(args.output, ctx=device)
difference = np.abs(stock(x).asnumpy() - trained).max()
print(f"{args.output}: plain; its outputs differ from the trained network's by at most {difference:g}")
