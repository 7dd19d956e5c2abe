"""Chromium, asked through its DevTools protocol over two pipes: windows of any size, dark or printed, and a hand on the mouse."""

import base64
import json
import os
import select
import shutil
import signal
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--disable-quic --disable-dev-shm-usage --hide-scrollbars --force-color-profile=srgb --mute-audio --remote-debugging-pipe"
).split()


class Browser:
    """A browser with one page. `complaints`: what the page wrote to its console, and exceptions."""

    def __init__(self, folder, patience=100):
        self.patience, self.complaints, self._number, self._rest = patience, [], 0, b""
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        arguments = [CHROMIUM, *_OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        there = [
            (os.POSIX_SPAWN_DUP2, theirs_in, 60),  # aside first: the pipes may be 3 and 4 themselves
            (os.POSIX_SPAWN_DUP2, theirs_out, 61),
            (os.POSIX_SPAWN_DUP2, 60, 3),
            (os.POSIX_SPAWN_DUP2, 61, 4),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        self._process = os.posix_spawn(CHROMIUM, arguments, os.environ, file_actions=there, setpgroup=0)
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = None
        target = next(t for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._to)
        os.close(self._from)
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def ask(self, method, **parameters):
        """The result of a command; the events that come before it are looked through for complaints."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self):
        until = time.monotonic() + self.patience
        while b"\0" not in self._rest:
            assert select.select([self._from], [], [], until - time.monotonic())[
                0
            ], "the browser does not answer"
            piece = os.read(self._from, 1 << 20)
            assert piece, "the browser has ended"
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        about = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(about["exceptionDetails"]))
        if message.get("method") == "Runtime.consoleAPICalled" and about["type"] == "error":
            self.complaints.append(str(about["args"]))
        if message.get("method") == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.complaints.append(about["entry"]["text"])
        return message

    def run(self, script):
        """The value of an expression in the page, a promise's once it is kept."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, page, width=1440, height=900, scheme="light", media="screen", touch=False):
        """Loads a file in a window of this size, and waits for what it says about being ready."""
        self.look(width, height, scheme, media, touch)
        self.ask("Page.navigate", url=page.as_uri())
        until = time.monotonic() + self.patience
        while not self.run("location.protocol === 'file:' && document.documentElement?.dataset.ready"):
            assert time.monotonic() < until, "the page is not ready"
            time.sleep(0.05)

    def look(self, width=1440, height=900, scheme="light", media="screen", touch=False):
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        self.ask("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.ask(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def mouse(self, kind, x, y, **more):
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def screenshot(self, path, whole=False):
        shot = self.ask(
            "Page.captureScreenshot",
            captureBeyondViewport=whole,
            **({"clip": {**self.size(), "x": 0, "y": 0, "scale": 1}} if whole else {}),
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def size(self):
        return {
            k: v
            for k, v in self.ask("Page.getLayoutMetrics")["cssContentSize"].items()
            if k in ("width", "height")
        }

    def print(self, path):
        self.ask("Emulation.setEmulatedMedia", media="")
        path.write_bytes(
            base64.b64decode(
                self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
            )
        )
