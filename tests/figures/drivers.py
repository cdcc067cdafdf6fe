"""Three browsers behind one interface: Chromium, Firefox and WebKit, each one process a session.

Chromium is driven by playwright, Firefox by WebDriver BiDi over its own socket (it needs no
geckodriver), WebKitGTK by WebDriver over HTTP on a screen of its own.
"""

import base64
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

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"
KEYS = {  # WebDriver's code points for keys that are no letters
    "Backspace": "\ue003", "Tab": "\ue004", "Enter": "\ue007", "Shift": "\ue008",
    "Escape": "\ue00c", "Space": " ", "PageUp": "\ue00e", "PageDown": "\ue00f", "End": "\ue010",
    "Home": "\ue011", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}  # fmt: skip


def find_chromium():
    chosen = os.environ.get("CNNBOOK_CHROMIUM")
    return chosen or next((path for path in map(shutil.which, CHROMIUM) if path), None)


class Browser:
    """What all three can do; `script`, `perform`, `navigate` and `close` are each one's own."""

    fingers = True

    def open(self, url, width=1280, theme="light", reduced_motion=False):
        """Show `url` to a reader with this width, theme and wish for quiet."""
        self.emulate(theme, reduced_motion)
        self.resize(width)
        self.navigate(url)
        self.resize(width)

    def evaluate(self, code, *values):
        """What the JavaScript function `code` returns or resolves to; any error is raised."""
        call = f"({code})({', '.join(map(json.dumps, values))})"
        answer = json.loads(
            self.script(
                f"Promise.resolve().then(() => {call}).then((value) => JSON.stringify({{ value }}),"
                " (error) => JSON.stringify({ error: `${error}\\n${error.stack}` }))"
            )
        )
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer.get("value")

    def press(self, *keys):
        """Real key presses, one after the other: ``press("Tab", "Shift+ArrowLeft", "x")``."""
        steps = []
        for key in keys:
            codes = [KEYS.get(name, name) for name in (key.split("+") if len(key) > 1 else [key])]
            steps += [{"type": "keyDown", "value": code} for code in codes]
            steps += [{"type": "keyUp", "value": code} for code in reversed(codes)]
        self.perform({"type": "key", "id": "keys", "actions": steps})

    def point(self, kind, *places):
        """Only "hover", or press a "mouse" or "touch" at the first place and let go at the last."""
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0} for x, y in places
        ]
        if kind != "hover":
            moves.insert(1, {"type": "pointerDown", "button": 0})
            moves.append({"type": "pointerUp", "button": 0})
        kind = "mouse" if kind == "hover" else kind
        self.perform(
            {"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": moves}
        )


class Chromium(Browser):
    def __init__(self, path=None):
        from playwright.sync_api import sync_playwright

        path = path or find_chromium()
        if path is None:
            raise FileNotFoundError(f"none of {', '.join(CHROMIUM)}, and CNNBOOK_CHROMIUM is unset")
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=path, args=FLAGS)
        self.page = self.browser.new_context(offline=True, has_touch=True).new_page()
        self.devtools = self.page.context.new_cdp_session(self.page)

    def emulate(self, theme, reduced_motion):
        motion = "reduce" if reduced_motion else "no-preference"
        self.page.emulate_media(color_scheme=theme, reduced_motion=motion)

    def resize(self, width):
        self.page.set_viewport_size({"width": width, "height": 2400})

    def navigate(self, url):
        self.page.goto(url)

    def script(self, expression):
        return self.page.evaluate(expression)

    def perform(self, source):
        kind, touching = source.get("parameters", {}).get("pointerType"), {"x": 0, "y": 0}
        for step in source["actions"]:
            if kind == "touch":
                touching |= {axis: step[axis] for axis in "xy" if axis in step}
                name = {"pointerDown": "touchStart", "pointerUp": "touchEnd"}.get(step["type"])
                if name is None and step is source["actions"][0]:
                    continue  # a finger is nowhere before it touches
                points = [] if name == "touchEnd" else [touching]
                event = {"type": name or "touchMove", "touchPoints": points}
                self.devtools.send("Input.dispatchTouchEvent", event)
            elif step["type"] == "pointerMove":
                self.page.mouse.move(step["x"], step["y"])
            elif kind:
                (self.page.mouse.down if step["type"] == "pointerDown" else self.page.mouse.up)()
            else:
                name = next((n for n, code in KEYS.items() if code == step["value"]), step["value"])
                (self.page.keyboard.down if step["type"] == "keyDown" else self.page.keyboard.up)(
                    name
                )

    def screenshot(self):
        return self.page.screenshot()

    def close(self):
        self.browser.close()
        self.playwright.stop()


