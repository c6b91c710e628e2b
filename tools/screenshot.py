"""Take a picture of the running system's page, for the documentation.

    introspect launch sim &
    python tools/screenshot.py --out docs/images/dashboard.png --wait-for succeeded

Needs playwright (`pip install playwright`) and Debian's or Ubuntu's chromium (`apt install
chromium`); playwright's own browsers are not used. WebGL is rendered in software.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)

# viser remarks that WebGL runs in software, which is no news for the reader of a picture
STILL = ".mantine-Notifications-root { display: none !important }"
# The scene is faded in: over two seconds, or some frames where each takes long.
WAIT_FOR_SCENE = """async () => {
    const start = performance.now()
    for (let frames = 0; frames < 10 || performance.now() - start < 2000; frames++)
        await new Promise(requestAnimationFrame)
}"""


def take(
    url: str,
    out: Path,
    size: tuple[int, int],
    wait_for: str,
    click: Sequence[str],
    patience: float,
) -> str:
    """Open the page, press buttons, wait for a text and take the picture.

    Args:
        url: of the page.
        out: PNG file to write.
        size: width and height of the window [pixel].
        wait_for: text that has to be on the page first; "" for none.
        click: labels of buttons to press, in this order.
        patience: longest wait for anything [s].

    Returns:
        The text on the page when the picture was taken.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("chromium is not installed. Cure: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_default_timeout(1000 * patience)
        page.goto(url)
        page.wait_for_selector("canvas")
        page.get_by_text("real-time factor").first.wait_for()  # states arrive and are drawn
        for label in click:
            # not click(), which waits for two equal frames: in software that takes many seconds
            page.get_by_role("button", name=label, exact=True).dispatch_event("click")
        if wait_for:
            page.get_by_text(wait_for).first.wait_for()
        page.add_style_tag(content=STILL)
        page.evaluate(WAIT_FOR_SCENE)
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out)
        text = page.inner_text("body")
        browser.close()
    return text


def main() -> int:
    """Read the command line and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--out", type=Path, default=Path("dashboard.png"), help="PNG to write")
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 800), metavar=("W", "H"))
    parser.add_argument("--wait-for", default="", help="text that has to be on the page first")
    parser.add_argument("--click", action="append", default=[], help="button to press before that")
    parser.add_argument("--patience", type=float, default=30.0, help="longest wait [s]")
    options = parser.parse_args()
    size = (options.size[0], options.size[1])
    print(take(options.url, options.out, size, options.wait_for, options.click, options.patience))
    return 0


if __name__ == "__main__":
    sys.exit(main())
