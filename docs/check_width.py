"""Check in a browser that nothing is cut off in the built documentation, on screens and phones.

``python docs/check_width.py docs/_build/html`` names lines of code that are wider than their box on
a screen of 1400 pixels, and texts that are wider than the page there or on a phone of 390. It takes
Chromium from the environment variable SKSSL_CHROMIUM, or by the usual names. Where there is none,
it checks nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

NAMES = ("chromium", "chromium-browser", "google-chrome")
# A page with a frame, in which all pages are opened one after the other at both widths.
CHECK = """<!doctype html><iframe style="border: 0; height: 900px"></iframe><script>
(async () => {
  const frame = document.querySelector("iframe"), found = [];
  for (const width of [1400, 390]) {
    frame.style.width = width + "px";
    for (const page of PAGES) {
      await new Promise(done => { frame.onload = done; frame.src = "/" + page; });
      const inside = frame.contentDocument, whole = inside.documentElement.scrollWidth;
      if (whole > width) found.push(`${page} is ${whole} wide at ${width}`);
      const text = inside.querySelector(".bd-article-container");
      if (text && text.scrollWidth > text.clientWidth + 1)
        found.push(`${page} has text that is ${text.scrollWidth} wide at ${width}`);
      if (width == 1400) for (const code of inside.querySelectorAll("pre"))
        if (code.clientWidth && code.scrollWidth > code.clientWidth + 1) {
          const lines = code.innerText.split("\\n");
          const longest = lines.reduce((one, other) => one.length < other.length ? other : one);
          found.push(`${page}: ${longest.trim()}`);
        }
    }
  }
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


class Pages(SimpleHTTPRequestHandler):
    """Serves the built pages, and the one that checks them."""

    found = None

    def do_GET(self):
        """Send a page."""
        if self.path != "/check":
            return super().do_GET()
        root = Path(self.directory)
        pages = sorted(str(page.relative_to(root)) for page in root.rglob("*.html"))
        shown = [page for page in pages if not page.startswith("_static/")]
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(CHECK.replace("PAGES", json.dumps(shown)).encode())

    def do_POST(self):
        """Note what was found."""
        Pages.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        Thread(target=self.server.shutdown).start()

    def log_message(self, *_):
        """Say nothing of what is asked for."""


def check(root, browser):
    """Return what is cut off, as a browser shows it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(root)))
    # What the browser started may still write into the folder when it goes.
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{server.server_port}/check"
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        shown = subprocess.Popen(
            [browser, *options, "--remote-debugging-port=0", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        Thread(target=lambda: (shown.wait(), server.shutdown()), daemon=True).start()
        server.serve_forever()
        shown.terminate()
        shown.wait()
    if Pages.found is None:
        raise RuntimeError(f"{browser} ended before it had shown all pages")
    return Pages.found


def main():
    """Print what is cut off, and end with 1 if anything is."""
    browser = os.environ.get("SKSSL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        print("no Chromium is here, so widths are not checked")
        return
    found = check(Path(sys.argv[1]).resolve(), browser)
    print("\n".join([*found, f"{len(found)} places are cut off"]))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
