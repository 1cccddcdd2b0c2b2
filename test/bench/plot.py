"""A plot of a few lines as plain SVG, which is read as well on a light page as on a dark one."""

from html import escape

WIDTH, HEIGHT = 780, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 570, 44, 380
LINE = 17  # between two labels

# Colours that can be told from each other and from both grounds; a line's dashes tell it from others without colours.
STYLE = """
  svg { color: #1f2328; font: 13px sans-serif; --c0: #1f2328; --c1: #cf222e; --c2: #9a6700; --c3: #0969da; --c4: #8250df; --c5: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3; --c0: #e6edf3; --c1: #ff7b72; --c2: #e3b341; --c3: #79c0ff; --c4: #d2a8ff; --c5: #56d364 }
  }
  text { fill: currentColor } .grid { stroke: currentColor; stroke-opacity: .15 } .axis { stroke: currentColor }
  .line { fill: none; stroke-width: 2 } .title { font-size: 15px; font-weight: bold }
"""
DASHES = ['2 3', '8 3 2 3', '8 4', '5 3', '3 2', 'none']


def apart(wanted):
    """Heights of labels near those that are wanted, in the same order and none over another."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [wanted[i] for i in order]
    for _ in range(200):
        for i in range(len(placed) - 1):
            overlap = LINE - (placed[i + 1] - placed[i])
            if overlap > 0:
                placed[i] -= overlap / 2
                placed[i + 1] += overlap / 2
    return {i: y for i, y in zip(order, placed)}


def lines(title, x_label, y_label, places, series, step=0.2):
    """places: what is on the horizontal axis, evenly spaced. series: the values of each line there, by its name."""
    top = max(max(values) for values in series.values())
    ticks = [i * step for i in range(int(top / step) + 2)]

    def x_of(i):
        return LEFT + (RIGHT - LEFT) * i / (len(places) - 1)

    def y_of(value):
        return BOTTOM - (BOTTOM - TOP) * value / ticks[-1]

    def text(x, y, content, anchor='middle', more=''):
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}>{escape(str(content))}</text>'

    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
             f'<style>{STYLE}</style>', text(LEFT, 24, title, 'start', ' class="title"')]
    for value in ticks:
        drawn.append(f'<path class="grid" d="M{LEFT} {y_of(value):.1f}H{RIGHT}"/>')
        drawn.append(text(LEFT - 8, y_of(value) + 4, f'{value:.1f}', 'end'))
    for i, place in enumerate(places):
        drawn.append(f'<path class="axis" d="M{x_of(i):.1f} {BOTTOM}v5"/>')
        drawn.append(text(x_of(i), BOTTOM + 20, place))
    drawn.append(f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>')
    drawn.append(text((LEFT + RIGHT) / 2, BOTTOM + 44, x_label))
    middle = (TOP + BOTTOM) / 2
    drawn.append(text(22, middle, y_label, more=f' transform="rotate(-90 22 {middle:.0f})"'))
    labels = apart([y_of(values[-1]) for values in series.values()])
    for i, (name, values) in enumerate(series.items()):
        points = ' '.join(f'{x_of(j):.1f},{y_of(value):.1f}' for j, value in enumerate(values))
        colour = f'var(--c{i % len(DASHES)})'
        drawn.append(f'<polyline class="line" stroke="{colour}" stroke-dasharray="{DASHES[i % len(DASHES)]}" points="{points}"/>')
        drawn.append(f'<path stroke="{colour}" d="M{RIGHT} {y_of(values[-1]):.1f}L{RIGHT + 12} {labels[i]:.1f}"/>')
        drawn.append(text(RIGHT + 16, labels[i] + 4, f'{name} {values[-1]:.2f}', 'start', f' style="fill: {colour}"'))
    return '\n'.join([*drawn, '</svg>', ''])
