// Nodes and edges as they are drawn. They take simple values only, so that those that did not change are not drawn again.
import { iconPath } from "../parts/Icon";
import { fit, width } from "../measure";
import { memo } from "../memo";
import type { Point } from "../layout/layout";

export const NODE_HEIGHT = { service: 52, queue: 44, unknown: 44 };

export function nodeWidth(name: string, detail: string): number {
  return Math.round(Math.min(230, Math.max(124, 68 + Math.max(width(name, 13.5, 600), width(detail, 11, 400)))));
}

export type NodeProps = {
  id: string;
  kind: "service" | "queue" | "unknown";
  name: string;
  detail: string;
  label: string;
  x: number;
  y: number;
  width: number;
  height: number;
  level: number;
  idle: boolean;
  selected: boolean;
  dim: boolean;
};

export const Node = memo((node: NodeProps) => {
  const { kind, width: w, height: h } = node;
  const room = w - 60;
  const classes = `node ${kind} level-${node.level}${node.selected ? " selected" : ""}${node.dim ? " dim" : ""}${node.idle ? " idle" : ""}`;
  return (
    <g
      class={classes}
      data-node={node.id}
      transform={`translate(${node.x - w / 2} ${node.y - h / 2})`}
      tabindex={0}
      role="button"
      aria-label={node.label}
      aria-pressed={node.selected}
    >
      <rect class="ring" x="-4" y="-4" width={w + 8} height={h + 8} rx={kind === "queue" ? h / 2 + 4 : 16} />
      <rect class="body" width={w} height={h} rx={kind === "queue" ? h / 2 : 12} />
      <g transform={`translate(${kind === "queue" ? 8 : 10} ${h / 2 - 15})`}>
        <rect class="tile" width="30" height="30" rx={kind === "queue" ? 15 : 8} />
        <path class="glyph" transform="translate(6 6) scale(.75)" d={iconPath(kind)} />
      </g>
      <text class="name" x={kind === "queue" ? 46 : 50} y={h / 2 - 2}>
        {fit(node.name, room, 13.5, 600)}
      </text>
      <text class="detail" x={kind === "queue" ? 46 : 50} y={h / 2 + 13}>
        {fit(node.detail, room, 11, 400)}
      </text>
      {node.level > 0 && <circle class="alarm" cx={w - (kind === "queue" ? 12 : 4)} cy={kind === "queue" ? 3 : 4} r="6" />}
    </g>
  );
});

export type EdgeProps = {
  id: string;
  kind: string;
  path: string;
  level: number;
  label: string;
  thickness: number;
  pace: number;
  idle: boolean;
  selected: boolean;
  dim: boolean;
};

type State = { kind: string; level: number; selected: boolean; dim: boolean; idle: boolean };

function state(name: string, { kind, level, selected, dim, idle }: State): string {
  return `${name} ${kind} level-${level}${selected ? " selected" : ""}${dim ? " dim" : ""}${idle ? " idle" : ""}`;
}

export const Edge = memo((edge: EdgeProps) => (
  <g class={state("edge", edge)} data-edge={edge.id} tabindex={0} role="button" aria-label={edge.label} aria-pressed={edge.selected}>
    <path class="hit" d={edge.path} />
    <path class="line" d={edge.path} stroke-width={edge.thickness} marker-end={`url(#arrow-${edge.selected ? "selected" : edge.level})`} />
    {edge.pace > 0 && <path class="flow" d={edge.path} style={{ animationDuration: `${edge.pace}s` }} />}
  </g>
));

export type LabelProps = State & {
  id: string;
  x: number;
  y: number;
  main: string;
  second: string;
  lag: string;
  lagLevel: number;
  mark: string;
};

/** The numbers of an edge, above all lines; its button is the line. */
export const Label = memo((label: LabelProps) => {
  const mainWidth = width(label.main, 12, 600);
  const secondWidth = label.second ? width(label.second, 11.5, 400) + 7 : 0;
  const lagWidth = label.lag ? width(label.lag, 11, 600) + 14 : 0;
  const total = mainWidth + secondWidth + 20;
  const top = label.lag ? -11 : 0;
  return (
    <g class={state("label", label)} data-edge={label.id} transform={`translate(${label.x} ${label.y + top})`} aria-hidden="true">
      <rect class="pill" x={-total / 2} y="-12" width={total} height="24" rx="12" />
      <text class="main" x={10 - total / 2} y="4">
        {label.main}
      </text>
      {label.second && (
        <text class="second" x={10 - total / 2 + mainWidth + 7} y="4">
          {label.second}
        </text>
      )}
      {label.lag && (
        <g class={`lag level-${label.lagLevel}`} transform={`translate(${-lagWidth / 2} 23)`}>
          <rect y="-9" width={lagWidth} height="18" rx="9" />
          <text x="7" y="4">
            {label.lag}
          </text>
        </g>
      )}
      {label.mark && (
        <g class="flag" transform="translate(0 -25)">
          <circle r="10" />
          <text y="4">{label.mark}</text>
        </g>
      )}
    </g>
  );
});

/** A line through the points that leaves and enters each of them straight on. */
export function curve(points: Point[], down: boolean): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const number = (value: number) => Math.round(value * 10) / 10;
  let text = `M${number(first.x)} ${number(first.y)}`;
  let from = first;
  for (const to of rest) {
    if (Math.abs(down ? from.x - to.x : from.y - to.y) < 0.5) text += `L${number(to.x)} ${number(to.y)}`;
    else if (down) {
      const middle = (to.y - from.y) / 2;
      text += `C${number(from.x)} ${number(from.y + middle)} ${number(to.x)} ${number(to.y - middle)} ${number(to.x)} ${number(to.y)}`;
    } else {
      const middle = (to.x - from.x) / 2;
      text += `C${number(from.x + middle)} ${number(from.y)} ${number(to.x - middle)} ${number(to.y)} ${number(to.x)} ${number(to.y)}`;
    }
    from = to;
  }
  return text;
}
