import { useMemo } from "preact/hooks";
import { type Address, type Column, rangeQuery } from "../address";
import type { Graph, Pathway, Pathways } from "../api";
import type { Go } from "../App";
import { inEnv, matches } from "../filter";
import { duration, rate, whole } from "../format";
import { level } from "../health";
import { useAnswer } from "../live";
import { tag } from "../names";
import { Chain, pathwayName } from "./Chain";

const HEADS: [Column, string][] = [
  ["name", "Pathway"],
  ["messages", "Messages"],
  ["rate", "Throughput"],
  ["p50", "p50"],
  ["p95", "p95"],
  ["p99", "p99"],
  ["max", "max"],
];

type Props = { address: Address; go: Go; graph: Graph; tick: number };

export function value(pathway: Pathway, column: Column): number | string | null {
  if (column === "name") return pathwayName(pathway);
  if (column === "messages" || column === "rate") return pathway[column];
  return pathway.latency?.[column] ?? null;
}

/** Sorted by a column; what was not measured comes last, whichever way. */
export function sorted(pathways: Pathway[], column: Column, descending: boolean): Pathway[] {
  return [...pathways].sort((a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || a.id.localeCompare(b.id);
    const order = typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y);
    return (descending ? -order : order) || a.id.localeCompare(b.id);
  });
}

export function wanted(pathway: Pathway, { env, service, type, search }: Pick<Address, "env" | "service" | "type" | "search">): boolean {
  const { steps } = pathway;
  if (!steps.some((step) => inEnv(step.env, env))) return false;
  if (service && !steps.some((step) => step.service === service)) return false;
  if (type && !steps.some((step) => tag(step.tags, "type") === type)) return false;
  if (!search.trim()) return true;
  return matches(search, steps.map((step) => `${step.service} ${step.env} ${step.tags.join(" ")}`).join(" "));
}

export function PathwaysView({ address, go, tick }: Props) {
  const { sort, descending, every } = address;
  const parameters = { ...rangeQuery(address.range), ...(every ? { all: "true" } : {}) };
  const { data, error } = useAnswer<Pathways>("/api/pathways", parameters, tick);
  const rows = useMemo(
    () => (data ? sorted(data.pathways.filter((pathway) => wanted(pathway, address)), sort, descending) : []),
    [data, sort, descending, address.env, address.service, address.type, address.search],
  );
  const selected = address.selection?.kind === "pathway" ? address.selection.id : "";
  return (
    <section class="table-view" aria-labelledby="pathways-title">
      <header>
        <h2 id="pathways-title">
          Pathways <span class="count">{data ? rows.length : ""}</span>
        </h2>
        <p>From the origin to where messages were seen last. Latencies are from end to end.</p>
        <label class="check">
          <input type="checkbox" checked={every} onChange={(event) => go({ every: event.currentTarget.checked })} /> Those that others go on from too
        </label>
      </header>
      {error && <p class="note error">{error}</p>}
      <div class="scroll">
        <table class="wide">
          <thead>
            <tr>
              {HEADS.map(([column, name]) => (
                <th
                  key={column}
                  scope="col"
                  class={column === "name" ? "" : "number"}
                  aria-sort={sort === column ? (descending ? "descending" : "ascending") : "none"}
                >
                  <button type="button" onClick={() => go({ sort: column, descending: sort === column ? !descending : column !== "name" }, true)}>
                    {name}
                    <i aria-hidden="true" />
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((pathway) => (
              <tr
                key={pathway.id}
                class={selected === pathway.id ? "selected" : ""}
                onClick={() => go({ selection: { kind: "pathway", id: pathway.id } })}
              >
                <th scope="row">
                  <button
                    type="button"
                    class="row"
                    aria-pressed={selected === pathway.id}
                    onClick={(event) => (event.stopPropagation(), go({ selection: { kind: "pathway", id: pathway.id } }))}
                  >
                    <Chain pathway={pathway} />
                  </button>
                  {pathway.origin !== "known" && (
                    <small class="warn">{pathway.origin === "loop" ? "leads back to a step already seen" : "its first step has a parent that nobody reported"}</small>
                  )}
                </th>
                <td data-name="Messages">{whole(pathway.messages)}</td>
                <td data-name="Throughput">{rate(pathway.rate)}</td>
                {(["p50", "p95", "p99", "max"] as const).map((key) => (
                  <td key={key} data-name={key} class={`strong level-${key === "p95" ? level(pathway.latency?.p95, address.thresholds.slow) : 0}`}>
                    {duration(pathway.latency?.[key])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data && rows.length === 0 && <p class="nothing-row">{data.pathways.length ? "No pathway passes the filters." : "No pathway in this time."}</p>}
    </section>
  );
}
