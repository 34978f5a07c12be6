"""Check that all links within the built documentation lead somewhere, anchors included.

``python docs/check_links.py docs/_build/html`` names those that do not.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, file):
        super().__init__()
        self.anchors, self.links = {""}, []
        self.feed(file.read_text())

    def handle_starttag(self, tag, attrs):
        """Note what a tag is called and what it refers to."""
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found[name] for name in ("href", "src", "data-src") if found.get(name)]


def broken(root):
    """Yield page and link of all links that lead nowhere."""
    files = sorted(set(root.rglob("*.html")) - set(root.glob("_static/**/*")))
    pages = {file: Page(file) for file in files}
    for file, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            target = (file.parent / path).resolve() if path else file
            if not target.is_file():
                yield file.relative_to(root), link
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield file.relative_to(root), link


def main():
    """Print the broken links, and end with 1 if there are any."""
    root = Path(sys.argv[1]).resolve()
    found = list(broken(root))
    for page, link in found:
        print(f"{page}: {link} leads nowhere")
    print(f"{len(found)} broken links")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
