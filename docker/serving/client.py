#!/usr/bin/env python3
"""Asks TensorFlow Serving what is on pictures. Needs Python alone.

    python client.py photo.jpg other.png
    python client.py --url=http://host:8501 --model=flowers --top=3 photo.jpg

Prints for each file the names of the most probable classes. Exit codes: 0 all
is answered, 1 the server failed, 2 a file or a flag is wrong.
"""

import argparse
import base64
import http.client
import json
import sys
import urllib.error
import urllib.request

SIGNATURE = "serve_bytes"


class Failed(Exception):
    """What went wrong, in one line, and the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def main(argv: list[str]) -> int:
    """Asks about every file."""
    options = parse(argv)
    try:
        pictures = [read(file) for file in options.files]
        answers = classify(
            pictures, options.url, options.model, options.timeout
        )
        if len(answers) != len(pictures):
            raise Failed(
                f"{len(answers)} answers to {len(pictures)} pictures", 1
            )
        for file, answer in zip(options.files, answers, strict=True):
            print(file)
            for line in lines_of(answer, options.top):
                print(line)
    except Failed as error:
        print(f"client: {error}", file=sys.stderr)
        return error.code
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--url", default="http://localhost:8501")
    parser.add_argument("--model", default="classifier")
    parser.add_argument("--top", type=int, default=5, help="classes to print")
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    return parser.parse_args(argv)


def read(file: str) -> bytes:
    """A picture's bytes, as they are: the model decodes them."""
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise Failed(f"{file} cannot be read ({error.strerror})", 2) from None


def classify(
    pictures: list[bytes], url: str, model: str, timeout: float
) -> list[dict]:
    """One answer a picture: probabilities, top_k_classes and the like."""
    instances = [
        {"image_bytes": {"b64": base64.b64encode(data).decode()}}
        for data in pictures
    ]
    body = json.dumps({"signature_name": SIGNATURE, "instances": instances})
    answer = post(f"{url.rstrip('/')}/v1/models/{model}:predict", body, timeout)
    try:
        return list(answer["predictions"])
    except (KeyError, TypeError):
        raise Failed(f"no predictions in the answer of {url}", 1) from None


def post(address: str, body: str, timeout: float) -> dict:
    """The JSON that comes back."""
    try:
        request = urllib.request.Request(
            address, body.encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise Failed(f"{address}: {reason(error)}", 1) from None
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise Failed(
            f"no answer from {address} ({why}): is the server up?", 1
        ) from None
    except ValueError as error:
        raise Failed(f"{address} gives no JSON ({error})", 1) from None


def reason(error: urllib.error.HTTPError) -> str:
    """What the server says is wrong, on one line."""
    text = error.read().decode(errors="replace")
    try:
        text = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        pass
    return f"{error.code} {' '.join(str(text).split())[:300]}"


def lines_of(answer: dict, top: int) -> list[str]:
    """The best classes of a picture."""
    try:
        rows = zip(
            answer["top_k_classes"], answer["top_k_probabilities"], strict=True
        )
        return [f"  {share:7.2%}  {name}" for name, share in list(rows)[:top]]
    except (KeyError, TypeError, ValueError):
        raise Failed(
            "the answer has no top_k_classes: is the model one of "
            "kerastricks.export?",
            1,
        ) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