class Program(Browser):
    """A browser that is a program of its own, with a folder of its own, and ends with its group."""

    def start(self, needed, *command, **environment):
        missing = [name for name in needed if not shutil.which(name)]
        if missing:
            raise FileNotFoundError(f"{', '.join(missing)} is not on the PATH")
        self.log = open(Path(self.folder, "log"), "w+b")  # noqa: SIM115 - closed in close()
        self.program = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, start_new_session=True,
            env=os.environ | environment,
        )  # fmt: skip

    def wait_for(self, ask):
        """What `ask` answers as soon as it answers."""
        for _ in range(300):
            answer = ask()
            if answer:
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
        self.start(
            [name], name, "--headless", "--remote-debugging-port=0", "--no-remote", "--profile",
            self.folder, "--remote-allow-system-access",
        )  # fmt: skip
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

    def emulate(self, theme, reduced_motion):
        prefs = {"layout.css.prefers-color-scheme.content-override": int(theme == "light")}
        prefs["ui.prefersReducedMotion"] = int(reduced_motion)
        for name, value in prefs.items():
            self.script(f"String(Services.prefs.setIntPref('{name}', {value}))", self.chrome)

    def resize(self, width):
        size = {"width": width, "height": 2400}
        self.call("browsingContext.setViewport", context=self.page, viewport=size)

    def navigate(self, url):
        self.call("browsingContext.navigate", context=self.page, url=url, wait="complete")

    def script(self, expression, context=None):
        target = {"context": context or self.page}
        answer = self.call(
            "script.evaluate", expression=expression, target=target, awaitPromise=True
        )
        return answer["result"]["value"]

    def perform(self, source):
        self.call("input.performActions", context=self.page, actions=[source])

    def screenshot(self):
        shot = self.call("browsingContext.captureScreenshot", context=self.page)
        return base64.b64decode(shot["data"])


class WebKit(Program):
    fingers = False  # its driver makes a mouse of every finger
    narrowest = 500  # its window has a bar with buttons; narrower pages stand in a part of it

    def __init__(self):
        binary = next(iter(sorted(Path("/").glob(MINI_BROWSERS[1:]))), None)
        if binary is None:
            raise FileNotFoundError(f"there is no {MINI_BROWSERS}")
        self.folder, self.reader, self.binary = tempfile.mkdtemp(), None, str(binary)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.start(
            ["xvfb-run", "dbus-run-session", "WebKitWebDriver"], "xvfb-run", "-a", "-s",
            "-screen 0 1400x2500x24", "dbus-run-session", "--", "WebKitWebDriver", f"--port={port}",
            XDG_CONFIG_HOME=self.folder, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS="1",
        )  # fmt: skip
        self.wait_for(self.is_ready)

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

    def emulate(self, theme, reduced_motion):
        """GTK's settings are the reader's wishes; the browser reads them as it starts."""
        if self.reader == (theme, reduced_motion):
            return
        if self.reader:
            self.call("DELETE", self.session)
        self.reader = theme, reduced_motion
        settings = Path(self.folder, "gtk-3.0", "settings.ini")
        settings.parent.mkdir(exist_ok=True)
        name = "Adwaita-dark" if theme == "dark" else "Adwaita"
        motion = int(not reduced_motion)
        settings.write_text(f"[Settings]\ngtk-theme-name={name}\ngtk-enable-animations={motion}\n")
        options = {"binary": self.binary, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        answer = self.call("POST", "/session", capabilities=wanted)
        self.session = f"/session/{answer['sessionId']}"
        # Its own timer would run in the page, among those that a figure asks for.
        self.call("POST", f"{self.session}/timeouts", script=None)

    def resize(self, width):
        wide = max(width, self.narrowest)
        self.call("POST", f"{self.session}/window/rect", width=wide, height=2400)
        self.script(f"String(document.documentElement.style.width = '{width}px')")

    def navigate(self, url):
        self.call("POST", f"{self.session}/url", url=url)

    def script(self, expression):
        code = f"const done = arguments[0]; Promise.resolve({expression}).then(done);"
        return self.call("POST", f"{self.session}/execute/async", script=code, args=[])

    def perform(self, source):
        self.call("POST", f"{self.session}/actions", actions=[source])

    def screenshot(self):
        return base64.b64decode(self.call("GET", f"{self.session}/screenshot"))

    def close(self):
        if self.reader:
            self.call("DELETE", self.session)
        super().close()


BROWSERS = {"chromium": Chromium, "firefox": Firefox, "webkit": WebKit}
