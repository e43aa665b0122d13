"""The skeleton of a page: its CSS, and the few pieces that pages are made of.

Arguments named `html` are markup and go in as they are; every other string
is text and is escaped here. A page asks for nothing outside itself.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

# Blue and vermilion stay apart for every common colour blindness
# (Okabe and Ito 2008); each theme has them at 4.5:1 or more on its paper.
CSS = """
:root{color-scheme:light dark;--paper:#fcfbf9;--ink:#1d1c1a;--soft:#67645e;
--line:#e3e0da;--faint:#f3f1ed;--c0:0 96 160;--c1:196 72 12;--c2:0 122 88;
--c3:150 70 120;--deep:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#151618;--ink:#e8e6e1;
--soft:#a09d96;--line:#303236;--faint:#1d1f22;--c0:104 182 238;
--c1:242 148 72;--c2:64 196 152;--c3:222 150 196;--deep:#0c0d0e}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",
"Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
main{max-width:1120px;margin:0 auto;padding:3.5rem 1.5rem 5rem}
h1,h2{font-family:"Iowan Old Style",Charter,"Bitstream Charter",
"Palatino Linotype",Palatino,"Liberation Serif",Georgia,serif;font-weight:600;
letter-spacing:-.01em;text-wrap:balance}
h1{font-size:clamp(1.9rem,4.4vw,2.6rem);line-height:1.1;margin:.35rem 0 .6rem}
h2{font-size:1.6rem;line-height:1.2;margin:0 0 1.25rem}
h3{font-size:.95rem;font-weight:600;margin:0 0 .5rem}
p{margin:.5rem 0;max-width:68ch}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.2em}
code,pre,.names,.key-name{font-family:ui-monospace,SFMono-Regular,Menlo,
Consolas,"Liberation Mono",monospace;font-size:.86em}
.soft,.eyebrow,figcaption,.note{color:var(--soft)}
.eyebrow{font-size:.8rem;letter-spacing:.08em;text-transform:uppercase}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin-top:1.25rem;
font-size:.9rem}
section{border-top:1px solid var(--line);margin-top:3.5rem;padding-top:1.5rem}
section>p{color:var(--soft);margin-bottom:1.25rem}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));
gap:1.75rem 1.5rem;margin:2.5rem 0 0}
.tile dt{font-size:.85rem;color:var(--soft)}
.tile dd{margin:0;font-size:2rem;line-height:1.25;letter-spacing:-.02em;
white-space:nowrap}
.tile dd small{font-size:.5em;letter-spacing:0;color:var(--soft);
margin-left:.2em}
.tile .note{font-size:.8rem;letter-spacing:0;line-height:1.4;
white-space:normal}
.notes{margin:2.25rem 0 0;padding:.9rem 1.1rem .9rem 2.1rem;
background:var(--faint);border-left:3px solid rgb(var(--c1))}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));
gap:2.5rem 3rem;align-items:start}
figure{margin:0;container-type:inline-size}
figcaption{font-size:.85rem;margin-top:.5rem}
.chart{display:block;width:100%;height:auto;overflow:visible;
font-size:12px}
@container(min-width:620px){.chart{font-size:9px}}
@container(max-width:420px){.chart{font-size:16px}}
.chart text{fill:var(--soft)}
.chart .y.tick,.chart .legend{text-anchor:end}
.chart .x,.chart .empty{text-anchor:middle}
.chart .legend{fill:var(--ink)}
.chart .legend .key{font-weight:700}
.chart .grid{stroke:var(--line);stroke-width:1}
.chart .axis,.chart .diagonal{stroke:var(--soft);stroke-width:1;fill:none}
.chart .diagonal{stroke-dasharray:2 4}
.s0{--s:var(--c0)}.s1{--s:var(--c1)}.s2{--s:var(--c2)}.s3{--s:var(--c3)}
.chart .line{fill:none;stroke:rgb(var(--s));stroke-width:2.2;
stroke-linejoin:round;stroke-linecap:round}
.chart .dashed.line{stroke-width:1.8;stroke-dasharray:5 4}
.chart .dot{fill:rgb(var(--s))}
.chart .legend .key{fill:rgb(var(--s))}
.chart .target{fill:rgb(var(--s));opacity:0}
.chart .target:hover{opacity:1}
.chart .mark{fill:none;stroke:var(--ink);stroke-width:1.4}
.chart .bin{fill:rgb(var(--c0)/.85)}
.chart .gap{stroke:rgb(var(--c1));stroke-width:2}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.88rem;width:100%}
caption{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%);white-space:nowrap}
th,td{text-align:left;padding:.32rem .9rem .32rem 0;vertical-align:top;
border-bottom:1px solid var(--line)}
thead th{font-weight:400;color:var(--soft);white-space:nowrap;
vertical-align:bottom}
tbody th{font-weight:400}
table.numbers{width:auto;min-width:min(100%,24rem)}
.pair table.numbers{width:100%}
.numbers td,.numbers th,.bars td,.bars thead th{text-align:right;
white-space:nowrap;padding:.32rem 0 .32rem 1.1rem}
.bars th:first-child,.numbers td:first-child,
.numbers th:first-child{text-align:left;padding-left:0}
.bars tbody th{max-width:11rem;overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}
.bars td.bar,.bars thead th:nth-child(2){width:50%;min-width:6rem;
text-align:left}
.bar span{display:block;height:.6rem;margin-top:.38rem;
width:calc(var(--v)*100%);min-width:1px;background:rgb(var(--c0))}
.bar div{position:relative}
.bar i{position:absolute;top:calc(.3rem - 1px);height:2px;
left:calc(var(--a)*100%);width:calc((var(--b) - var(--a))*100%);
background:var(--ink);opacity:.75}
.bars.misses tbody th{max-width:none;white-space:normal}
.bars.misses td.bar,.bars.misses thead th:nth-child(2){width:32%}
.bars.misses .bar span{background:rgb(var(--c1))}
.heat{width:auto;font-size:.8rem;line-height:1;border-collapse:separate;
border-spacing:2px}
.heat th,.heat td{border:0;padding:0 .35rem;vertical-align:middle;
white-space:nowrap}
.heat td{text-align:center;height:2.1rem;min-width:2.1rem;
background:var(--faint)}
.heat.dense td{padding:0;height:1.7rem;min-width:1.7rem;font-size:.72rem}
.heat td.hit{background:rgb(var(--c0)/var(--v))}
.heat td.miss{background:rgb(var(--c1)/var(--v))}
.heat td.deeper{color:var(--deep)}
@media(prefers-color-scheme:dark){.heat td.deep{color:var(--deep)}}
.heat tbody th{position:sticky;left:0;background:var(--paper);
text-align:right;max-width:9rem;overflow:hidden;text-overflow:ellipsis}
.heat thead th{vertical-align:bottom;text-align:center;padding:.3rem 0}
.heat thead span{writing-mode:vertical-rl;transform:rotate(180deg);
max-height:8rem;overflow:hidden;text-overflow:ellipsis;
display:inline-block}
.heat .corner{font-size:.72rem;text-align:right;padding-right:.35rem}
.pictures{display:grid;gap:1.5rem 1.25rem;
grid-template-columns:repeat(auto-fill,minmax(min(9.5rem,44%),1fr))}
.pictures img{display:block;width:100%;aspect-ratio:1;object-fit:contain;
background:var(--faint)}
.pictures img.small{image-rendering:pixelated}
.pictures.triples{grid-template-columns:repeat(auto-fill,
minmax(min(20rem,100%),1fr))}
.pictures.triples img{aspect-ratio:3}
.pictures figcaption{line-height:1.35}
.pictures b{display:block;font-weight:600;color:var(--ink)}
.pair+.wide,.wide+.pair,.wide+.wide,figure+.pair,
figure+.wide{margin-top:2.75rem}
details{border-bottom:1px solid var(--line)}
details details{margin-left:1rem}
summary{cursor:pointer;padding:.5rem 0}
summary .soft{margin-left:.4rem;font-size:.85rem}
details>:not(summary){margin-bottom:1rem}
pre{white-space:pre-wrap;background:var(--faint);padding:1rem 1.1rem;
margin:.5rem 0;line-height:1.5}
pre.command{white-space:pre;overflow-x:auto}
.names{columns:18rem;margin:0 0 1rem;padding:0 0 0 1.1rem}
.facts th{width:34%;color:var(--soft);min-width:8rem}
@media(max-width:860px){.pair{grid-template-columns:minmax(0,1fr)}}
@media(max-width:620px){main{padding:2rem 1.1rem 3rem}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.tile dd{font-size:1.7rem}section{margin-top:2.5rem}
table{font-size:.82rem}.bars td,.numbers td,.bars thead th,
.numbers thead th{padding-left:.65rem}
.bars td.bar,.bars thead th:nth-child(2){min-width:3rem;width:30%}
.bars.misses td.bar,.bars.misses thead th:nth-child(2){width:18%}
.bars tbody th{max-width:7rem}
.names{columns:1}}
@media print{section{break-inside:avoid}nav{display:none}}
"""

# A list of scalars no longer than this stays on one line.
LINE = 60
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# Pictures below this many pixels are shown with their pixels, not blurred.
SMALL = 96


def page(title: str, html: str) -> str:
    """The whole document. What UTF-8 cannot write becomes a "?"."""
    document = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style></head>\n"
        f"<body><main>\n{html}\n</main></body></html>\n"
    )
    return document.encode("utf-8", "replace").decode("utf-8")


def section(anchor: str, title: str, html: str) -> str:
    return (
        f'<section id="{escape(anchor)}"><h2>{escape(title)}</h2>\n'
        f"{html}</section>\n"
    )


def figure(html: str, title: str, caption: str = "") -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{escape(title)}</h3>{html}{below}</figure>\n"


def pair(*html: str) -> str:
    """Side by side where there is room."""
    return f'<div class="pair">{"".join(html)}</div>'


def scroll(html: str) -> str:
    """A box of its own that scrolls, so that the page never does."""
    return f'<div class="scroll" tabindex="0">{html}</div>'


def tile(label: str, value: str, unit: str = "", note: str = "") -> str:
    small = f"<small>{escape(unit)}</small>" if unit else ""
    below = f'<dd class="note">{escape(note)}</dd>' if note else ""
    return (
        f'<div class="tile"><dt>{escape(label)}</dt>'
        f"<dd>{escape(value)}{small}</dd>{below}</div>\n"
    )


def details(summary: str, html: str, count: str = "") -> str:
    aside = f'<span class="soft">{escape(count)}</span>' if count else ""
    return (
        f"<details><summary>{escape(summary)}{aside}</summary>"
        f"{html}</details>\n"
    )


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "numbers"
) -> str:
    """A table of text in a scrolling box."""
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    return scroll(
        f'<table class="{escape(kind)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def facts(tree: Mapping) -> str:
    """A nested mapping: a table of its scalars, then a fold per branch."""
    entries = {str(key): _tree(value) for key, value in tree.items()}
    leaves, folds = "", ""
    for key, entry in entries.items():
        if isinstance(entry, dict | list) and _is_branch(entry):
            folds += details(key, _branch(entry), f"{len(entry):,}")
        else:
            leaves += (
                f'<tr><th scope="row" class="key-name">{escape(key)}</th>'
                f"<td>{escape(_line(entry))}</td></tr>"
            )
    if leaves:
        leaves = f'<table class="facts"><tbody>{leaves}</tbody></table>'
    return leaves + folds


def picture(data: bytes, alt: str) -> str:
    """An image of PNG or JPEG bytes, inside the page."""
    if data.startswith(PNG):
        kind = "png"
    elif data.startswith(JPEG):
        kind = "jpeg"
    else:
        raise ValueError(
            "A picture must be PNG or JPEG bytes. "
            f"Received: first bytes={data[:8]!r}"
        )
    tiny = kind == "png" and int.from_bytes(data[16:20], "big") < SMALL
    small = ' class="small"' if tiny else ""
    text = base64.b64encode(data).decode("ascii")
    return (
        f'<img{small} loading="lazy" '
        f'alt="{escape(alt)}" src="data:image/{kind};base64,{text}">'
    )


def number(value: object) -> str:
    """A scalar as text: 0.1, 25,557,032, 3e-05; no digits beyond six."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def percent(value: float) -> tuple[str, str]:
    """A share as figure and unit: 0.9312 is ("93.12", "%")."""
    return f"{100 * value:.2f}", "%"


