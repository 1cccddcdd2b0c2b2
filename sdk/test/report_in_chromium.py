"""The page of `pg_ratchet race --report` in a browser: report_in_chromium.py PG_RATCHET

It must be well-formed, show its pictures, load nothing, and be light or dark as the reader prefers. Exit status 77: no
Chromium. The screenshots are left beside the page if a directory is given as second argument.
"""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zlib

pg_ratchet = sys.argv[1]
chromium = shutil.which("chromium") or shutil.which("chromium-browser")
directory = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="ratchet_report."))
SVG = "{http://www.w3.org/2000/svg}"


def expect(true, what, evidence=""):
    print(("ok: " if true else "FAILED: ") + what)
    if not true:
        sys.exit(f"{what}: {evidence}")


def browse(page, *arguments):
    done = subprocess.run(
        [chromium, "--headless", "--disable-gpu", "--hide-scrollbars", "--window-size=1100,1400"]
        + [f"--user-data-dir={directory / 'profile'}"]
        + (["--no-sandbox"] if os.geteuid() == 0 else [])
        + [*arguments, page.as_uri()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    expect(done.returncode == 0, f"chromium {arguments[-1].split('=')[0]}", done.stderr)
    return done.stdout


def corner_of(png):
    """The size and the first pixel, which no filter of PNG changes."""
    data = png.read_bytes()
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    pixels, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        pixels += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return (width, height, depth), zlib.decompress(pixels)[1:4]


def check(name, options, pictures, losses):
    page = directory / f"{name}.html"
    done = subprocess.run([pg_ratchet, "race", *options, "--report", str(page)], stdout=subprocess.PIPE, text=True)
    expect(done.returncode in (0, 1), f"{name}: the race runs", done.stdout)
    tree = xml.etree.ElementTree.parse(page)
    expect(len(list(tree.iter(SVG + "svg"))) == pictures, f"{name}: well-formed, with {pictures} pictures")
    red = [g for g in tree.iter(SVG + "g") if "undoing" in g.get("class").split()]
    expect((len(red) > 0) == losses, f"{name}: {'a write that undid another' if losses else 'nothing'} is marked")
    if not chromium:
        return
    dom = browse(page, "--dump-dom")
    expect(dom.count("<svg ") == pictures, f"{name}: the browser shows all pictures", dom)
    for scheme, setting, background in (("light", 1, b"\xff\xff\xff"), ("dark", 0, b"\x15\x17\x1a")):
        shot = directory / f"{name}-{scheme}.png"
        browse(page, f"--blink-settings=preferredColorScheme={setting}", f"--screenshot={shot}")
        size, pixel = corner_of(shot)
        expect(size == (1100, 1400, 8) and pixel == background, f"{name}: {scheme}", (size, pixel))


try:
    check("gate", ["gate", "--rounds", "25", "--think", "5ms"], 3, True)
    check("counters", ["counters", "--rounds", "4", "--think", "5ms", "--variant", "increment", "--variant", "tally"], 2, True)
    check("jobs", ["jobs", "--rounds", "4", "--think", "5ms", "--variant", "calls"], 1, False)
    own = ["own", "--create-cmd", "echo 7", "--update-cmd", "echo '<b>&'", "--submit-cmd", "printf '\\\\377'", "-n", "2"]
    check("own", own + ["--check-cmd", "true"], 1, False)
finally:
    if len(sys.argv) <= 2:
        shutil.rmtree(directory, ignore_errors=True)
if not chromium:
    print("skipped: no chromium; the pages are well-formed")
    sys.exit(77)
