import type { Thresholds } from "../address";
import type { Graph, GraphEdge } from "../api";
import type { Go } from "../App";
import { type Alert, alerts } from "../health";
import { Icon } from "../parts/Icon";

const MOST = 30;

const WORDS: Record<Alert["kind"], (count: number) => string> = {
  slow: (count) => `${count} slow`,
  lag: (count) => `${count} lagging`,
  history: () => "history not written",
  cut: () => "data cut",
  refused: () => "data refused",
  unknown: (count) => `${count} unknown`,
};

/** "2 slow · 1 lagging · data cut". */
function summary(found: Alert[]): string {
  const counts = new Map<Alert["kind"], number>();
  for (const { kind } of found) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => WORDS[kind](count)).join(" · ");
}

/** What should be seen, worst first; each leads to where it is. */
export function Alerts({ graph, edges, thresholds, go }: { graph: Graph; edges: GraphEdge[]; thresholds: Thresholds; go: Go }) {
  const found = alerts(graph, thresholds, edges);
  if (!found.length) {
    return (
      <p class="alerts calm">
        <Icon name="check" /> Nothing slow, lagging or cut
      </p>
    );
  }
  const worst = Math.max(...found.map(({ level }) => level));
  return (
    <details class={`alerts level-${worst}`}>
      <summary>
        <Icon name="warning" /> {summary(found)}
      </summary>
      <ul>
        {found.slice(0, MOST).map((alert) => {
          const inside = (
            <>
              <b class={`dot ${alert.level > 1 ? "bad" : "warn"}`} />
              <span>
                <strong>{alert.title}</strong>
                <small>{alert.detail}</small>
              </span>
            </>
          );
          const { edge, node } = alert;
          const key = `${alert.kind} ${alert.title} ${edge ?? ""} ${alert.detail}`;
          if (!edge && !node) {
            return (
              <li key={key} class={`plain-alert ${alert.kind}`}>
                {inside}
              </li>
            );
          }
          return (
            <li key={`${alert.kind} ${edge ?? node}`} class={alert.kind}>
              <button type="button" onClick={() => go({ selection: edge ? { kind: "edge", id: edge } : { kind: "node", id: node! } })}>
                {inside}
              </button>
            </li>
          );
        })}
        {found.length > MOST && <li class="plain-alert">and {found.length - MOST} more</li>}
      </ul>
    </details>
  );
}