def amount(value: float) -> tuple[str, str]:
    """Three digits and an SI prefix: 25557032 is ("25.6", "M")."""
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:#.3g}".rstrip("."), prefix
    return f"{value:.3g}", ""


def duration(seconds: float) -> tuple[str, str]:
    """Seconds in the two units that matter: 11520 is ("3:12", "h")."""
    if seconds < 59.95:
        return f"{seconds:.1f}", "s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}:{rest:02d}", "min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours:,}:{rest:02d}", "h"


def rate(value: float) -> tuple[str, str]:
    """1234.5 is ("1,234", ""): no more digits than a rate repeats to."""
    return (f"{value:,.0f}" if value >= 100 else f"{value:.3g}"), ""


def plain(value: float) -> tuple[str, str]:
    """Four digits, or as many as the integer part: 0.5 is ("0.5000", "")."""
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}", ""
    return f"{value:#.4g}" if value else "0", ""


def _tree(value: object) -> object:
    """The value in dicts, lists and scalars of Python, nothing else."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _tree(entry) for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_tree(entry) for entry in value]
    return value


def _is_branch(tree: dict | list) -> bool:
    """Whether it needs a fold, since one line would not hold it."""
    if isinstance(tree, dict):
        return bool(tree)
    nested = any(isinstance(entry, dict | list) for entry in tree)
    return nested or len(_line(tree)) > LINE


def _line(tree: object) -> str:
    if isinstance(tree, list | dict):
        return ", ".join(number(entry) for entry in tree) or "none"
    return number(tree)


def _branch(tree: dict | list) -> str:
    if isinstance(tree, dict):
        return facts(tree)
    if all(isinstance(entry, list) for entry in tree):
        return table([], ([number(cell) for cell in row] for row in tree))
    if any(isinstance(entry, dict | list) for entry in tree):
        return facts({str(index): entry for index, entry in enumerate(tree)})
    items = "".join(f"<li>{escape(number(entry))}</li>" for entry in tree)
    return f'<ul class="names">{items}</ul>'
