import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Go } from "../App";

export type Line = {
  name: string;
  /** A colour of the style sheet: `--chart-1`. */
  colour: string;
  values: (number | null)[];
  fill?: boolean;
  dash?: boolean;
};

type Props = {
  title: string;
  /** Seconds since the epoch. */
  times: number[];
  lines: Line[];
  format: (value: number | null | undefined) => string;
  go: Go;
  note?: string;
};

const HEIGHT = 132;

/** A chart over time. Dragging over it looks at that part of the past. */
export function Chart({ title, times, lines, format, go, note }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const changed = () => setTheme((theme) => theme + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", changed);
    system.addEventListener("change", changed);
    return () => {
      removeEventListener("themechange", changed);
      system.removeEventListener("change", changed);
    };
  }, []);
  const names = lines.map(({ name }) => name).join();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(options(element, lines, format, go), data(times, lines), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [theme, names]);
  useEffect(() => plot.current?.setData(data(times, lines)), [times, lines]);

  const last = lines.map(({ name, values }) => `${name} ${format(values.findLast((value) => value !== null))}`);
  const nothing = lines.every(({ values }) => values.every((value) => value === null));
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul aria-hidden="true">
          {lines.map(({ name, colour }) => (
            <li key={name}>
              <i style={{ background: `var(${colour})` }} />
              {name}
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={nothing ? `${title}: nothing in this time` : `${title}, last: ${last.join(", ")}`} />
      {nothing && <p class="no-data">nothing in this time</p>}
      {note && <p class="note">{note}</p>}
    </figure>
  );
}

function data(times: number[], lines: Line[]): uPlot.AlignedData {
  return [times, ...lines.map(({ values }) => values)] as uPlot.AlignedData;
}

function options(element: HTMLElement, lines: Line[], format: Props["format"], go: Go): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = "11px Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  const axis = { stroke: colour("--muted"), font, ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "panel" }, points: { size: 7 }, drag: { x: true, y: false, setScale: false }, y: false },
    scales: { x: { time: true }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.12 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 72, values: (_plot, at) => at.map(timeLabel(at)) },
      { ...axis, size: 62, space: 34, values: (_plot, at) => at.map((value) => format(value)) },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({
        label: line.name,
        stroke: colour(line.colour),
        width: 1.75,
        ...(line.dash ? { dash: [4, 3] } : {}),
        ...(line.fill ? { fill: `${colour(line.colour)}22` } : {}),
        spanGaps: false,
        points: { size: 4, filter: lonely },
      })),
    ],
    plugins: [tooltip(format)],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 8) return;
          const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          go({ range: { from: Math.floor(from) * 1000, to: Math.ceil(to) * 1000 } });
        },
      ],
    },
  };
}

/** Points are drawn where no line leads: between gaps. */
function lonely(plot: uPlot, series: number, show: boolean): number[] | null {
  if (show) return null;
  const values = plot.data[series] ?? [];
  const alone: number[] = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) alone.push(at);
  }
  return alone.length ? alone : null;
}

function timeLabel(at: number[]): (seconds: number) => string {
  const span = (at.at(-1) ?? 0) - (at[0] ?? 0);
  const step = (at[1] ?? 0) - (at[0] ?? 0);
  return (seconds) => {
    const date = new Date(seconds * 1000);
    if (span > 86400 * 2) return date.toLocaleDateString([], { month: "short", day: "numeric" });
    const second = step < 60 ? { second: "2-digit" as const } : {};
    return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false, ...second });
  };
}

/** The values under the cursor. */
function tooltip(format: Props["format"]): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tooltip";
  return {
    hooks: {
      init: (plot) => void plot.over.append(box),
      setCursor: (plot) => {
        const { idx, left = -1 } = plot.cursor;
        const time = idx === null || idx === undefined ? undefined : plot.data[0][idx];
        box.hidden = left < 0 || time === undefined;
        if (box.hidden || time === undefined || idx === null || idx === undefined) return;
        const text = [new Date(time * 1000).toLocaleTimeString([], { hour12: false })];
        plot.series.forEach((series, at) => {
          if (at) text.push(`${series.label} ${format(plot.data[at]![idx])}`);
        });
        box.textContent = text.join("  ·  ");
        const right = left > plot.over.clientWidth / 2;
        box.style.left = right ? "" : `${left + 8}px`;
        box.style.right = right ? `${plot.over.clientWidth - left + 8}px` : "";
      },
    },
  };
}
