"""A headless Chromium, by its DevTools protocol over a pipe."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60  # for an answer, on a busy machine
ARGUMENTS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run"),
    *("--disable-gpu", "--disable-extensions", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--hide-scrollbars"),
    # Of our own pages only; in a container there is no sandbox to be had.
    "--no-sandbox",
)
# It reads commands from 3 and writes answers to 4.
START = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, place in zip(ours, (3, 4)):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
# Lazy pictures load when they are scrolled to: here all of them, at once. A
# phone's window grows with what is too wide for it: WIDTH is its own.
LOOK = """
(async () => {
  const pictures = [...document.images];
  for (const one of pictures) one.loading = "eager";
  await Promise.allSettled(pictures.map(one => one.decode()));
  const wide = [...document.querySelectorAll("body *")].filter(one =>
    one.getBoundingClientRect().right > WIDTH + 1 &&
    !one.closest(".scroll,pre,caption,svg"));
  return {
    widths: pictures.map(one => one.naturalWidth),
    page: document.documentElement.scrollWidth,
    wide: wide.map(one => one.tagName + "." + one.className),
    paper: getComputedStyle(document.body).backgroundColor,
    text: document.body.innerText,
  };
})()
"""


class Browser:
    """Opens pages, and says what they look like."""

    def __init__(self, binary: str, folder: pathlib.Path) -> None:
        commands, self.sink = os.pipe()
        self.source, answers = os.pipe()
        start = [sys.executable, "-c", START, str(commands), str(answers)]
        self.process = subprocess.Popen(
            [*start, binary, *ARGUMENTS, f"--user-data-dir={folder}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(commands, answers),
        )
        os.close(commands)
        os.close(answers)
        self.left, self.number, self.session = b"", 0, ""
        self.events: list[dict] = []

    def open(self) -> None:
        """A first page, empty."""
        page = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask(
            "Target.attachToTarget", targetId=page, flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: object) -> dict:
        """One command's answer; what else is told meanwhile is kept."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.sink, json.dumps(command).encode() + b"\0")
        while True:
            told = self.hear()
            if told.get("id") == self.number:
                assert "error" not in told, told
                return told["result"]
            self.events.append(told)

    def hear(self) -> dict:
        """The next message."""
        until = time.monotonic() + SECONDS
        while b"\0" not in self.left:
            rest = until - time.monotonic()
            ready, _, _ = select.select([self.source], [], [], max(rest, 0))
            assert ready, "the browser is silent"
            part = os.read(self.source, 1 << 20)
            assert part, "the browser has gone"
            self.left += part
        line, _, self.left = self.left.partition(b"\0")
        return json.loads(line)

    def look(
        self,
        page: pathlib.Path,
        width: int,
        height: int,
        dark: bool = False,
        shot: pathlib.Path | None = None,
    ) -> dict:
        """What a page looks like in a window, and what it complained of.

        Args:
            shot: a PNG of the whole page to write.
        """
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme"}
        scheme["value"] = "dark" if dark else "light"
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=page.resolve().as_uri())
        while not any(
            told.get("method") == "Page.loadEventFired" for told in self.events
        ):
            self.events.append(self.hear())
        found = self.ask(
            "Runtime.evaluate",
            expression=LOOK.replace("WIDTH", str(width)),
            awaitPromise=True,
            returnByValue=True,
        )["result"]["value"]
        if shot:
            data = self.ask(
                "Page.captureScreenshot", captureBeyondViewport=True
            )
            shot.write_bytes(base64.b64decode(data["data"]))
        return found | {"errors": self.complaints()}

    def complaints(self) -> list[dict]:
        """Errors and warnings of the page that is open."""
        return [
            told["params"]
            for told in self.events
            if told["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
            or (
                told["method"] == "Runtime.consoleAPICalled"
                and told["params"]["type"] in ("error", "warning", "assert")
            )
        ]

    def close(self) -> None:
        self.session = ""
        try:
            self.ask("Browser.close")
            self.process.wait(20)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.sink)
        os.close(self.source)


def chromium() -> str | None:
    """$CHROMIUM, or what is on the PATH."""
    if given := os.environ.get("CHROMIUM"):
        return shutil.which(given)
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One for all tests; they are skipped where there is none."""
    binary = chromium()
    if not binary:
        pytest.skip(
            f"needs a Chromium: none of {', '.join(NAMES)} is on the PATH, and "
            "$CHROMIUM is not set"
        )
    started = Browser(binary, tmp_path_factory.mktemp("chromium"))
    try:
        started.open()
        yield started
    finally:
        started.close()
