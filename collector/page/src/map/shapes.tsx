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
      tabIndex={0}
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
      <title>{node.name}</title>
    </g>
  );
});

export type EdgeProps = {
  id: string;
  kind: string;
  path: string;
  labelX: number;
  labelY: number;
  main: string;
  second: string;
  lag: string;
  lagLevel: number;
  level: number;
  label: string;
  thickness: number;
  pace: number;
  idle: boolean;
  mark: string;
  selected: boolean;
  dim: boolean;
};

export const Edge = memo((edge: EdgeProps) => {
  const parts = [edge.main, edge.second].filter(Boolean);
  const mainWidth = width(edge.main, 12, 600);
  const secondWidth = edge.second ? width(edge.second, 11.5, 400) + 7 : 0;
  const lagWidth = edge.lag ? width(edge.lag, 11, 600) + 14 : 0;
  const total = mainWidth + secondWidth + 20;
  const top = edge.lag ? -11 : 0;
  const classes = `edge ${edge.kind} level-${edge.level}${edge.selected ? " selected" : ""}${edge.dim ? " dim" : ""}${edge.idle ? " idle" : ""}`;
  return (
    <g class={classes} data-edge={edge.id} tabIndex={0} role="button" aria-label={edge.label} aria-pressed={edge.selected}>
      <path class="hit" d={edge.path} />
      <path class="line" d={edge.path} stroke-width={edge.thickness} marker-end={`url(#arrow-${edge.selected ? "selected" : edge.level})`} />
      {edge.pace > 0 && <path class="flow" d={edge.path} style={{ animationDuration: `${edge.pace}s` }} />}
      {parts.length > 0 && (
        <g class="label" transform={`translate(${edge.labelX} ${edge.labelY + top})`}>
          <rect class="pill" x={-total / 2} y="-12" width={total} height="24" rx="12" />
          <text class="main" x={10 - total / 2} y="4">
            {edge.main}
          </text>
          {edge.second && (
            <text class="second" x={10 - total / 2 + mainWidth + 7} y="4">
              {edge.second}
            </text>
          )}
          {edge.lag && (
            <g class={`lag level-${edge.lagLevel}`} transform={`translate(${-lagWidth / 2} 23)`}>
              <rect y="-9" width={lagWidth} height="18" rx="9" />
              <text x="7" y="4">
                {edge.lag}
              </text>
            </g>
          )}
        </g>
      )}
      {edge.mark && (
        <g class="flag" transform={`translate(${edge.labelX} ${edge.labelY + top - 24})`}>
          <circle r="10" />
          <text y="4">{edge.mark}</text>
        </g>
      )}
    </g>
  );
});

/** A line through the points that leaves and enters each of them level. */
export function curve(points: Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const number = (value: number) => Math.round(value * 10) / 10;
  let text = `M${number(first.x)} ${number(first.y)}`;
  let from = first;
  for (const to of rest) {
    if (Math.abs(from.y - to.y) < 0.5) text += `L${number(to.x)} ${number(to.y)}`;
    else {
      const middle = (to.x - from.x) / 2;
      text += `C${number(from.x + middle)} ${number(from.y)} ${number(to.x - middle)} ${number(to.y)} ${number(to.x)} ${number(to.y)}`;
    }
    from = to;
  }
  return text;
}
