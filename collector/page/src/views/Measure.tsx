import { useMemo } from "preact/hooks";
import { type Address, rangeQuery } from "../address";
import type { Between, Graph } from "../api";
import type { Go } from "../App";
import { duration, whole } from "../format";
import { useAnswer } from "../live";
import { edgeName } from "../names";
import { Icon } from "../parts/Icon";

type Props = { address: Address; go: Go; graph: Graph; tick: number };

/** How long messages take from one edge to another. */
export function Measure({ address, go, graph, tick }: Props) {
  const { start, end } = address;
  const edges = useMemo(() => {
    const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
    return graph.edges
      .filter(({ kind }) => kind !== "route")
      .map((edge) => ({ id: edge.id, name: `${edgeName(edge, nodes)}${edge.env ? ` · ${edge.env}` : ""}` }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }, [graph]);
  const ready = start && end && start !== end;
  const { data, error } = useAnswer<Between>(ready ? "/api/between" : null, { ...rangeQuery(address.range), source: start, target: end }, tick);
  const pick = (label: string, mark: string, value: string, set: (id: string) => void) => (
    <label>
      <b class="mark">{mark}</b>
      <span class="sr">{label}</span>
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="">{`${label}…`}</option>
        {edges.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <section class="measure" aria-label="Measure between two points">
      <div class="ends">
        {pick("From", "A", start, (start) => go({ start }))}
        <button type="button" class="ghost square" aria-label="Exchange the two" title="Exchange the two" onClick={() => go({ start: end, end: start })}>
          <Icon name="swap" />
        </button>
        {pick("To", "B", end, (end) => go({ end }))}
      </div>
      <div class="result" aria-live="polite">
        {!ready && <p>Choose two edges, or open them on the map, to see how long messages take from one to the other.</p>}
        {ready && !data && !error && <p>Measuring…</p>}
        {ready && error && <p class="warn">{error}</p>}
        {ready && data && !error && (
          <dl>
            {(["p50", "p95", "p99", "max"] as const).map((key) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd>{duration(data.latency?.[key])}</dd>
              </div>
            ))}
            <div>
              <dt>mean</dt>
              <dd>{duration(data.mean)}</dd>
            </div>
            <div>
              <dt>messages</dt>
              <dd>{whole(data.messages)}</dd>
            </div>
            <div class="how">
              <dt>
                {data.pathways} {data.pathways === 1 ? "pathway" : "pathways"}
              </dt>
              <dd title={data.exact ? "Measured on the messages themselves" : "Added up from the steps in between, as if they were independent; the mean is exact"}>
                {data.exact ? "measured" : "added up"}
              </dd>
            </div>
          </dl>
        )}
      </div>
      <button type="button" class="ghost square" aria-label="Stop measuring" onClick={() => go({ measuring: false, start: "", end: "" })}>
        <Icon name="close" />
      </button>
    </section>
  );
}
