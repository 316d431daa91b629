// What things are called on the page.
import type { GraphEdge, GraphNode, Step } from "./api";

export function nodeName(node: GraphNode): string {
  if (node.kind === "service") return node.service || "unnamed service";
  if (node.kind === "unknown") return "unknown origin";
  return node.name || (node.service ? `${node.type} of ${node.service}` : node.type) || "unnamed queue";
}

/** What stands under the name. */
export function nodeDetail(node: GraphNode): string {
  if (node.kind === "service") return node.langs.join(", ") || "service";
  if (node.kind === "unknown") return "nobody reported it";
  return node.cluster ? `${node.type} · ${node.cluster}` : node.type || "queue";
}

export function tag(tags: string[], key: string): string {
  const found = tags.find((tag) => tag.startsWith(`${key}:`));
  return found ? found.slice(key.length + 1) : "";
}

export function group(edge: { tags: string[] }): string {
  return tag(edge.tags, "group") || tag(edge.tags, "consumer_group");
}

/** A queue as a step of a pathway names it. */
export function stepQueue(step: Step): string {
  const name = ["topic", "exchange", "queue", "stream", "bus", "subscription"].map((key) => tag(step.tags, key));
  return [tag(step.tags, "type"), name.find(Boolean) ?? ""].filter(Boolean).join(" ");
}

/** An edge in words, from one end to the other. */
export function edgeName(edge: GraphEdge, nodes: Map<string, GraphNode>): string {
  const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
  const name = `${from ? nodeName(from) : edge.from} → ${to ? nodeName(to) : edge.to}`;
  const consumers = group(edge);
  return consumers && to && consumers !== nodeName(to) ? `${name} (${consumers})` : name;
}

export function edgeKind(edge: GraphEdge): string {
  return { produce: "produces", consume: "consumes", step: "step", route: "route" }[edge.kind];
}
