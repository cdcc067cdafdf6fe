"""Three browsers behind one interface: Chromium, Firefox and WebKit, each one process a session.

Chromium is driven by playwright, Firefox by WebDriver BiDi over its own socket (it needs no
geckodriver), WebKitGTK by WebDriver over HTTP on a screen of its own.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"
# WebDriver's code points for keys that are no letters.
NAMES = ["Backspace", "Tab", "Enter", "Shift", "Escape", "Space", "PageDown", "End", "Home"]
NAMES += ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"]
CODES = "\ue003\ue004\ue007\ue008\ue00c \ue00f\ue010\ue011\ue012\ue013\ue014\ue015"
KEYS = dict(zip(NAMES, CODES, strict=True))


class Browser:
    """What all three can do.

    ``press("Tab", "Shift+ArrowLeft", "x")``: real key presses, one after the other.
    ``point(kind, *places)``: only "hover", or press a "mouse" or "touch" at the first place and
    let go at the last.
    """

    fingers = True

    def open(self, url):
        self.resize(1280)
        self.navigate(url)
        self.resize(1280)

    def evaluate(self, code, *values):
        """What the JavaScript function `code` returns or resolves to; any error is raised."""
        call = f"({code})({', '.join(map(json.dumps, values))})"
        call = f"Promise.resolve().then(() => {call}).then((value) => JSON.stringify({{ value }}),"
        call += " (error) => JSON.stringify({ error: `${error}\\n${error.stack}` }))"
        answer = json.loads(self.script(call))
        assert "error" not in answer, answer["error"]
        return answer.get("value")


class Chromium(Browser):
    def __init__(self, browser):
        self.page = browser.new_context(offline=True, has_touch=True).new_page()
        self.devtools = self.page.context.new_cdp_session(self.page)

    def resize(self, width):
        self.page.set_viewport_size({"width": width, "height": 2400})

    def navigate(self, url):
        self.page.goto(url)

    def script(self, expression):
        return self.page.evaluate(expression)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def point(self, kind, first, *others):
        if kind == "touch":
            self.touch("touchStart", first)
            for place in others:
                self.touch("touchMove", place)
            self.touch("touchEnd")
            return
        mouse = self.page.mouse
        mouse.move(*first)
        if kind == "mouse":
            mouse.down()
        for place in others:
            mouse.move(*place)
        if kind == "mouse":
            mouse.up()

    def touch(self, name, *places):
        points = [{"x": x, "y": y} for x, y in places]
        self.devtools.send("Input.dispatchTouchEvent", {"type": name, "touchPoints": points})

    def close(self):
        self.page.context.close()


class Program(Browser):
    """A browser that is a program of its own, with a folder of its own, and ends with its group."""

    def start(self, needed, *command, **environment):
        missing = [name for name in needed if not shutil.which(name)]
        if missing:
            raise FileNotFoundError(f"{', '.join(missing)} is not on the PATH")
        self.log = open(Path(self.folder, "log"), "w+b")  # noqa: SIM115 - closed in close()
        streams = {"stdout": self.log, "stderr": self.log, "env": os.environ | environment}
        self.program = subprocess.Popen(command, start_new_session=True, **streams)

    def press(self, *keys):
        steps = []
        for key in keys:
            codes = [KEYS.get(name, name) for name in (key.split("+") if len(key) > 1 else [key])]
            steps += [{"type": "keyDown", "value": code} for code in codes]
            steps += [{"type": "keyUp", "value": code} for code in reversed(codes)]
        self.perform({"type": "key", "id": "keys", "actions": steps})

    def point(self, kind, *places):
        move = {"type": "pointerMove", "duration": 0}
        moves = [move | {"x": round(x), "y": round(y)} for x, y in places]
        if kind != "hover":
            moves.insert(1, {"type": "pointerDown", "button": 0})
            moves.append({"type": "pointerUp", "button": 0})
        kind = "mouse" if kind == "hover" else kind
        which = {"id": kind, "parameters": {"pointerType": kind}}
        self.perform({"type": "pointer", **which, "actions": moves})

    def wait_for(self, ask):
        """What `ask` answers as soon as it answers."""
        for _ in range(300):
            if answer := ask():
                return answer
            time.sleep(0.1)
        raise TimeoutError(f"not there after 30 s: {Path(self.folder, 'log').read_text()[-2000:]}")

    def close(self):
        os.killpg(self.program.pid, signal.SIGTERM)
        self.program.wait(20)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Firefox(Program):
    def __init__(self):
        import websocket

        self.folder, self.count = tempfile.mkdtemp(), 0
        name = next(filter(shutil.which, ("firefox-esr", "firefox")), "firefox-esr")
        options = "--headless --remote-debugging-port=0 --no-remote --remote-allow-system-access"
        self.start([name], name, *options.split(), "--profile", self.folder)
        listening = re.compile(r"BiDi listening on (ws://\S+)")
        log = Path(self.folder, "log")
        address = self.wait_for(lambda: listening.search(log.read_text()))[1]
        self.socket = websocket.create_connection(f"{address}/session", suppress_origin=True)
        self.call("session.new", capabilities={})
        self.page = self.call("browsingContext.getTree")["contexts"][0]["context"]
        tree = self.call("browsingContext.getTree", **{"moz:scope": "chrome"})
        self.chrome = tree["contexts"][0]["context"]
        # Its window is in front, unseen as it is: else no control of the page hears of the focus.
        for ask in ("focus.activeWindow = window", "prefs && gBrowser.selectedBrowser.focus()"):
            self.script(f"String(Services.{ask})", self.chrome)

    def call(self, method, **values):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": values}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.count:
                if answer["type"] == "error":
                    raise RuntimeError(answer["message"])
                return answer["result"]

    def resize(self, width):
        size = {"width": width, "height": 2400}
        self.call("browsingContext.setViewport", context=self.page, viewport=size)

    def navigate(self, url):
        self.call("browsingContext.navigate", context=self.page, url=url, wait="complete")

    def script(self, expression, context=None):
        target = {"context": context or self.page}
        code = {"expression": expression, "awaitPromise": True}
        return self.call("script.evaluate", target=target, **code)["result"]["value"]

    def perform(self, source):
        self.call("input.performActions", context=self.page, actions=[source])


class WebKit(Program):
    fingers = False  # its driver makes a mouse of every finger

    def __init__(self):
        binary = next(iter(sorted(Path("/").glob(MINI_BROWSERS[1:]))), None)
        if binary is None:
            raise FileNotFoundError(f"there is no {MINI_BROWSERS}")
        self.folder = tempfile.mkdtemp()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        screen = ["xvfb-run", "-a", "-s", "-screen 0 1400x2500x24", "dbus-run-session", "--"]
        own = {"XDG_CONFIG_HOME": self.folder, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        needed = ["xvfb-run", "dbus-run-session", "WebKitWebDriver"]
        self.start(needed, *screen, "WebKitWebDriver", f"--port={port}", **own)
        self.wait_for(self.is_ready)
        options = {"binary": str(binary), "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        self.session = "/session/" + self.call("POST", "/session", capabilities=wanted)["sessionId"]
        # Its own timer would run in the page, among those that a figure asks for.
        self.call("POST", f"{self.session}/timeouts", script=None)

    def is_ready(self):
        try:
            return self.call("GET", "/status")["ready"]
        except urllib.error.URLError:
            return False

    def call(self, method, path, **values):
        data = json.dumps(values).encode() if method == "POST" else None
        request = urllib.request.Request(self.address + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from None

    def resize(self, width):
        wide = max(width, 500)  # its window has a bar with buttons; a narrower page is a part of it
        self.call("POST", f"{self.session}/window/rect", width=wide, height=2400)
        self.script(f"String(document.documentElement.style.width = '{width}px')")

    def navigate(self, url):
        self.call("POST", f"{self.session}/url", url=url)

    def script(self, expression):
        code = f"const done = arguments[0]; Promise.resolve({expression}).then(done);"
        return self.call("POST", f"{self.session}/execute/async", script=code, args=[])

    def perform(self, source):
        self.call("POST", f"{self.session}/actions", actions=[source])

    def close(self):
        self.call("DELETE", self.session)
        super().close()


BROWSERS = {"chromium": Chromium, "firefox": Firefox, "webkit": WebKit}
