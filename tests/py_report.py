"""The report: self-contained, complete, graceful, and right in a real browser where one is installed."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import synthetic  # noqa: E402
from matplotlib import image  # noqa: E402
from metazoa.page import report  # noqa: E402
from metazoa.reading.ensemble import open_runs  # noqa: E402

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    base = tmp_path_factory.mktemp("report")
    runs = [
        synthetic.write_run(base / f"{kind}-{seed}", seed, kind)
        for kind, seed in (("idx", 1), ("idx", 2), ("addition", 1))
    ]
    (runs[0] / "run.json").write_text('{"program": "<script>alert(1)</script>", "ranks": 3}')
    for run in runs[:2]:
        (run / "probe-robustness.h5").unlink()
    path = base / "report.html"
    path.write_text(report.build(open_runs(runs))[0], encoding="utf-8")
    return path


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


def test_page_is_self_contained_and_well_formed(page):
    text = page.read_text()
    assert not re.search(r"https?:|//[a-z]+\.[a-z]|@import|url\(", text)
    elements = Elements()
    elements.feed(text)
    assert elements.open == []
    for tag, attributes in elements.found:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
    assert sum(tag == "img" for tag, _ in elements.found) >= 15
    assert all(attributes.get("alt") for tag, attributes in elements.found if tag == "img")


def test_page_tells_everything(page):
    text = page.read_text()
    for what in (
        "about 25 %",
        "10⁻⁸ to 10⁻⁷",
        "disables classification",
        "✓ agrees",
        "✗ differs",
        "Provenance of",
        "Configuration of",
        "hidden: [5, 5]",
        "0123456789abcdef",
        "Figure 12.",
        "random walks",
    ):
        assert what in text, what
    assert "metazoa probe robustness" in text  # what is missing is named, with the way to make it
    assert "<script>alert(1)" not in text and "&lt;script&gt;alert(1)" in text


def chromium(page, folder, *arguments):
    return subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={folder}",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            *arguments,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_page_in_a_browser(page, tmp_path):
    done = chromium(page, tmp_path / "profile", "--dump-dom")
    assert done.returncode == 0
    assert "CONSOLE" not in done.stderr, done.stderr
    assert 'data-ready="yes"' in done.stdout[:400] and "data-error" not in done.stdout[:400]
    segments = [int(n) for n in re.findall(r'data-segments="(\d+)"', done.stdout)]
    assert len(segments) == 2 and segments[0] > 1000  # both views were drawn


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_screenshot_is_not_blank(page, tmp_path):
    shot = tmp_path / "page.png"
    chromium(page, tmp_path / "profile", "--window-size=1100,5200", f"--screenshot={shot}")
    pixels = image.imread(shot)[..., :3]
    assert pixels.shape[:2] == (5200, 1100)
    for band in np.array_split(pixels, 8):  # something everywhere from top to bottom
        assert (band < 0.8).any(axis=2).mean() > 0.002
    colourful = np.ptp(pixels, axis=2) > 0.3
    assert colourful.mean() > 0.005
