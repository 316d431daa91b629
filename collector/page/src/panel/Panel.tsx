import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Address, rangeQuery } from "../address";
import type { Graph, GraphEdge, GraphNode, GroupLag, Lags, LagSeries, Pathway, Pathways, Quantiles, QueueNode, Series } from "../api";
import type { Go } from "../App";
import { bytes, count, duration, rate, whole } from "../format";
import { edgeLevel } from "../health";
import { useAnswer } from "../live";
import { edgeKind, edgeName, nodeName } from "../names";
import { Icon } from "../parts/Icon";
import { Chain, Shares } from "../views/Chain";
import { Partitions } from "../views/Partitions";
import { Chart } from "./Chart";
import { any, lag, quantiles, throughput, times } from "./lines";

type Props = { address: Address; go: Go; graph: Graph; tick: number };

export function Panel(props: Props) {
  const { address, go } = props;
  const selection = address.selection;
  const panel = useRef<HTMLElement>(null);
  const before = useRef<Element | null>(null);
  const key = selection ? `${selection.kind}:${selection.id}` : "";
  useEffect(() => {
    before.current = document.activeElement;
    panel.current?.focus({ preventScroll: true });
    if (panel.current) panel.current.scrollTop = 0;
  }, [key]);
  // Back to where the reader came from.
  useEffect(
    () => () => {
      const old = before.current;
      if (old instanceof HTMLElement || old instanceof SVGElement) if (old.isConnected) old.focus({ preventScroll: true });
    },
    [],
  );
  if (!selection) return null;
  const body = {
    edge: () => <OfEdge {...props} id={selection.id} />,
    node: () => <OfNode {...props} id={selection.id} />,
    pathway: () => <OfPathway {...props} id={selection.id} />,
    group: () => <OfGroup {...props} id={selection.id} />,
  }[selection.kind];
  return (
    <aside class="panel" ref={panel} tabIndex={-1} aria-label="Details">
      <button type="button" class="ghost square close" aria-label="Close (Escape)" title="Close (Esc)" onClick={() => go({ selection: null })}>
        <Icon name="close" size={18} />
      </button>
      {body()}
    </aside>
  );
}

function Gone({ what }: { what: string }) {
  return <p class="gone-item">This {what} is not among what the collector knows: it may be of another collector, or was forgotten.</p>;
}

function OfEdge({ address, go, graph, tick, id }: Props & { id: string }) {
  const edge = graph.edges.find((edge) => edge.id === id);
  const range = rangeQuery(address.range);
  const series = useAnswer<Series>(edge ? "/api/series" : null, { edge: id, ...range }, tick);
  const nodes = useMemo(() => new Map(graph.nodes.map((node) => [node.id, node])), [graph]);
  const lags = useAnswer<Lags>(edge?.lag ? "/api/lag" : null, range, tick);
  if (!edge) return <Gone what="edge" />;
  const group = edge.lag && lags.data?.groups.find((group) => isOf(group, edge, nodes));
  const inQueue = { consume: "In the queue", produce: "In the service", step: "Since the step before", route: "Latency" }[edge.kind];
  const measure = (change: Partial<Address>) => go({ measuring: true, ...change });
  return (
    <>
      <header>
        <p class={`kind ${edge.kind}`}>{edgeKind(edge)}</p>
        <h2>{edgeName(edge, nodes)}</h2>
        <Tags env={edge.env} tags={edge.tags} />
      </header>
      <Numbers
        items={[
          ["Throughput", rate(edge.rate)],
          ["Messages", whole(edge.messages)],
          ...(edge.lag ? ([["Behind", count(edge.lag.messages)], ["Late by", duration(edge.lag.seconds)]] as [string, string][]) : []),
        ]}
        level={edgeLevel(edge, address.thresholds)}
      />
      {edge.kind === "route" ? (
        <p class="note">A route is seen by its hashes alone: messages that went into one queue came out of another. Nothing else is known of it.</p>
      ) : (
        <QuantileTable
          rows={[
            [inQueue, edge.edge_latency, duration],
            ["Since the origin", edge.pathway_latency, duration],
            ["Payload size", edge.payload_size, bytes],
          ]}
        />
      )}
      {edge.kind !== "route" && (
        <p class="actions">
          <button type="button" class="plain" onClick={() => measure({ start: id })}>
            <Icon name="ruler" /> Measure from here
          </button>
          <button type="button" class="plain" onClick={() => measure({ end: id })}>
            Measure to here
          </button>
        </p>
      )}
      <SeriesError error={series.error} />
      {series.data && <EdgeCharts series={series.data} now={graph.now_ms} first={inQueue} go={go} />}
      {group && <LagCharts address={address} go={go} tick={tick} id={group.id} />}
    </>
  );
}

/** Whether a group's lag is that of an edge: the same group at the same queue. */
function isOf(group: GroupLag, edge: GraphEdge, nodes: Map<string, GraphNode>): boolean {
  const queue = nodes.get(edge.from) as QueueNode | undefined;
  return (
    queue?.kind === "queue" &&
    group.env === queue.env &&
    group.type === queue.type &&
    group.cluster === queue.cluster &&
    group.topic === queue.name &&
    group.group === edge.lag?.group
  );
}

