"""The report: self-contained, complete, graceful, and right in a real browser where one is installed."""

import json
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "analysis"), str(ROOT / "tests")]
import synthetic  # noqa: E402
from browser import CHROMIUM, Browser  # noqa: E402
from matplotlib import image  # noqa: E402
from metazoa.mathematics.particle import TYPES, effective  # noqa: E402
from metazoa.page import report  # noqa: E402
from metazoa.reading.ensemble import open_runs  # noqa: E402


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    base = tmp_path_factory.mktemp("report")
    runs = [
        synthetic.write_run(base / f"{kind}-{seed}", seed, kind)
        for kind, seed in (("idx", 1), ("idx", 2), ("addition", 1))
    ]
    (runs[0] / "run.json").write_text('{"program": "<script>alert(1)</script>", "ranks": 3}')
    for run in runs[:2]:
        synthetic.remove_probe(run, "robustness")
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
        "every particle becomes a self-replicator",
        "largest seed below 10⁻⁶",
        "✓ confirmed",
        "✗ contradicted",
        "docs/reproduction.md",
        "Provenance of",
        "Configuration of",
        "hidden: [5, 5]",
        "0123456789abcdef",
        "Figure 12.",
        "random walks",
    ):
        assert what in text, what
    for section in text.split('<section id="experiment-')[1:]:
        numbers = [int(number) for number in re.findall(r"<b>Figure (\d+)\.", section)]
        assert numbers == sorted(numbers) and len(numbers) > 5
        assert section.count("<summary>Provenance") == 1 and section.count("<td>synthetic</td>") <= 1
    assert "metazoa probe robustness" in text  # what is missing is named, with the way to make it
    assert "<script>alert(1)" not in text and "&lt;script&gt;alert(1)" in text


def bare(folder, kind):
    """A run with metrics alone, and its summary."""
    run = synthetic.write_run(folder, kind=kind)
    for file in [*run.glob("probe-*"), run / "archive.h5"]:
        file.unlink()
    return run, json.loads((run / "summary.json").read_text())


def test_settled_run_is_shown_as_it_ended(tmp_path):
    run, summary = bare(tmp_path / "run", "idx")
    total, before = summary["particles"], summary["census"]
    with open(run / "metrics.csv", "a") as file:
        file.write(f"21,,0,0.5,0.625,0,0,{total},0,0,0123456789abcdef,0.5\n")
    after = {**before, "self_replicator": total, "other": 0}
    summary.update(
        epochs=21,
        test_accuracy=0.625,
        census=after,
        census_before_settling=before,
        test_accuracy_before_settling=0.85,
    )
    (run / "summary.json").write_text(json.dumps(summary))
    text = report.build(open_runs([run]))[0]
    assert (
        "<b>0.625</b><span>test accuracy" in text
        and "<b>100\u00a0%</b><span>self-replicators after settling" in text
    )
    assert '"self-replicators">100.0 %<' in text and '"test accuracy">0.625<' in text


def test_paper_stands_beside_its_own_experiments_alone(tmp_path):
    run, _ = bare(tmp_path / "run", "addition")
    assert "The paper says" in report.build(open_runs([run]))[0]
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text + "interaction: {melt: 0.1}\n")
    assert "The paper says" not in report.build(open_runs([run]))[0]


