// What is shown of the graph: filters leave out, the search puts the rest into the background.
import type { Graph, GraphEdge, GraphNode } from "./api";
import { nodeName } from "./names";

/** The environment of services that have none; an empty one stands for all. */
export const NO_ENV = "\0";

export type Wanted = { env: string; service: string; type: string };

/** The values that a filter offers. */
export function choices(graph: Graph): { envs: string[]; services: string[]; types: string[] } {
  const [envs, services, types] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const node of graph.nodes) {
    envs.add(node.env);
    if (node.kind === "service") services.add(node.service);
    if (node.kind === "queue" && node.type) types.add(node.type);
  }
  const sorted = (set: Set<string>) => [...set].filter(Boolean).sort((a, b) => a.localeCompare(b));
  const unnamed = envs.has("") && envs.size > 1 ? [NO_ENV] : [];
  return { envs: [...sorted(envs), ...unnamed], services: sorted(services), types: sorted(types) };
}

/** Whether an environment is wanted. */
export function inEnv(env: string | undefined, wanted: string): boolean {
  return !wanted || env === (wanted === NO_ENV ? "" : wanted);
}

/**
 * The part of a graph that is wanted. A service is shown with the queues at it and the services on their other side; a
 * type with the services at its queues.
 */
export function filter(graph: Graph, wanted: Wanted): { nodes: GraphNode[]; edges: GraphEdge[] } {
  if (!wanted.env && !wanted.service && !wanted.type) return graph;
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const typeOf = (id: string) => {
    const node = nodes.get(id);
    return node?.kind === "queue" ? node.type : "";
  };
  let edges = graph.edges;
  if (wanted.env) edges = edges.filter((edge) => inEnv(nodes.get(edge.from)?.env, wanted.env) || inEnv(nodes.get(edge.to)?.env, wanted.env));
  if (wanted.type) edges = edges.filter((edge) => typeOf(edge.from) === wanted.type || typeOf(edge.to) === wanted.type);
  if (wanted.service) {
    const isIt = (id: string) => {
      const node = nodes.get(id);
      return node?.kind === "service" && node.service === wanted.service;
    };
    const queues = new Set<string>();
    for (const edge of edges) {
      if (isIt(edge.from)) queues.add(edge.to);
      if (isIt(edge.to)) queues.add(edge.from);
    }
    edges = edges.filter((edge) => queues.has(edge.from) || queues.has(edge.to));
  }
  const kept = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  return { nodes: graph.nodes.filter((node) => kept.has(node.id)), edges };
}

/** Whether the search means a text: each of its words is in it. */
export function matches(search: string, text: string): boolean {
  const low = text.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => low.includes(word));
}

export function nodeText(node: GraphNode): string {
  const more = node.kind === "queue" ? `${node.type} ${node.cluster}` : node.kind === "service" ? node.langs.join(" ") : "";
  return `${nodeName(node)} ${node.env} ${more}`;
}

/** The nodes and edges that a search means; null when nothing is searched. */
export function found(graph: { nodes: GraphNode[]; edges: GraphEdge[] }, search: string): Set<string> | null {
  if (!search.trim()) return null;
  const ids = new Set<string>();
  for (const node of graph.nodes) if (matches(search, nodeText(node))) ids.add(node.id);
  for (const edge of graph.edges) if (matches(search, `${edge.tags.join(" ")} ${edge.service} ${edge.env}`)) ids.add(edge.id);
  return ids;
}
