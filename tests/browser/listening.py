"""A browser that is watched: what ran in its pages, and what left them."""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver

from tests.browser.conftest import started
from tests.browser.payloads import HOST

_RAN = re.compile(r'"pwned (\d+)"')
_SENT = re.compile(rf"{re.escape(HOST)}(?::80)?/(\d+)")
# The browser's own pages send things, too; what they send is no page's of ours.
_OURS = ("file:", "data:", "about:", "chrome:", "http://127.0.0.1:")
# Dialogs would stop the page; what they were to say is kept in its log instead.
_NO_DIALOGS = "window.alert = (number) => console.error('pwned ' + number);"
# Opens what is folded, points at everything and clicks on it, but for ways to pages of ours.
_POKE = """
const own = (url) => { try { const to = new URL(url, location);
  return to.protocol === location.protocol && to.host === location.host } catch { return false } };
const poke = (view) => {
  const page = view.document;
  view.addEventListener("click", (event) => {
    const way = event.target.closest?.("a, button");
    if (way && !way.ping && own(way.formAction ?? way.href.baseVal ?? way.href)) {
      event.preventDefault();
    }
  });
  for (const folded of page.querySelectorAll("details")) folded.open = true;
  for (const element of page.querySelectorAll("*")) {
    for (const kind of ["mouseover", "focus", "click"]) {
      element.dispatchEvent(new view.MouseEvent(kind, { bubbles: true, cancelable: true }));
    }
  }
  for (const frame of page.querySelectorAll("iframe")) {
    try { poke(frame.contentWindow) } catch { }
  }
};
poke(window);
"""


class Listener(socketserver.ThreadingTCPServer):
    """A proxy that answers nothing and remembers what payloads asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Asked)


class _Asked(socketserver.StreamRequestHandler):
    server: Listener

    def handle(self) -> None:
        line = self.rfile.readline(4096).decode("latin-1").strip()
        if HOST in line:  # the browser asks for things of its own
            self.server.asked.append(line)
        self.wfile.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


class Watched:
    """A browser behind the listener.

    Attributes:
        asked: requests that reached the proxy.
    """

    def __init__(self, browser: webdriver.Chrome, listener: Listener) -> None:
        self.browser = browser
        self.asked = listener.asked
        self._command("Page.addScriptToEvaluateOnNewDocument", source=_NO_DIALOGS)

    def open(self, address: str, *, bypass_policy: bool) -> None:
        """Opens a page and touches all that stands on it."""
        self._command("Page.setBypassCSP", enabled=bypass_policy)
        self.browser.get(address)
        self.browser.execute_script(_POKE)

    def fired(self, seconds: float, enough: int = 0) -> set[int]:
        """Numbers of the payloads that ran or sent something since this was last asked.

        The page is left afterwards.

        Args:
            seconds: how long to wait for them.
            enough: how many are enough to stop waiting; 0 waits to the end.
        """
        scripts: set[str] = set()
        requests: dict[str, str] = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
            scripts.update(self._ran())
            self._follow(requests)
            fired = _numbers(_RAN, scripts) | _numbers(_SENT, [*requests.values(), *self.asked])
            if enough and len(fired) >= enough:
                break
        self._forget()
        return fired

    def _forget(self) -> None:
        """Leaves the page, whose last words are nobody else's."""
        self.browser.get("about:blank")
        self._ran()
        self._follow({})
        self.asked.clear()

    def _ran(self) -> list[str]:
        told = (entry["message"] for entry in self.browser.get_log("browser"))
        return [message for message in told if _RAN.search(message)]

    def _follow(self, requests: dict[str, str]) -> None:
        """Requests to others that pages began, by id, but for those that a policy stopped."""
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            told = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                if not told["request"]["url"].startswith(_OURS):
                    requests[told["requestId"]] = told["request"]["url"]
            elif told.get("blockedReason") == "csp":
                requests.pop(told["requestId"], None)

    def _command(self, name: str, **arguments: Any) -> None:
        self.browser.execute_cdp_cmd(name, arguments)


def _numbers(told: re.Pattern[str], lines: Iterable[str]) -> set[int]:
    """Payloads that lines of a log, or addresses, tell of; 0 for a line that tells of none."""
    return {int(match[1]) if (match := told.search(line)) else 0 for line in lines}


@contextmanager
def watching(profile: Path) -> Iterator[Watched]:
    """A browser of its own, whose requests to other machines all come to the listener."""
    with Listener() as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        place = f"--proxy-server=http://127.0.0.1:{listener.server_address[1]}"
        browser = started(profile, place, logs=("browser", "performance"))
        try:
            yield Watched(browser, listener)
        finally:
            browser.quit()
            listener.shutdown()