# What is wrong with a page's layout: what is cut, what lies on something else, what can hardly be read.
FAULTS = """(() => {
  const faults = [], width = document.documentElement.clientWidth, seen = (e) => e.getClientRects().length > 0;
  const say = (what, e, more = "") => faults.push(`${what}: ${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)} ${more}`);
  const strip = ".wide .scroll, details *, select, script"; // these may scroll
  for (const e of document.querySelectorAll("body *")) {
    const box = e.getBoundingClientRect();
    if (!seen(e) || e.closest(strip)) continue;
    if (box.left < -1 || box.right > width + 1) say("outside", e, `${box.left} to ${box.right} of ${width}`);
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline") say("cut", e, `${e.scrollWidth} in ${e.clientWidth}`);
  }
  const leaves = [...document.querySelectorAll("h1, h2, h3, p, .tiles *, td, th, img, canvas, button, select, output, figcaption, nav a, label")]
    .filter((e) => seen(e) && !e.closest(".wide .scroll, details") && (e.textContent.trim() || e.matches("img, canvas, select")));
  const boxes = leaves.map((e) => e.getBoundingClientRect());
  for (let i = 0; i < leaves.length; i++) for (let j = 0; j < i; j++) {
    const [a, b] = [boxes[i], boxes[j]];
    if (leaves[j].contains(leaves[i]) || leaves[i].contains(leaves[j])) continue;
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
      say("overlap", leaves[i], leaves[j].textContent.trim().slice(0, 40));
  }
  const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  for (const e of leaves.filter((e) => e.textContent.trim())) {
    let ground = e;
    while (ground !== document.body && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    const [a, b] = [e, ground].map((x, k) => light(getComputedStyle(x)[k ? "backgroundColor" : "color"])).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) say("faint", e, (a + 0.05) / (b + 0.05));
  }
  return faults;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found
        assert found.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 768, 1440])
def test_layout(page, browser, width, scheme):
    browser.open(page, width, scheme=scheme, touch=width < 500)
    assert browser.run(FAULTS) == []
    assert browser.run("document.documentElement.dataset.error") is None


def test_layout_test_can_fail(page, browser):
    browser.open(page, 375)
    for change in (
        "querySelector('td').style.minWidth = '500px'",
        "querySelector('figcaption').style.marginTop = '-40px'",
        "querySelector('.tiles').style.color = '#bbb'",
    ):
        browser.open(page, 375)
        browser.run(f"document.{change}; 0")
        assert browser.run(FAULTS) != []


def pixels(browser, tmp_path):
    """What the window shows, [row, column, colour] from 0 to 1."""
    browser.screenshot(tmp_path / "shot.png")
    return image.imread(tmp_path / "shot.png")[..., :3]


def test_dark_page(page, browser, tmp_path):
    browser.open(page, scheme="dark")
    assert pixels(browser, tmp_path).mean() < 0.2
    browser.run(
        "document.querySelector('.figures').scrollIntoView({behavior: 'instant'}); 0"
    )  # figures are no white islands, and can be seen
    dark = pixels(browser, tmp_path)
    assert (
        dark.mean() < 0.25
        and (dark.min(axis=2) > 0.7).mean() > 0.002
        and (np.ptp(dark, axis=2) > 0.3).mean() > 0.0005
    )
    browser.run("document.querySelector('#scheme').click()")
    assert pixels(browser, tmp_path).mean() > 0.8


def test_print(page, browser, tmp_path):
    browser.open(page, scheme="dark")
    browser.print(tmp_path / "page.pdf")
    text = (tmp_path / "page.pdf").read_bytes()
    assert text.startswith(b"%PDF") and 5 < len(re.findall(rb"/Type */Page\b", text)) < 30
    browser.look(670, 1000, media="print")
    assert browser.run(FAULTS) == [] and not browser.run(
        "document.querySelector('[data-part=play]').getClientRects().length"
    )
    if shutil.which("pdftotext"):
        out = subprocess.run(
            ["pdftotext", "-layout", tmp_path / "page.pdf", "-"], capture_output=True, text=True, timeout=60
        ).stdout
        last = [sheet.strip().splitlines()[-1].strip() for sheet in out.split("\f") if sheet.strip()]
        assert not {"Results", "Figures", "Runs, configuration, provenance"} & set(last), last


CANVAS = "document.querySelector('canvas')"


def look_at_view(page, browser, width=1440):
    """The first view's place in the window: left, top, width, height."""
    browser.open(page, width)
    browser.run(f"{CANVAS}.scrollIntoView({{block: 'center', behavior: 'instant'}}); 0")
    return browser.run(
        f"(({{x, y, width, height}}) => [x, y, width, height])({CANVAS}.getBoundingClientRect())"
    )


def change(browser, part, value):
    browser.run(
        f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('input')); }})(document.querySelector('[data-part={part}]'))"
    )
    browser.run("new Promise(requestAnimationFrame).then(() => 0)")


def seen(browser):
    return browser.run(f"{CANVAS}.toDataURL()")


@pytest.mark.parametrize("width", [375, 1440])
def test_view_is_never_cut(page, browser, width):
    look_at_view(page, browser, width)
    assert browser.run(f"{CANVAS}.dataset.drawn") == "255"
    for _ in range(12):
        assert browser.run(
            f"""(() => {{ // nothing touches the rim
          const c = {CANVAS}, d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, at = (x, y) => d[4 * (y * c.width + x)];
          for (let x = 0; x < c.width; x++) if (at(x, 0) !== at(0, 0) || at(x, c.height - 1) !== at(0, 0)) return false;
          for (let y = 0; y < c.height; y++) if (at(0, y) !== at(0, 0) || at(c.width - 1, y) !== at(0, 0)) return false;
          return true;
        }})()"""
        )
        browser.run(
            f"for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowLeft', 'ArrowUp']) {CANVAS}.onkeydown(new KeyboardEvent('keydown', {{key}})); 0"
        )
        browser.run("new Promise(requestAnimationFrame).then(() => 0)")


def test_wheel_scrolls_the_page(page, browser):
    left, top, width, height = look_at_view(page, browser)
    before, picture = browser.run("scrollY"), seen(browser)
    browser.mouse("mouseWheel", left + width / 2, top + height / 2, deltaX=0, deltaY=-200)
    wait(browser, f"scrollY < {before}")
    assert seen(browser) == picture


