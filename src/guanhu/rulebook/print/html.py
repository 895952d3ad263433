"""Blocks as one HTML file: its style inside, nothing from elsewhere, fit for the screen and for paper."""

from __future__ import annotations

import html as standard
from collections.abc import Iterator

from guanhu.rulebook.print import blocks as b

STYLE = """
:root{--ink:#1c2430;--quiet:#5b6675;--rule:#d5dae1;--deep:#1b4f72;--soft:#f4f7fa;--doubt:#8a5a00;--open:#9b2c1f}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:#fff;color:var(--ink);font:16px/1.75 "Noto Sans SC","Source Han Sans SC","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:56rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
header.top{border-bottom:2px solid var(--deep);margin-bottom:1.5rem;padding-bottom:1rem}
h1{font-size:1.75rem;line-height:1.35;margin:0 0 .25rem;color:var(--deep)}
.subtitle{margin:0;color:var(--quiet)}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1.25rem;margin:1rem 0 0;font-size:.875rem}
dl.facts dt{color:var(--quiet)}dl.facts dd{margin:0;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.4;margin:2.5rem 0 .75rem;padding-bottom:.3rem;border-bottom:1px solid var(--rule);color:var(--deep)}
h3{font-size:1.0625rem;margin:1.75rem 0 .5rem}h4{font-size:1rem;margin:1.25rem 0 .4rem}
.no{display:inline-block;min-width:2.2em;color:var(--quiet);font-weight:400}
p{margin:.5rem 0;overflow-wrap:anywhere;white-space:pre-line}.quiet{font-size:.875rem;color:var(--quiet)}
ol,ul{margin:.4rem 0;padding-left:1.75rem}li{margin:.15rem 0}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;width:100%;font-size:.9375rem;line-height:1.55}table.small{width:auto;min-width:14rem}
caption{caption-side:top;text-align:left;font-size:.875rem;color:var(--quiet);padding-bottom:.25rem}
th,td{padding:.4rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule);overflow-wrap:break-word}
thead th{border-bottom:1.5px solid var(--deep);color:var(--deep);font-weight:600}
td.r,th.r{text-align:right}td.r,td.n{white-space:nowrap}
.rule{margin:0 0 1.1rem;padding-left:.9rem;border-left:3px solid var(--rule)}
.rule>.name{margin:0;font-weight:600}.rule>.name .value{float:right;margin-left:1rem}
.clause{margin-left:.6em;font-weight:400;font-size:.8125rem;color:var(--quiet)}
code{font:.8125rem/1.4 ui-monospace,Consolas,monospace;color:var(--quiet);font-weight:400;margin-left:.6em}
.mark{margin:.4rem 0;padding:.3rem .75rem;background:var(--soft);font-size:.9375rem;overflow-wrap:anywhere}
.mark b{margin-right:.5em;color:var(--deep)}
.mark.doubt b{color:var(--doubt)}.mark.open{background:#fbf1ef}.mark.open b{color:var(--open)}
.figures{display:flex;flex-wrap:wrap;gap:.75rem;margin:1rem 0}
.figure{flex:1 1 11rem;border:1px solid var(--rule);border-top:3px solid var(--deep);padding:.6rem .9rem}
.figure .label{font-size:.875rem;color:var(--quiet)}.figure .big{font-size:1.5rem;line-height:1.35;font-weight:600;overflow-wrap:anywhere}
.figure .word{font-size:.8125rem;color:var(--quiet)}
figure{margin:1rem 0;overflow-x:auto}figure svg{width:100%;min-width:34rem;height:auto;display:block}figcaption{font-size:.875rem;color:var(--quiet)}
footer{margin-top:3rem;padding-top:.75rem;border-top:1px solid var(--rule);font-size:.8125rem;color:var(--quiet);overflow-wrap:anywhere}
@media print{
@page{size:A4;margin:18mm 17mm 20mm;@bottom-right{content:counter(page) " / " counter(pages);font-size:9pt;color:#5b6675}}
html{font-size:9.5pt}body{font-size:1rem;line-height:1.55}th,td{padding:.25rem .4rem}table{font-size:.9rem}main{max-width:none;padding:0}
h2,h3,h4,.rule>.name{break-after:avoid}.rule,.mark,.figure,figure,tr,li{break-inside:avoid}thead{display:table-header-group}
.scroll,figure{overflow:visible}figure svg{min-width:0}a{color:inherit;text-decoration:none}
}
"""


