"""A plan for people, as text. Decides nothing: every number is the plan's own."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

from governor._governor import format_size

WIDTH = 100
_BAR_CELLS = 60
_MOST_CHANGES = 5


class Part(NamedTuple):
    """A stretch of the budget of one rank."""

    mark: str  # one letter, of the bar
    label: str
    size: int  # bytes
    remark: str


def _rank_of(values: dict[str, Any]) -> dict[str, Any]:
    """The entry of per_rank that the plan's own numbers are of."""
    ranks: list[dict[str, Any]] = values["per_rank"]
    for rank in ranks:
        if all(
            rank.get(key) == values.get(key)
            for key in ("block_bytes", "kv_bytes", "left_bytes")
        ):
            return rank
    return values


def parts_of(values: dict[str, Any]) -> list[Part]:
    """What makes up the budget of one rank, in the order of the bar. The parts that
    can be zero are left out where they are."""
    weights = _rank_of(values)["weights_bytes"]
    draft = values["draft_weights_bytes"]
    of_model = "of one rank" if len(values["per_rank"]) > 1 else ""
    if draft and of_model:  # how much of it one rank holds is not said
        draft, of_model = 0, "of one rank, the draft model's included"
    blocks = f"{values['num_blocks']} blocks of {format_size(values['block_bytes'])}"
    parts = [
        Part("W", "weights", weights - draft, of_model),
        Part("D", "draft model", draft, ""),
        Part("A", "activations", values["activation_bytes"], ""),
        Part("G", "graphs", values["graph_bytes"], ""),
        Part("L", "adapters", values["adapter_bytes"], ""),
        Part("U", "allowance", values["allowance_bytes"], "for what is not governed"),
        Part("K", "KV cache", values["kv_bytes"], blocks),
    ]
    rounding = values["weights_rounding_bytes"]
    parts.insert(2, Part("R", "rounding", rounding, "of weights, to granules"))
    left = values.get("left_bytes")
    if left is not None:
        parts.append(Part(".", "left", left, ""))
    shown = ("W", "U", "K", ".")
    return [part for part in parts if part.size or part.mark in shown]


def verdict_of(values: dict[str, Any]) -> str:
    if values["fits"]:
        return (
            f"fits: {values['max_tokens']} tokens, {values['max_concurrency']:.2f} "
            f"sequences of {values['max_model_len']} tokens at once"
        )
    missing = values.get("missing_bytes")
    if missing is None:
        return "does not fit"
    where = "kv_memory" if values.get("budget_bytes") is None else "budget"
    return (
        f"does not fit: {values['max_seqs']} x {values['max_model_len']} tokens lack "
        f"{format_size(missing)} ({missing} bytes) of {where}"
    )


def plain(text: str) -> str:
    """Text of a file, without what moves a cursor or hides."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def model_of(values: dict[str, Any]) -> str:
    model = values["model"]
    name = plain(model["name"]) or "a model without a name"
    if len(name) > 40:
        name = name[:37] + "..."
    experts = ""
    if model.get("experts"):
        experts = f" ({model['experts_per_token']} of {model['experts']} experts)"
    return (
        f"{name}: {plain(model['architecture'])[:20]}, {len(model['layers'])} layers, "
        f"{model['parameters']} parameters{experts}"
    )


def setting_of(values: dict[str, Any]) -> str:
    on = values["platform"]
    if on == "cuda":
        on += f" {values['compute_capability']}"
    ranks = len(values["per_rank"])
    return (
        f"for {values['engine']} on {on}{f', {ranks} ranks' if ranks > 1 else ''}; "
        f"KV cache as {values['kv_dtype']}, blocks of {values['block_tokens']} tokens"
    )


def _bar(parts: list[Part]) -> str:
    """Cell by cell, the part that covers the cell's middle."""
    total = sum(part.size for part in parts)
    bar, end = "", 0
    for part in parts:
        end += part.size
        while len(bar) < _BAR_CELLS and (2 * len(bar) + 1) * total < 2 * _BAR_CELLS * end:
            bar += part.mark
    return bar


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        max_lines=2,
    )


def _row(label: str, size: int, remark: str) -> str:
    return f"  {label:<12}{format_size(size):>12}  {remark}".rstrip()


def _limits(values: dict[str, Any]) -> list[str]:
    """The answers to the inverse questions, as the command has them."""
    seqs, tokens = values["max_seqs"], values["max_model_len"]
    where = "KV cache" if values.get("smallest_kv_memory_bytes") else "budget"
    lines = []
    for what, size in (
        ("budget", values.get("smallest_budget_bytes")),
        ("KV cache", values.get("smallest_kv_memory_bytes")),
    ):
        if size is not None:
            lines.append(
                f"  smallest {what} for {seqs} x {tokens} tokens: "
                f"{format_size(size)} ({size} bytes)"
            )
    longest, most = values.get("longest_model_len"), values.get("most_seqs")
    if longest is not None:
        lines.append(f"  longest context in this {where}: {seqs} x {longest} tokens")
    if most is not None:
        lines.append(f"  most sequences in this {where}: {most} x {tokens} tokens")
    return lines


def to_text(values: dict[str, Any]) -> str:
    """The verdict, the parts that add up to the budget, a bar of them, and what to
    change first, and the engine's flags: but for those at most 40 lines of 100
    columns."""
    lines = _wrapped(verdict_of(values), "")
    lines += [model_of(values)[:WIDTH], setting_of(values)[:WIDTH]]
    parts = parts_of(values)
    if values.get("budget_bytes") is not None:
        lines.append(_row("budget", values["budget_bytes"], ""))
    lines += [_row(part.label, part.size, part.remark) for part in parts]
    lines.append(f"  [{_bar(parts)}]")
    legend = ", ".join(f"{part.mark} {part.label}" for part in parts)
    lines += _wrapped(legend, "  ")
    lines += _limits(values)
    bound = values.get("decode_tokens_per_second_bound")
    if bound is not None:
        lines.append(f"  at most {bound:.1f} tokens a second of one sequence")
    changes = values["changes"]
    if changes:
        lines.append("what buys more:" if values["fits"] else "what to change first:")
    for change in changes[:_MOST_CHANGES]:
        lines += _wrapped(f"- {change['change']}: {change['buys']}", "  ")
    if len(changes) > _MOST_CHANGES:
        lines.append(f"  ({len(changes) - _MOST_CHANGES} more in .changes)")
    flags = values.get("engine_flags")
    if flags:  # whole and not indented, to paste
        lines.append(f"flags of {values['engine']}:")
        lines += [plain(line) for line in flags]
    lines.append(f"{len(values['notes'])} assumptions in .notes")
    return "\n".join(lines)
