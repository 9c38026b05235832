"""The report's series as plots in the terminal. Draws, computes nothing; loaded only when plots are looked at, because the library is large.

SPEC 10.
"""

from __future__ import annotations

from textual.color import Color
from textual_plotext import PlotextPlot

from core.messages.report import Series


class SeriesPlot(PlotextPlot):
    """One series."""

    def __init__(self, series: Series) -> None:
        super().__init__(classes="plot")
        self._series = series

    def on_mount(self) -> None:
        series, plt = self._series, self.plt
        colour = Color.parse(self.app.theme_variables["primary"]).rgb
        plt.title(series.title)
        plt.xlabel(series.x_label)
        plt.ylabel(series.y_label)
        if not series.xs:
            return
        xs, ys = list(series.xs), list(series.ys)
        match series.kind:
            case "bars":
                if len(xs) == 1:  # alone it would fill the whole plot
                    xs, ys = [xs[0] - 1, xs[0], xs[0] + 1], [0.0, ys[0], 0.0]
                plt.bar(xs, ys, width=0.8, color=colour)
            case "points":
                plt.scatter(xs, ys, marker="dot", color=colour)
            case _:
                plt.plot(xs, ys, marker="braille", color=colour)
        if min(ys) < 0 < max(ys):
            plt.hline(0)