def wait(browser, what):
    """Until an expression is true in the page, which may be loaded again meanwhile."""
    until = time.monotonic() + 60
    while not browser.run(f"Boolean(document.documentElement && ({what}))"):
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_pick_a_particle(page, browser):
    left, top, width, height = look_at_view(page, browser)
    picked = "document.querySelector('[data-part=picked]').textContent"
    plain, said = seen(browser), ""
    for x in range(0, int(width) // 2, 7):  # from the middle to the right, until something is there
        browser.mouse("mouseMoved", left + width / 2 + x, top + height / 2)
        browser.run("new Promise(requestAnimationFrame).then(() => 0)")
        if said := browser.run(picked):
            break
    found = re.fullmatch(
        r"layer (\d+) \(/layers/\d+\), cell (\d+), edge (\d+) \(both from 0\): (self-replicator|other).*; effective weight (-?[\d.e+-]+)",
        said,
    )
    assert found, said
    with h5py.File(page.parent / "idx-1" / "archive.h5") as file:
        layer, cell, edge = int(found[1]) - 1, int(found[2]), int(found[3])
        weights, code = (
            file[f"layers/{layer}/trajectory"][-1, cell, edge],
            file[f"layers/{layer}/type"][-1, cell, edge],
        )
    assert found[4] == TYPES[code].replace("_", "-")
    assert abs(float(found[5]) - effective(weights, 3, 3)) < 1e-2 * max(1, abs(float(found[5])))
    assert seen(browser) != plain  # its path is drawn bold
    for kind in ("mousePressed", "mouseReleased"):
        browser.mouse(kind, left + width / 2 + x, top + height / 2, button="left", clickCount=1)
    browser.mouse("mouseMoved", 5, 5)
    browser.run("new Promise(requestAnimationFrame).then(() => 0)")
    assert browser.run(picked) == said  # it is kept


def test_colours_epochs_and_saving(page, browser, tmp_path):
    look_at_view(page, browser)
    pictures = {seen(browser)}
    for part, value in (
        ("colour", "weight"),
        ("colour", "birth"),
        ("view", "random walks"),
        ("layer", "1"),
        ("record", "3"),
    ):
        change(browser, part, value)
        pictures.add(seen(browser))
    assert len(pictures) == 6 and browser.run(f"{CANVAS}.dataset.drawn") == "25"
    assert browser.run("document.querySelector('[data-part=epoch]').textContent") == "epoch 3"
    browser.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.run("document.querySelector('[data-part=picture]').click()")
    browser.run("document.querySelector('[data-part=film]').click()")
    wait(browser, "document.querySelector('[data-part=epoch]').textContent === 'epoch 20'")
    for name, begin in (("trajectories.png", b"\x89PNG"), ("trajectories.webm", b"\x1aE\xdf\xa3")):
        until = time.monotonic() + 60
        while not (tmp_path / name).is_file() and time.monotonic() < until:
            time.sleep(0.05)
        assert (tmp_path / name).read_bytes().startswith(begin) and (tmp_path / name).stat().st_size > 5000


def small_picture(page, browser):
    """The view without its texts, which differ between machines, in 24 x 16 squares of grey."""
    look_at_view(page, browser)
    browser.run("CanvasRenderingContext2D.prototype.fillText = () => {}; 0")
    change(browser, "record", "20")
    values = browser.run(f"""(() => {{
      const c = {CANVAS}, d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, sums = new Array(384).fill(0);
      for (let y = 0; y < c.height; y++) for (let x = 0; x < c.width; x++) {{
        const i = 4 * (y * c.width + x);
        sums[24 * Math.floor(16 * y / c.height) + Math.floor(24 * x / c.width)] += d[i] + d[i + 1] + d[i + 2];
      }}
      return sums.map((sum) => Math.round(sum / 3 * 384 / c.width / c.height));
    }})()""")  # fmt: skip
    return np.array(values).reshape(16, 24)


def test_view_looks_as_it_did(page, browser):
    known = np.array(json.loads((ROOT / "tests/golden/view.json").read_text()))
    assert known.min() < 200 and np.abs(small_picture(page, browser) - known).max() < 12


def test_watched_page_follows_the_run(tmp_path, browser):
    run, summary = bare(tmp_path / "run", "addition")
    (run / "summary.json").unlink()  # as in a run that goes on
    watch = subprocess.Popen(
        [ROOT / "analysis/metazoa-report", run, "--watch", "1", "--quiet"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert "report.html" in watch.stdout.readline()
        browser.open(run / "report.html")
        assert "20epochs" in browser.run("document.querySelector('.tiles').textContent")
        browser.run("window.old = true")
        wait(browser, "!window.old && document.documentElement.dataset.ready")  # loaded again
        (run / "summary.json").write_text(json.dumps({**summary, "wall_seconds": 56.7}))
        assert watch.wait(100) == 0
        wait(browser, "document.body.textContent.includes('56.7') && !document.documentElement.dataset.again")
    finally:
        watch.kill()


def test_progress_names_what_is_drawn_and_why_the_rest_is_not(tmp_path):
    (run,) = open_runs([synthetic.write_run(tmp_path / "run", kind="idx", seed=1)])
    synthetic.remove_probe(run.path, "dropout")
    said = []
    report.build([run], said.append)
    assert "  figure 6" in said and "  figure 8" not in said
    assert any(line.startswith("  figure 8 left out: ") and "probe dropout" in line for line in said)