function EdgeCharts({ series, now, first, go }: { series: Series; now: number; first: string; go: Go }) {
  const at = useMemo(() => times(series), [series]);
  const rates = useMemo(() => [throughput(series, "all", "messages/s", "--chart-1", now)], [series]);
  const [edge, origin, size] = useMemo(
    () => [quantiles(series, "all", "edge_latency"), quantiles(series, "all", "pathway_latency"), quantiles(series, "all", "payload_size")],
    [series],
  );
  return (
    <section class="charts" aria-label="Charts">
      {any(edge) && <Chart title={first} times={at} lines={edge} format={duration} go={go} />}
      <Chart title="Throughput" times={at} lines={rates} format={(value) => (value === null || value === undefined ? "–" : rate(value))} go={go} />
      {any(origin) && <Chart title="Since the origin" times={at} lines={origin} format={duration} go={go} />}
      {any(size) && <Chart title="Payload size" times={at} lines={size} format={bytes} go={go} />}
    </section>
  );
}

function LagCharts({ address, go, tick, id }: { address: Address; go: Go; tick: number; id: string }) {
  const answer = useAnswer<LagSeries>("/api/lag/series", { group: id, ...rangeQuery(address.range) }, tick);
  const series = answer.data;
  const at = useMemo(() => (series ? times(series) : []), [series]);
  const [messages, seconds] = useMemo(() => (series ? [lag(series.points, "messages"), lag(series.points, "seconds")] : [[], []]), [series]);
  if (!series) return <SeriesError error={answer.error} />;
  return (
    <section class="charts" aria-label="Lag over time">
      <Chart title="Lag in messages" times={at} lines={messages} format={count} go={go} />
      <Chart title="Lag in time" times={at} lines={seconds} format={duration} go={go} />
    </section>
  );
}

