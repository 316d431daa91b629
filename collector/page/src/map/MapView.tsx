import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Address } from "../address";
import type { Graph, GraphEdge, GraphNode } from "../api";
import type { Go } from "../App";
import { duration, count as short, rate } from "../format";
import { edgeLevel, lagging, lagText, type Level, slowness } from "../health";
import { type Line, layout } from "../layout/layout";
import { edgeKind, edgeName, nodeDetail, nodeName } from "../names";
import { Icon } from "../parts/Icon";
import { Alerts } from "./Alerts";
import { Camera, inside, type Sight } from "./camera";
import { arrows } from "./keys";
import { curve, Edge, type EdgeProps, Label, type LabelProps, Node, NODE_HEIGHT, type NodeProps, nodeWidth } from "./shapes";

/** Beyond it nothing moves on the lines: it would cost more than it tells. */
const MOVING = 60;
/** Beyond it labels are drawn only where they can be read, and shapes a part at a time: no frame waits for the others. */
const MANY = 150;

type Props = {
  address: Address;
  go: Go;
  graph: Graph;
  shown: { nodes: GraphNode[]; edges: GraphEdge[] };
  hits: Set<string> | null;
};

export function MapView({ address, go, graph, shown, hits }: Props) {
  const { nodes, edges } = shown;
  // The drawing is made anew only when the graph has another shape, never when numbers change.
  const shape = [...nodes.map(({ id }) => id), "", ...edges.map(({ id }) => id)].join("\n");
  const down = useNarrow();
  const drawing = useMemo(() => {
    performance.mark("layout");
    const input = {
      nodes: nodes.map((node) => ({
        id: node.id,
        width: nodeWidth(nodeName(node), nodeDetail(node)),
        height: NODE_HEIGHT[node.kind],
      })),
      // Room for the lag, which stands below, whether there is one now or not.
      edges: edges.map(({ id, from, to, kind }) => ({ id, from, to, label: kind === "consume" ? 46 : 26 })),
    };
    const made = layout(input, down);
    const paths = new Map([...made.edges].map(([id, line]) => [id, curve(line.points, down)]));
    performance.measure("layout", "layout");
    performance.clearMarks("layout");
    return { ...made, paths };
  }, [shape, down]);

  const svg = useRef<SVGSVGElement>(null);
  const scene = useRef<SVGGElement>(null);
  const grid = useRef<SVGPatternElement>(null);
  const camera = useRef<Camera | null>(null);
  const [sight, setSight] = useState<Sight>(null);
  useEffect(() => {
    if (!svg.current || !scene.current) return;
    const made = new Camera(svg.current, scene.current, grid.current, setSight);
    camera.current = made;
    made.draw(drawing);
    return () => made.stop();
  }, []);
  useEffect(() => camera.current?.draw(drawing), [drawing]);

  // What is selected elsewhere (a link, the search, an alert) comes into view.
  const chosen = address.selection && `${address.selection.kind}:${address.selection.id}`;
  const clicked = useRef<string | null>(null);
  useEffect(() => {
    if (!chosen || clicked.current === chosen) return;
    const id = chosen.slice(chosen.indexOf(":") + 1);
    const place = drawing.nodes.get(id) ?? drawing.edges.get(id)?.label;
    // After the panel took its room.
    if (place) requestAnimationFrame(() => camera.current?.reveal(place.x, place.y));
  }, [chosen, drawing]);

  const select = (key: string) => {
    const kind = key.startsWith("node:") ? "node" : "edge";
    clicked.current = key;
    go({ selection: { kind, id: key.slice(5) } });
  };
  const keyOf = (target: EventTarget | null) => {
    const element = (target as Element | null)?.closest<SVGGElement>("[data-node],[data-edge]");
    if (!element) return null;
    return element.dataset.node !== undefined ? `node:${element.dataset.node}` : `edge:${element.dataset.edge}`;
  };
  const pressed = (event: KeyboardEvent) => {
    const key = keyOf(event.target);
    if (key && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      select(key);
      return;
    }
    const step = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] }[event.key];
    if (step) {
      event.preventDefault();
      const next = key && svg.current && arrows(event.key, key, shown, drawing);
      if (next) focus(svg.current!, next);
      else if (!key) camera.current?.pan(step[0]!, step[1]!);
    } else if (event.key === "+" || event.key === "=") camera.current?.zoom(1.3);
    else if (event.key === "-") camera.current?.zoom(1 / 1.3);
    else if (event.key === "0") camera.current?.fit();
  };
  const focused = (event: FocusEvent) => {
    const key = keyOf(event.target);
    // Only what the keyboard reached: what was clicked is in view.
    if (!key || !(event.target as Element).matches(":focus-visible")) return;
    const id = key.slice(5);
    const place = drawing.nodes.get(id) ?? drawing.edges.get(id)?.label;
    if (place) camera.current?.reveal(place.x, place.y);
  };

  const views = useMemo(() => picture(graph, shown, address), [graph, shown, address.thresholds]);
  const selected = address.selection?.id ?? "";
  const moving = edges.length <= MOVING;
  // From left to right, each node followed by what leaves it: the order of the tab key.
  const sorted = useMemo(() => {
    const place = (id: string) => drawing.nodes.get(id);
    return [...nodes].sort((a, b) => (place(a.id)?.x ?? 0) - (place(b.id)?.x ?? 0) || (place(a.id)?.y ?? 0) - (place(b.id)?.y ?? 0));
  }, [drawing, nodes]);
  const many = edges.length > MANY;
  const ready = useGrowing(sorted.length, many);
  const legible = (line: Line) => !many || (sight !== null && inside(sight, line.label));
  const leaving = useMemo(() => {
    const by = new Map<string, GraphEdge[]>();
    for (const edge of edges) by.get(edge.from)?.push(edge) ?? by.set(edge.from, [edge]);
    return by;
  }, [edges]);

  return (
    <div class="map">
      <svg
        ref={svg}
        class="canvas"
        role="group"
        aria-label={`Map: ${nodes.length} services and queues, ${edges.length} edges. Arrow keys follow the edges, Enter opens. The same as a table: Pathways.`}
        onClick={(event) => {
          const key = keyOf(event.target);
          if (key) select(key);
          else if (address.selection) go({ selection: null });
        }}
        onKeyDown={pressed}
        onFocusIn={focused}
      >
        <defs>
          {["0", "1", "2", "selected"].map((name) => (
            <marker key={name} id={`arrow-${name}`} class={`arrow arrow-${name}`} viewBox="0 0 10 10" refX="9" refY="5" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse" orient="auto">
              <path d="M1 1L9 5L1 9z" />
            </marker>
          ))}
          <pattern ref={grid} id="grid" width="24" height="24" patternUnits="userSpaceOnUse">
            <circle class="grid-dot" cx="1" cy="1" r="1" />
          </pattern>
        </defs>
        <rect class="paper" width="100%" height="100%" fill="url(#grid)" />
        <g ref={scene} class={moving ? "moving" : ""}>
          {(ready < sorted.length ? sorted.slice(0, ready) : sorted).map((node) => [
            drawNode(node),
            ...(leaving.get(node.id) ?? []).map((edge) => {
              const line = drawing.edges.get(edge.id);
              const view = views.edges.get(edge.id);
              if (!line || !view) return null;
              return (
                <Edge
                  key={`edge:${edge.id}`}
                  id={edge.id}
                  {...view.edge}
                  path={drawing.paths.get(edge.id) ?? ""}
                  pace={moving ? view.edge.pace : 0}
                  selected={selected === edge.id}
                  dim={hits !== null && !hits.has(edge.id)}
                />
              );
            }),
          ])}
          {edges.map((edge) => {
            const line = drawing.edges.get(edge.id);
            const view = views.edges.get(edge.id);
            if (!line || !view?.label.main || !legible(line)) return null;
            return (
              <Label
                key={edge.id}
                id={edge.id}
                {...view.label}
                {...line.label}
                mark={address.start === edge.id ? "A" : address.end === edge.id ? "B" : ""}
                selected={selected === edge.id}
                dim={hits !== null && !hits.has(edge.id)}
              />
            );
          })}
        </g>
      </svg>
      <Alerts graph={graph} edges={edges} thresholds={address.thresholds} go={go} />
      <Legend />
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => camera.current?.zoom(1.4)}>
          <Icon name="plus" />
        </button>
        <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => camera.current?.zoom(1 / 1.4)}>
          <Icon name="minus" />
        </button>
        <button type="button" aria-label="Show everything" title="Show everything (0)" onClick={() => camera.current?.fit()}>
          <Icon name="fit" />
        </button>
      </div>
      {nodes.length === 0 && (
        <p class="nothing">
          Nothing here passes the filters.{" "}
          <button type="button" class="plain" onClick={() => go({ env: "", service: "", type: "", search: "" })}>
            Clear them
          </button>
        </p>
      )}
    </div>
  );

  function drawNode(node: GraphNode) {
    const box = drawing.nodes.get(node.id);
    const view = views.nodes.get(node.id);
    if (!box || !view) return null;
    return <Node key={`node:${node.id}`} id={node.id} {...view} {...box} selected={selected === node.id} dim={hits !== null && !hits.has(node.id)} />;
  }
}

