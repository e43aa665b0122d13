"""Packaging; the tools' settings are in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
INIT = (HERE / "kerastricks" / "__init__.py").read_text(encoding="utf-8")

setup(
    name="kerastricks",
    version=re.search(r'__version__ = "(.+?)"', INIT).group(1),
    description="Image classifiers with every trick that pays, in Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["kerastricks", "kerastricks.*"]),
    package_data={"kerastricks": ["py.typed"]},
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
        "jax": ["jax>=0.6"],
        "dev": [
            "jax>=0.6",
            "ipykernel>=6",
            "mypy>=1.15",
            "nbclient>=0.10",
            "nbformat>=5",
            "pre-commit>=4",
            "pytest>=8",
            "pytest-xdist>=3",
            "ruff==0.17.5",
        ],
    },
)
