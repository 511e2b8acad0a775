"""Look at a page in a real Chromium, over the DevTools protocol through two pipes.

No driver, no port, no package: the browser reads messages from its file descriptor 3 and answers on
4, each a JSON text that ends in a NUL byte. It is taken from ``CHROME`` or from the path.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 60
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--mute-audio",
)

# Puts the pipes where the browser looks for them, out of each other's way whatever their numbers.
_LAUNCH = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for pipe, place in zip(pipes, (3, 4)):
    os.dup2(pipe, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


def find_chromium():
    """The browser's path, or None."""
    named = os.environ.get("CHROME")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


class Page:
    """One tab.

    Attributes:
        errors: texts of console errors, uncaught exceptions and refused loads so far.
        requests: URLs that the page asked for, its own among them.
    """

    def __init__(self, browser):
        self._browser = browser
        self.errors = []
        self.requests = []
        target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        browser.pages[self._session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Ask the tab for something and wait for its answer."""
        return self._browser.send(method, self._session, **parameters)

    def look(self, width, height=844, *, dark=False, media="screen", calm=True):
        """Show pages from now on at a size, as a phone if narrow; ``calm`` asks for less motion."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)

    def open(self, path, fragment=""):
        """Load a file and wait until all of it is there."""
        self._loaded = False
        self.send("Page.navigate", url="about:blank")
        self.wait(lambda: self._loaded, "a blank page")
        self._loaded = False
        self.send("Page.navigate", url=Path(path).resolve().as_uri() + fragment)
        self.wait(lambda: self._loaded, f"{path} to load")

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def drag(self, start, end, steps=4):
        """Press the mouse at ``start``, move it to ``end`` and let go; (x, y) in CSS pixels."""
        (x, y), (to_x, to_y) = start, end
        press = {"button": "left", "buttons": 1, "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **press)
        for step in range(1, steps + 1):
            at = {
                "x": x + (to_x - x) * step / steps,
                "y": y + (to_y - y) * step / steps,
            }
            self.send("Input.dispatchMouseEvent", type="mouseMoved", **at, **press)
        self.send("Input.dispatchMouseEvent", type="mouseReleased", x=to_x, y=to_y, **press)

    def screenshot(self, path, *, whole=True):
        """Write what is to be seen as a PNG."""
        answer = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def printed(self):
        """The page as PDF bytes."""
        return base64.b64decode(self.send("Page.printToPDF")["data"])

    def wait(self, true, what):
        """Take the browser's messages until something holds."""
        end = time.monotonic() + _SECONDS
        while not true():
            assert time.monotonic() < end, f"Chromium: no sign of {what} in {_SECONDS} s"
            self.evaluate("0")

    def happened(self, method, parameters):
        """Note an event of the tab."""
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.errors.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])


class Chromium:
    """A running browser; see `chromium`."""

    def __init__(self, writing, reading):
        self.pages = {}
        self._writing, self._reading = writing, reading
        self._number = 0
        self._messages = deque()
        self._rest = b""

    def send(self, method, session=None, **parameters):
        """Ask the browser for something and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            page = self.pages.get(answer.get("sessionId"))
            if page and "method" in answer:
                page.happened(answer["method"], answer["params"])

    def _next(self):
        while not self._messages:
            part = os.read(self._reading, 1 << 16)
            assert part, "Chromium ended by itself"
            *whole, self._rest = (self._rest + part).split(b"\0")
            self._messages.extend(whole)
        return json.loads(self._messages.popleft())


@contextmanager
def chromium():
    """A fresh browser with a profile of its own; skips the test where there is none."""
    path = find_chromium()
    if path is None:
        pytest.skip(
            "no Chromium to look at pages with: install chromium, or set CHROME to a browser"
        )
    there, to_browser = os.pipe()
    from_browser, back = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, *_QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(there), str(back), *command],
            pass_fds=(there, back),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(back)
        browser = Chromium(to_browser, from_browser)
        try:
            yield browser
            with suppress(AssertionError, OSError):
                browser.send("Browser.close")
        finally:
            process.terminate()
            process.wait(timeout=_SECONDS)
            os.close(to_browser)
            os.close(from_browser)
