"""torch's contestants of inference.py: timm's ResNet-50-D, and its ONNX."""

import io
from collections.abc import Iterator

import torch
import torch_peers  # noqa: F401 - lets timm import torchvision
from turns import Made, Settings, serve


def network() -> torch.nn.Module:
    import timm

    return timm.create_model("resnet50d").eval()


def images_of(settings: Settings) -> torch.Tensor:
    return torch.randn(settings.batch, 3, settings.size, settings.size)


def eager(settings: Settings) -> Made:
    torch.set_num_threads(settings.workers)
    model = network().to(memory_format=torch.channels_last)
    images = images_of(settings).to(memory_format=torch.channels_last)

    def answers() -> Iterator[int]:
        with torch.inference_mode():
            while True:
                model(images)
                yield settings.batch

    return f"torch {torch.__version__} eager, channels last", answers()


def onnx(settings: Settings) -> Made:
    import onnxruntime

    file = io.BytesIO()
    images = images_of(settings)
    torch.onnx.export(network(), (images,), file, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.workers
    session = onnxruntime.InferenceSession(
        file.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def answers() -> Iterator[int]:
        while True:
            session.run(None, {name: images.numpy()})
            yield settings.batch

    return f"onnxruntime {onnxruntime.__version__}", answers()


if __name__ == "__main__":
    serve(
        {"torch": eager, "onnxruntime": onnx}, ["torch", "timm", "onnxruntime"]
    )
