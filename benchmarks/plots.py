"""The plots of a sweep: requests a second and latency by number of clients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from report import Case, Table

SHOWN = ("50", "90", "99")


def draw_sweep(tables: Mapping[Case, Table], folder: Path) -> None:
    """Write throughput.svg and latency.svg; nothing without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        print("no plots: matplotlib is not installed")
        return
    mpl.use("svg")
    # The same picture gives the same file.
    mpl.rcParams.update({"svg.hashsalt": "plots", "font.size": 9, "svg.fonttype": "none"})
    folder.mkdir(parents=True, exist_ok=True)
    _throughput(tables, folder / "throughput.svg")
    most = max(tables, key=lambda case: (case.clients == 32, case.clients))
    _latency(most, tables[most], folder / "latency.svg")
    print(f"drawn: {folder / 'throughput.svg'}, {folder / 'latency.svg'}")


def _throughput(tables: Mapping[Case, Table], path: Path) -> None:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for name in dict.fromkeys(name for table in tables.values() for name in table):
        if name.startswith("loop"):
            continue
        points = [(case.clients, table[name]) for case, table in tables.items() if name in table]
        clients = [count for count, _ in points]
        dashed = "constant" in name
        axes.plot(
            clients,
            [cell.rate for _, cell in points],
            marker="o",
            markersize=3,
            linestyle=":" if dashed else "-",
            color="0.6" if dashed else None,
            label=name,
        )
    axes.set(xscale="log", yscale="log", xlabel="clients", ylabel="requests a second")
    ticks = [case.clients for case in tables]
    axes.set_xticks(ticks, labels=[str(tick) for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    _save(figure, path)


def _latency(case: Case, table: Table, path: Path) -> None:
    from matplotlib import pyplot as plt

    names = [name for name in table if not name.startswith(("loop", "uvicorn"))]
    figure, axes = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    for offset, percentile in enumerate(SHOWN):
        places = [place + (offset - 1) * 0.26 for place in range(len(names))]
        values = [table[name].percentile(percentile) for name in names]
        bars = axes.barh(places, values, height=0.24, label=f"p{percentile}")
        axes.bar_label(bars, fmt="%.1f", padding=2, fontsize=7)
    axes.set_yticks(range(len(names)), labels=names)
    axes.invert_yaxis()
    axes.set(xlabel=f"milliseconds, one row, {case.clients} clients")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    _save(figure, path)


def _save(figure: object, path: Path) -> None:
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    figure.savefig(path, metadata={"Date": None})