def html(page: b.Page) -> str:
    """Return the page as an HTML document."""
    facts = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in page.facts)
    parts = [
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f'<header class="top"><h1>{escape(page.title)}</h1>',
        f'<p class="subtitle">{escape(page.subtitle)}</p>' if page.subtitle else "",
        f'<dl class="facts">{facts}</dl>' if facts else "",
        "</header>",
        *(text for block in page.blocks for text in _block(block)),
        f"<footer>{escape(page.foot)}</footer>\n</main>\n</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def escape(text: str) -> str:
    """Return plain text as HTML shows it."""
    return standard.escape(b.readable(text))


def _block(block: b.Block) -> Iterator[str]:
    match block:
        case b.Heading():
            level = block.level + 1
            number = f'<span class="no">{escape(block.number)}</span>' if block.number else ""
            yield f"<h{level}>{number}{escape(block.text)}</h{level}>"
        case b.Text():
            yield ('<p class="quiet">' if block.quiet else "<p>") + f"{escape(block.text)}</p>"
        case b.Listed():
            tag = "ol" if block.ordered else "ul"
            yield f"<{tag}>" + "".join(f"<li>{escape(item)}</li>" for item in block.items) + f"</{tag}>"
        case b.Grid():
            yield _table(block)
        case b.Mark():
            yield f'<p class="mark {block.kind}"><b>{escape(block.label)}</b>{escape(block.text)}</p>'
        case b.Rule():
            yield from _rule(block)
        case b.Figures():
            yield '<div class="figures">'
            for label, value, word in block.figures:
                under = f'<div class="word">{escape(word)}</div>' if word else ""
                yield f'<div class="figure"><div class="label">{escape(label)}</div><div class="big">{escape(value)}</div>{under}</div>'
            yield "</div>"
        case b.Drawing():
            caption = f"<figcaption>{escape(block.caption)}</figcaption>" if block.caption else ""
            yield f"<figure>{b.readable(block.svg)}{caption}</figure>"


def _rule(rule: b.Rule) -> Iterator[str]:
    number = f'<span class="no">{escape(rule.number)}</span>' if rule.number else ""
    clause = f'<span class="clause">{escape(rule.clause)}</span>' if rule.clause else ""
    code = f"<code>{escape(rule.code)}</code>" if rule.code else ""
    value = f'<span class="value">{escape(rule.value)}</span>' if rule.value else ""
    yield f'<section class="rule"><p class="name">{value}{number}{escape(rule.title)}{clause}{code}</p>'
    for part in rule.parts:
        yield from _block(part)
    yield "</section>"


def _table(grid: b.Grid) -> str:
    def cell(tag: str, index: int, text: str, scope: str = "") -> str:
        kinds = ["r"] if grid.aligned(index) == "r" else []
        kinds += ["n"] if index < len(grid.widths) and grid.widths[index] == 0 else []
        marked = f' class="{" ".join(kinds)}"' if kinds else ""
        return f"<{tag}{scope}{marked}>{escape(text)}</{tag}>"

    caption = f"<caption>{escape(grid.caption)}</caption>" if grid.caption else ""
    head = "".join(cell("th", i, text, ' scope="col"') for i, text in enumerate(grid.head))
    body = "".join(
        f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>\n" for row in grid.rows
    )
    opening = "<table>" if grid.widths else '<table class="small">'
    return (
        f'<div class="scroll">{opening}{caption}{_columns(grid)}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _columns(grid: b.Grid) -> str:
    """Return the widths of the columns as shares; a column of width 0 is as wide as its text."""
    whole = sum(grid.widths)
    if not whole:
        return ""
    columns = (f'<col style="width:{width * 100 // whole}%">' if width else "<col>" for width in grid.widths)
    return f"<colgroup>{''.join(columns)}</colgroup>"