function focus(svg: SVGSVGElement, key: string): void {
  const name = key.startsWith("node:") ? "node" : "edge";
  svg.querySelector<SVGGElement>(`[data-${name}="${CSS.escape(key.slice(5))}"]`)?.focus();
}

function Legend() {
  return (
    <div class="legend" aria-hidden="true">
      <span class="key service" /> service <span class="key queue" /> queue <i class="ok" /> p95 and messages/s <i class="warn" /> slow or lagging{" "}
      <i class="bad" /> far beyond
    </div>
  );
}

/** How many of many shapes are drawn by now: a hundred more with each frame. */
function useGrowing(total: number, many: boolean): number {
  const [ready, setReady] = useState(many ? MANY : total);
  const waiting = many && ready < total;
  useEffect(() => {
    if (!waiting) return;
    const asked = requestAnimationFrame(() => setReady(ready + 100));
    return () => cancelAnimationFrame(asked);
  }, [waiting, ready]);
  return waiting ? ready : total;
}

/** Whether the view is a phone's: then the map runs down. */
function useNarrow(): boolean {
  const [query] = useState(() => matchMedia("(max-width: 40rem)"));
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const changed = () => setNarrow(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return narrow;
}

type EdgeView = {
  edge: Pick<EdgeProps, "kind" | "level" | "label" | "thickness" | "pace" | "idle">;
  label: Pick<LabelProps, "kind" | "level" | "main" | "second" | "lag" | "lagLevel" | "idle">;
};
type NodeView = Pick<NodeProps, "kind" | "name" | "detail" | "label" | "level" | "idle">;

/** What the numbers look like. */
function picture(graph: Graph, shown: Props["shown"], { thresholds }: Address) {
  const known = new Map(graph.nodes.map((node) => [node.id, node]));
  const edges = new Map<string, EdgeView>();
  const levels = new Map<string, Level>();
  const busy = new Set<string>();
  const raise = (id: string, level: Level) => levels.set(id, Math.max(levels.get(id) ?? 0, level) as Level);
  for (const edge of shown.edges) {
    const level = edgeLevel(edge, thresholds);
    const idle = edge.messages === 0;
    // Time on a consume edge is spent in the queue, on a produce edge in the service: where they come from.
    raise(edge.from, edge.kind === "consume" ? level : slowness(edge, thresholds));
    if (!idle) busy.add(edge.from).add(edge.to);
    const latency = edge.edge_latency ? duration(edge.edge_latency.p95) : "";
    const perSecond = idle ? "" : rate(edge.rate);
    const behind = edge.lag?.messages ?? null;
    const late = edge.lag?.seconds ?? null;
    const lag = edge.lag && (behind || late) ? [behind ? `${short(behind)} behind` : "", late && late >= 1 ? duration(late) : ""].filter(Boolean).join(" · ") : "";
    const words = [
      `${edgeName(edge, known)}, ${edgeKind(edge)}`,
      idle ? "no messages" : `${rate(edge.rate)}`,
      latency && `p95 ${latency}`,
      edge.lag && lagText(edge.lag),
      level && (level > 1 ? "very slow or lagging" : "slow or lagging"),
    ];
    const common = { kind: edge.kind, level, idle };
    edges.set(edge.id, {
      edge: {
        ...common,
        label: words.filter(Boolean).join(", "),
        thickness: Math.round((1.5 + Math.min(4, Math.log10(1 + edge.rate * 4))) * 4) / 4,
        pace: idle || edge.rate === 0 ? 0 : Math.max(0.5, Math.round(8 / (1 + Math.log10(1 + edge.rate) * 3)) / 2),
      },
      label: {
        ...common,
        main: latency || perSecond || "idle",
        second: latency ? perSecond : "",
        lag,
        lagLevel: lagging(edge.lag, thresholds),
      },
    });
  }
  const nodes = new Map<string, NodeView>();
  for (const node of shown.nodes) {
    const level = node.kind === "unknown" ? 1 : (levels.get(node.id) ?? 0);
    const [name, detail] = [nodeName(node), nodeDetail(node)];
    const where = node.env ? `, ${node.env}` : "";
    const state = level > 1 ? ", very slow or lagging" : level && node.kind !== "unknown" ? ", slow or lagging" : "";
    const kind = node.kind === "unknown" ? "" : `, ${node.kind}`;
    nodes.set(node.id, { kind: node.kind, name, detail, level, idle: !busy.has(node.id), label: `${name} ${detail}${kind}${where}${state}` });
  }
  return { edges, nodes };
}
