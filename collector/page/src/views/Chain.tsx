import type { GraphEdge, Pathway, Step } from "../api";
import type { Go } from "../App";
import { duration } from "../format";
import { stepQueue, tag } from "../names";

export type Part = { kind: "service" | "queue" | "unknown"; name: string };

/** The services and queues of a pathway, in the order in which messages pass them. */
export function parts(pathway: Pathway): Part[] {
  const found: Part[] = [];
  if (pathway.origin !== "known") found.push({ kind: "unknown", name: pathway.origin === "loop" ? "loop" : "unknown" });
  const add = (kind: Part["kind"], name: string) => {
    const last = found.at(-1);
    if (last?.kind !== kind || last.name !== name) found.push({ kind, name });
  };
  for (const step of pathway.steps) {
    const queue = stepQueue(step);
    if (step.direction === "in" && queue) add("queue", queue);
    add("service", step.service);
    if (step.direction !== "in" && queue) add("queue", queue);
  }
  return found;
}

/** A pathway in words. */
export function pathwayName(pathway: Pathway): string {
  return parts(pathway).map(({ name }) => name).join(" → ");
}

export function Chain({ pathway }: { pathway: Pathway }) {
  return (
    <span class="chain">
      {parts(pathway).map(({ kind, name }, at) => (
        <span key={at}>
          {at > 0 && (
            <span class="arrow" aria-hidden="true">
              →{" "}
            </span>
          )}
          <span class={`part ${kind}`}>{name}</span>{" "}
        </span>
      ))}
    </span>
  );
}

function stepName(step: Step): string {
  const queue = stepQueue(step);
  if (step.direction === "in") {
    const group = tag(step.tags, "group");
    return `${queue} → ${step.service}${group && group !== step.service ? ` (${group})` : ""}`;
  }
  return queue ? `${step.service} → ${queue}` : step.service;
}

function latency(step: Step, edges: Map<string, GraphEdge>): number | null {
  // The step's own, where the collector tells it: an edge may be part of other pathways too.
  const own = step.edge_latency === undefined ? edges.get(step.edge)?.edge_latency : step.edge_latency;
  return own?.p50 ?? null;
}

/** Where the time goes: each step with its share. */
export function Shares({ pathway, edges, go }: { pathway: Pathway; edges: Map<string, GraphEdge>; go: Go }) {
  const steps = pathway.steps.map((step) => ({ step, seconds: latency(step, edges) }));
  const sum = steps.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0);
  let before = 0;
  return (
    <section class="shares">
      <h3>Where the time goes (p50)</h3>
      <ol>
        {steps.map(({ step, seconds }, at) => {
          const share = sum > 0 ? (seconds ?? 0) / sum : 0;
          const left = before;
          before += share;
          return (
            <li key={at}>
              <button type="button" onClick={() => go({ selection: { kind: "edge", id: step.edge } })}>
                <span class="who">{stepName(step)}</span>
                <span class="what">{duration(seconds)}</span>
                <span class="track" aria-hidden="true">
                  <i class={step.direction === "in" ? "queue" : "service"} style={{ left: `${left * 100}%`, width: `max(${share * 100}%, 2px)` }} />
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
