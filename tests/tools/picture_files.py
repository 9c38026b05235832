"""A console's screen as files: SVG as Textual draws it, PNG as a browser shows that. One browser for all of them."""

from __future__ import annotations

import math
import re
import tempfile
from pathlib import Path

from chromium import find_chromium, tab
from textual.app import App


def write_svg(app: App[object], path: Path, title: str = "hip3-tui") -> None:
    # Textual numbers its style classes by chance; fixed names keep unchanged pictures unchanged.
    path.write_text(re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title=title)))
    print(path.name)


async def draw_pngs(svgs: list[Path]) -> None:
    """A PNG beside each SVG, if a Chromium is installed: nothing else draws these SVGs as a terminal does."""
    chromium = find_chromium()
    if chromium is None:
        print("no Chromium here: the SVGs are new, the PNGs are as they were")
        return
    with tempfile.TemporaryDirectory() as folder:
        async with tab(chromium, 800, 600) as page:
            for svg in svgs:
                text = svg.read_text()
                box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
                assert box is not None, f"{svg.name} has no viewBox"
                width, height = math.ceil(float(box[1])), math.ceil(float(box[2]))
                # Through a page without margins: a bare SVG would be drawn with letter boxes.
                style = f"html,body{{margin:0;background:#000}}svg{{display:block;width:{width}px;height:{height}px}}"
                html = _page(Path(folder), f"<!doctype html><meta charset=utf-8><style>{style}</style>{text}")
                await page.call(
                    "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
                )
                await page.open(html.as_uri())
                await page.until("document.readyState === 'complete' && document.fonts.status === 'loaded'")
                svg.with_suffix(".png").write_bytes(await page.picture())


def _page(folder: Path, text: str) -> Path:
    path = folder / "page.html"
    path.write_text(text)
    return path