function OfNode({ address, go, graph, tick, id }: Props & { id: string }) {
  const node = graph.nodes.find((node) => node.id === id);
  const series = useAnswer<Series>(node && node.kind !== "unknown" ? "/api/series" : null, { node: id, ...rangeQuery(address.range) }, tick);
  const nodes = useMemo(() => new Map(graph.nodes.map((node) => [node.id, node])), [graph]);
  if (!node) return <Gone what="node" />;
  const ins = graph.edges.filter((edge) => edge.to === id);
  const outs = graph.edges.filter((edge) => edge.from === id);
  const sum = (edges: GraphEdge[]) => edges.reduce((sum, edge) => sum + edge.rate, 0);
  const other = (edge: GraphEdge) => nodes.get(edge.from === id ? edge.to : edge.from);
  const list = (title: string, edges: GraphEdge[]) =>
    edges.length > 0 && (
      <section class="neighbours">
        <h3>{title}</h3>
        <ul>
          {edges.map((edge) => (
            <li key={edge.id}>
              <button type="button" onClick={() => go({ selection: { kind: "edge", id: edge.id } })}>
                <b class={`dot ${["ok", "warn", "bad"][edgeLevel(edge, address.thresholds)]}`} />
                <span class="who">{edge.kind === "consume" || edge.kind === "produce" ? nodeName(other(edge) ?? node) : edgeName(edge, nodes)}</span>
                <span class="what">
                  {rate(edge.rate)}
                  {edge.edge_latency && ` · p95 ${duration(edge.edge_latency.p95)}`}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </section>
    );
  return (
    <>
      <header>
        <p class={`kind ${node.kind}`}>{node.kind === "queue" ? node.type || "queue" : node.kind}</p>
        <h2>{nodeName(node)}</h2>
        <Tags
          env={node.env}
          tags={node.kind === "service" ? node.langs.map((lang) => `language:${lang}`) : node.kind === "queue" && node.cluster ? [`cluster:${node.cluster}`] : []}
        />
      </header>
      {node.kind === "unknown" ? (
        <p class="note">
          Messages come from a step that no service reported to this collector. Point that service's tracer here too (DD_TRACE_AGENT_URL), and it takes its
          place on the map.
        </p>
      ) : (
        <Numbers
          items={[
            ["In", rate(sum(ins))],
            ["Out", rate(sum(outs))],
          ]}
        />
      )}
      {list(node.kind === "queue" ? "Producers" : "Takes from", ins)}
      {list(node.kind === "queue" ? "Consumers" : "Leads to", outs)}
      <SeriesError error={series.error} />
      {series.data && <NodeCharts series={series.data} now={graph.now_ms} queue={node.kind === "queue"} go={go} />}
    </>
  );
}

function NodeCharts({ series, now, queue, go }: { series: Series; now: number; queue: boolean; go: Go }) {
  const at = useMemo(() => times(series), [series]);
  const rates = useMemo(() => [throughput(series, "in", "in", "--chart-1", now), throughput(series, "out", "out", "--chart-4", now)], [series]);
  const [ins, outs] = useMemo(() => [quantiles(series, "in", "edge_latency"), quantiles(series, "out", "edge_latency")], [series]);
  const size = useMemo(() => quantiles(series, queue ? "in" : "out", "payload_size"), [series, queue]);
  return (
    <section class="charts" aria-label="Charts">
      <Chart title="Throughput" times={at} lines={rates} format={(value) => (value === null || value === undefined ? "–" : rate(value))} go={go} />
      {!queue && any(ins) && <Chart title="In the queues before it" times={at} lines={ins} format={duration} go={go} />}
      {any(outs) && <Chart title={queue ? "In this queue" : "In this service"} times={at} lines={outs} format={duration} go={go} />}
      {any(size) && <Chart title={queue ? "Payload size" : "Size of what it produces"} times={at} lines={size} format={bytes} go={go} />}
    </section>
  );
}

function OfPathway({ address, go, graph, tick, id }: Props & { id: string }) {
  const range = rangeQuery(address.range);
  const list = useAnswer<Pathways>("/api/pathways", { ...range, all: "true" }, tick);
  const series = useAnswer<Series>("/api/series", { pathway: id, ...range }, tick);
  const pathway: Pathway | undefined = list.data?.pathways.find((pathway) => pathway.id === id);
  const at = useMemo(() => (series.data ? times(series.data) : []), [series.data]);
  const lines = useMemo(() => (series.data ? quantiles(series.data, "all", "pathway_latency") : []), [series.data]);
  const rates = useMemo(() => (series.data ? [throughput(series.data, "all", "messages/s", "--chart-1", graph.now_ms)] : []), [series.data]);
  if (!pathway) return list.data ? <Gone what="pathway" /> : <SeriesError error={list.error} />;
  const edges = new Map(graph.edges.map((edge) => [edge.id, edge]));
  return (
    <>
      <header>
        <p class="kind pathway">pathway</p>
        <h2>
          <Chain pathway={pathway} />
        </h2>
      </header>
      <Numbers
        items={[
          ["Throughput", rate(pathway.rate)],
          ["Messages", whole(pathway.messages)],
        ]}
      />
      <QuantileTable rows={[["End to end", pathway.latency, duration]]} />
      <Shares pathway={pathway} edges={edges} go={go} />
      <SeriesError error={series.error} />
      {series.data && (
        <section class="charts" aria-label="Charts">
          <Chart title="End to end" times={at} lines={lines} format={duration} go={go} />
          {series.data.points.some((point) => "rate" in point && point.rate > 0) && (
            <Chart title="Throughput" times={at} lines={rates} format={(value) => (value === null || value === undefined ? "–" : rate(value))} go={go} />
          )}
        </section>
      )}
    </>
  );
}

function OfGroup({ address, go, tick, id }: Props & { id: string }) {
  const lags = useAnswer<Lags>("/api/lag", rangeQuery(address.range), tick);
  const group = lags.data?.groups.find((group) => group.id === id);
  if (!group) return lags.data ? <Gone what="group" /> : <SeriesError error={lags.error} />;
  return (
    <>
      <header>
        <p class="kind group">group</p>
        <h2>
          {group.group} <span class="of">on {group.topic}</span>
        </h2>
        <Tags env={group.env} tags={[`type:${group.type}`, ...(group.cluster ? [`cluster:${group.cluster}`] : [])]} />
      </header>
      <Numbers
        items={[
          ["Messages behind", count(group.messages)],
          ["Time behind", duration(group.seconds)],
          ["Partitions", whole(group.partition_count)],
        ]}
      />
      <LagCharts address={address} go={go} tick={tick} id={id} />
      <Partitions group={group} thresholds={address.thresholds} />
    </>
  );
}

function Tags({ env, tags }: { env: string; tags: string[] }) {
  return (
    <ul class="tags" aria-label="Tags">
      {env && <li>env:{env}</li>}
      {tags.map((tag) => (
        <li key={tag}>{tag}</li>
      ))}
    </ul>
  );
}

function Numbers({ items, level = 0 }: { items: [string, string][]; level?: number }) {
  return (
    <dl class={`numbers level-${level}`}>
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

type Row = [string, Quantiles, (value: number | null | undefined) => string];

function QuantileTable({ rows }: { rows: Row[] }) {
  const shown = rows.filter(([, quantiles]) => quantiles);
  if (!shown.length) return <p class="note">Nothing was measured in this time.</p>;
  return (
    <table class="quantiles">
      <thead>
        <tr>
          <th scope="col">
            <span class="sr">Measure</span>
          </th>
          {["p50", "p95", "p99", "max"].map((name) => (
            <th scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {shown.map(([name, quantiles, format]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {quantiles && (["p50", "p95", "p99", "max"] as const).map((key) => <td key={key}>{format(quantiles[key])}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function SeriesError({ error }: { error: string }) {
  return error ? <p class="note error">{error}</p> : null;
}
