"""A plan for notebooks: one HTML fragment, without scripts and without anything from
elsewhere. It has no colours of text or ground of its own, so that it is as readable in
a dark theme as in a light one."""

from __future__ import annotations

from html import escape
from typing import Any

from governor._governor import format_size
from governor.plan_report import (
    Part,
    model_of,
    parts_of,
    plain,
    setting_of,
    verdict_of,
)

# By mark. Each has a contrast of at least 4.5 with the white letter on it, and of at
# least 3 with a white ground and with one of #111. What is left has none.
_COLOURS = {
    "W": "#3568b0",
    "D": "#8055c0",
    "R": "#5f6b7a",
    "A": "#b0501c",
    "G": "#94660b",
    "L": "#b03a75",
    "U": "#6e6a63",
    "K": "#23794d",
}
_LEFT = "background:transparent;outline:1px dashed currentColor;outline-offset:-1px"
_CELL = "padding:0.1em 0.8em 0.1em 0;color:inherit;background:transparent;"
_MILLIONTHS = 10**6  # of a percent point: what widths are counted in


def _fill(mark: str) -> str:
    return f"background:{_COLOURS[mark]}" if mark in _COLOURS else _LEFT


def _percent(millionths: int) -> str:
    whole, rest = divmod(millionths, _MILLIONTHS)
    return f"{whole}.{rest:06}"


def _widths(parts: list[Part]) -> list[int]:
    """Of each part, in millionths of a percent. Together exactly 100 %: each ends
    where the sum up to it does, rounded down."""
    total = sum(part.size for part in parts)
    widths, end, last = [], 0, 0
    for part in parts:
        end += part.size
        edge = 100 * _MILLIONTHS * end // total if total else 0
        widths.append(edge - last)
        last = edge
    return widths


def _bar(values: dict[str, Any], parts: list[Part]) -> str:
    widths = _widths(parts)
    numbers = ", ".join(f"{part.label} {format_size(part.size)}" for part in parts)
    budget = values.get("budget_bytes")
    total = sum(part.size for part in parts)
    label = numbers
    if budget is not None:
        label = f"budget {format_size(budget)}: {numbers}"
    stretches = []
    for part, width in zip(parts, widths):
        letter = part.mark if width > 4 * _MILLIONTHS and part.mark in _COLOURS else ""
        stretches.append(
            f'<div style="width:{_percent(width)}%;{_fill(part.mark)};color:#fff;'
            f'overflow:hidden;text-align:center;box-sizing:border-box" '
            f'title="{escape(part.label)}: {format_size(part.size)}">{letter}</div>'
        )
    limit = ""
    if budget is not None and total > budget:
        edge = _percent(100 * _MILLIONTHS * budget // total)
        limit = (
            '<div title="the budget ends here" style="position:absolute;top:-3px;'
            f'bottom:-3px;left:{edge}%;border-left:3px solid currentColor"></div>'
        )
    return (
        f'<div role="img" aria-label="{escape(label)}" style="position:relative;'
        "display:flex;height:1.6em;line-height:1.6em;margin:0.5em 0;"
        'outline:1px solid currentColor">' + "".join(stretches) + limit + "</div>"
    )


def _row(swatch: str, label: str, size: int, remark: str) -> str:
    return (
        f'<tr><th scope="row" style="{_CELL}text-align:left;font-weight:normal">'
        f"{swatch}{escape(label)}</th>"
        f'<td style="{_CELL}text-align:right">{format_size(size)}</td>'
        f'<td style="{_CELL}text-align:right">{size} bytes</td>'
        f'<td style="{_CELL}text-align:left">{escape(remark)}</td></tr>'
    )


def _swatch(mark: str) -> str:
    return (
        f'<span aria-hidden="true" style="display:inline-block;width:1.3em;'
        f"margin-right:0.5em;text-align:center;color:#fff;{_fill(mark)}"
        f'">{mark if mark in _COLOURS else "&nbsp;"}</span>'
    )


def _table(values: dict[str, Any], parts: list[Part]) -> str:
    rows = [
        _row(_swatch(part.mark), part.label, part.size, part.remark) for part in parts
    ]
    if values.get("budget_bytes") is not None:
        rows.insert(0, _row("", "budget", values["budget_bytes"], "of one device"))
    if values.get("os_reserve_bytes") is not None:
        rows.insert(
            0,
            _row("", "OS reserve", values["os_reserve_bytes"], "kept back before it"),
        )
    rows.append(_row("", "one more token", values["kv_bytes_per_token"], "of KV cache"))
    if values["kv_bytes_per_sequence"]:
        rows.append(
            _row("", "each sequence", values["kv_bytes_per_sequence"], "besides tokens")
        )
    return (
        '<table style="border-collapse:collapse;color:inherit;margin:0">'
        + "".join(rows)
        + "</table>"
    )


def _details(summary: str, items: list[str], is_open: bool = False) -> str:
    if not items:
        return ""
    listed = "".join(f"<li>{item}</li>" for item in items)
    return (
        f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>"
        f'<ul style="margin:0.2em 0">{listed}</ul></details>'
    )


def _text(text: str) -> str:
    return escape(plain(text))


def _ranks(values: dict[str, Any]) -> list[str]:
    if len(values["per_rank"]) < 2:
        return []
    items = []
    for rank in values["per_rank"]:
        end = rank["first_layer"] + rank["layers"] - 1
        left = rank.get("left_bytes")
        items.append(
            f"rank {rank['rank']}, stage {rank['stage']}: layers {rank['first_layer']} "
            f"to {end}, weights {format_size(rank['weights_bytes'])}, "
            f"KV cache {format_size(rank['kv_bytes'])}"
            + (f", left {format_size(left)}" if left is not None else "")
        )
    return items


def to_html(values: dict[str, Any]) -> str:
    """A fragment: the verdict, a stacked bar of one rank's budget, its numbers, what
    to change first, and the assumptions."""
    parts = parts_of(values)
    changes = [
        f"{_text(change['change'])}: {_text(change['buys'])}"
        for change in values["changes"]
    ]
    bound = values.get("decode_tokens_per_second_bound")
    speed = ""
    if bound is not None:
        speed = f"<div>At most {bound:.1f} tokens a second of one sequence.</div>"
    flags = values.get("engine_flags")
    paste = f"<pre>{_text_lines(flags)}</pre>" if flags else ""
    notes = [_text(note) for note in values["notes"]]
    return (
        '<div style="max-width:60em;color:inherit">'
        f"<div><strong>{_text(verdict_of(values))}</strong></div>"
        f"<div>{_text(model_of(values))}</div><div>{_text(setting_of(values))}</div>"
        + _bar(values, parts)
        + _table(values, parts)
        + speed
        + _details(
            "What buys more" if values["fits"] else "What to change first",
            changes,
            is_open=True,
        )
        + _details(f"{len(values['per_rank'])} ranks", _ranks(values))
        + _details(f"{len(notes)} assumptions", notes)
        + paste
        + "</div>"
    )


def _text_lines(lines: list[str]) -> str:
    return "\n".join(_text(line) for line in lines)
