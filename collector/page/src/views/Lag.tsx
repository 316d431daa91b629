import { useMemo } from "preact/hooks";
import { type Address, rangeQuery } from "../address";
import type { Graph, GroupLag, Lags } from "../api";
import type { Go } from "../App";
import { inEnv, matches } from "../filter";
import { count, duration, whole } from "../format";
import { lagging } from "../health";
import { useAnswer } from "../live";
import { group as edgeGroup } from "../names";

const STATES = ["keeps up", "behind", "far behind"];

type Props = { address: Address; go: Go; graph: Graph; tick: number };

export function LagView({ address, go, graph, tick }: Props) {
  const { data, error } = useAnswer<Lags>("/api/lag", rangeQuery(address.range), tick);
  const { thresholds } = address;
  const groups = useMemo(() => groupsOf(graph, address.service), [graph, address.service]);
  const rows = useMemo(() => {
    const of = (group: GroupLag) => lagging({ ...group, partitions: group.partition_count }, thresholds);
    return (data?.groups ?? [])
      .filter((group) => wantedGroup(group, address, groups))
      .map((group) => ({ group, level: of(group) }))
      .sort(
        (a, b) =>
          b.level - a.level ||
          (b.group.seconds ?? -1) - (a.group.seconds ?? -1) ||
          (b.group.messages ?? -1) - (a.group.messages ?? -1) ||
          a.group.id.localeCompare(b.group.id),
      );
  }, [data, groups, address.env, address.type, address.search, thresholds]);
  const selected = address.selection?.kind === "group" ? address.selection.id : "";
  const most = Math.max(1, ...rows.map(({ group }) => group.messages ?? 0));
  return (
    <section class="table-view" aria-labelledby="lag-title">
      <header>
        <h2 id="lag-title">
          Lag <span class="count">{data ? rows.length : ""}</span>
        </h2>
        <p>How far consumer groups are behind: in messages, and in how old the oldest message is that they did not commit yet.</p>
      </header>
      {error && <p class="note error">{error}</p>}
      <div class="scroll">
        <table class="wide">
          <thead>
            <tr>
              <th scope="col">Group</th>
              <th scope="col">Queue</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Messages behind
              </th>
              <th scope="col" class="number">
                Time behind
              </th>
              <th scope="col" class="number">
                Partitions
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ group, level }) => (
              <tr key={group.id} class={selected === group.id ? "selected" : ""} onClick={() => go({ selection: { kind: "group", id: group.id } })}>
                <th scope="row">
                  <button
                    type="button"
                    class="row"
                    aria-pressed={selected === group.id}
                    onClick={(event) => (event.stopPropagation(), go({ selection: { kind: "group", id: group.id } }))}
                  >
                    {group.group}
                  </button>
                </th>
                <td class="left" data-name="Queue">
                  <span class="part queue">{[group.type, group.topic].filter(Boolean).join(" ")}</span>
                  <small>{[group.env, group.cluster].filter(Boolean).join(" · ")}</small>
                </td>
                <td class="left" data-name="State">
                  <span class={`badge level-${level}`}>{group.messages === null && group.seconds === null ? "unknown" : STATES[level]}</span>
                </td>
                <td data-name="Messages behind" class="bar">
                  <span>{count(group.messages)}</span>
                  <i aria-hidden="true" hidden={!group.messages || group.messages < most / 50} class={`level-${level}`} style={{ width: `${((group.messages ?? 0) / most) * 100}%` }} />
                </td>
                <td data-name="Time behind" class="strong">
                  {duration(group.seconds)}
                </td>
                <td data-name="Partitions">{whole(group.partition_count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data && rows.length === 0 && (
        <p class="nothing-row">
          {data.groups.length ? "No group passes the filters." : "No group reported offsets in this time. Integrations over Kafka clients report them by themselves."}
        </p>
      )}
    </section>
  );
}

/** The groups that a service consumes as; null when every service is wanted. */
export function groupsOf(graph: Graph, service: string): Set<string> | null {
  if (!service) return null;
  const named = graph.edges.filter((edge) => edge.service === service).map((edge) => edgeGroup(edge));
  // One that only commits is mostly named as its service.
  return new Set([service, ...named.filter(Boolean)]);
}

export function wantedGroup(group: GroupLag, { env, type, search }: Pick<Address, "env" | "type" | "search">, groups: Set<string> | null): boolean {
  if (!inEnv(group.env, env)) return false;
  if (type && group.type !== type) return false;
  if (groups && !groups.has(group.group)) return false;
  return !search.trim() || matches(search, `${group.group} ${group.topic} ${group.type} ${group.env} ${group.cluster}`);
}
