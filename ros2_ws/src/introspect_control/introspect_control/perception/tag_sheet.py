"""Tags to print, as SVG at their true size."""

from __future__ import annotations

from collections.abc import Sequence

from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.families import TagFamily

_PAGE = (210.0, 297.0)  # A4 [mm]
_BORDER = 10.0  # of the page, on which printers do not print [mm]
_TEXT = 4.0  # height of a line below a tag [mm]
_RULER = 100.0  # length of a line to check the print by [mm]


def tag_sheet(family: TagFamily, tags: Sequence[int], size: float) -> str:
    """A page with tags to cut out, and a ruler that tells whether the printer has scaled it.

    Dashed lines are where to cut: they leave the white margin of one module that a tag needs.

    Args:
        family: of the tags.
        tags: ids, in reading order.
        size: edge of the black square [m].

    Returns:
        The text of an SVG file, A4 upright, in millimetres.

    Raises:
        PerceptionError: A tag that does not exist, or more than a page has room for.
    """
    if not tags:
        raise PerceptionError("no tag is asked for; give at least one id")
    if not 0.002 <= size <= 1.0:
        raise PerceptionError(f"size must be 0.002 to 1 m, got {size:g} m")
    edge = 1000.0 * size
    module = edge / family.modules
    cut = edge + 2.0 * module
    step = cut + 3.0  # [mm]
    across = int((_PAGE[0] - 2.0 * _BORDER + 3.0) // step)
    rows_that_fit = int((_PAGE[1] - 2.0 * _BORDER - 15.0) // (step + _TEXT))
    if len(tags) > across * rows_that_fit:
        raise PerceptionError(
            f"{len(tags)} tags of {edge:g} mm are asked for; a page of {_PAGE[0]:g} × {_PAGE[1]:g} "
            f"mm has room for {across * rows_that_fit}: print smaller ones, or fewer at a time"
        )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_PAGE[0]:g}mm" height="{_PAGE[1]:g}mm" '
        f'viewBox="0 0 {_PAGE[0]:g} {_PAGE[1]:g}">',
        '<rect width="100%" height="100%" fill="white"/>',
        *_ruler(_BORDER, _PAGE[1] - _BORDER),
    ]
    for number, tag in enumerate(tags):
        x = _BORDER + (number % across) * step
        y = _BORDER + (number // across) * (step + _TEXT)
        parts += _tag(family, tag, edge, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _tag(family: TagFamily, tag: int, edge: float, x: float, y: float) -> list[str]:
    pattern = family.pattern(tag)
    module = edge / family.modules
    cut = edge + 2.0 * module
    path = "".join(  # one path: black modules must not show seams
        f"M{column} {row}h1v1h-1z"
        for row, line in enumerate(pattern)
        for column, white in enumerate(line)
        if not white
    )
    return [
        f'<rect x="{x:.4f}" y="{y:.4f}" width="{cut:.4f}" height="{cut:.4f}" fill="none" '
        'stroke="#bbb" stroke-width="0.1" stroke-dasharray="1"/>',
        f'<path transform="translate({x + module:.4f} {y + module:.4f}) scale({module:.6f})" '
        f'd="{path}" fill="black" shape-rendering="crispEdges"/>',
        f'<text x="{x:.4f}" y="{y + cut + 3.0:.4f}" font-size="2.5" font-family="sans-serif">'
        f"{family.name} {tag}, {edge:g} mm</text>",
    ]


def _ruler(x: float, y: float) -> list[str]:
    return [
        f'<path d="M{x:g} {y:g}h{_RULER:g}m0 -2v4m-{_RULER:g} 0v-4" fill="none" stroke="black" '
        'stroke-width="0.2"/>',
        f'<text x="{x:g}" y="{y - 2.5:g}" font-size="3" font-family="sans-serif">'
        f"{_RULER:g} mm: measure it; print without scaling</text>",
    ]
