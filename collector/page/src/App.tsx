import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Address, rangeQuery, read, write } from "./address";
import type { Graph } from "./api";
import { filter, found } from "./filter";
import { clock } from "./format";
import { type Link, listen, useAnswer } from "./live";
import { MapView } from "./map/MapView";
import { Panel } from "./panel/Panel";
import { Header } from "./parts/Header";
import { Toolbar } from "./parts/Toolbar";
import { apply } from "./theme";
import { Empty } from "./views/Empty";
import { LagView } from "./views/Lag";
import { Measure } from "./views/Measure";
import { PathwaysView } from "./views/Pathways";

/** Changes a part of the address; `quiet` makes no step for the browser's back button. */
export type Go = (change: Partial<Address>, quiet?: boolean) => void;

function useAddress(): [Address, Go] {
  const [address, setAddress] = useState(() => read(location.hash));
  const current = useRef(address);
  useEffect(() => {
    const changed = () => setAddress((current.current = read(location.hash)));
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  const go: Go = (change, quiet = false) => {
    const next = { ...current.current, ...change };
    if (write(next) === write(current.current)) return;
    current.current = next;
    history[quiet ? "replaceState" : "pushState"](null, "", write(next));
    setAddress(next);
  };
  return [address, useRef(go).current];
}

export function App() {
  const [address, go] = useAddress();
  const [link, setLink] = useState<Link>({ state: "connecting", heard: Date.now() });
  const [tick, setTick] = useState(0);
  const [said, say] = useState("");
  useEffect(() => {
    apply();
    return listen(
      (next) => setLink((old) => ({ ...next, heard: next.state === "gone" ? old.heard : next.heard })),
      () => setTick((tick) => tick + 1),
    );
  }, []);
  const graph = useAnswer<Graph>("/api/graph", rangeQuery(address.range), tick);
  // What was shown stays while another range is on its way: no flicker.
  const last = useRef<Graph | null>(null);
  if (graph.data) last.current = graph.data;
  const data = last.current;
  const { env, service, type } = address;
  const shown = useMemo(() => data && filter(data, { env, service, type }), [data, env, service, type]);
  const hits = useMemo(() => shown && found(shown, address.search), [shown, address.search]);
  useEffect(() => {
    if (address.search && hits && shown) {
      const nodes = shown.nodes.filter((node) => hits.has(node.id)).length;
      say(`${nodes} ${nodes === 1 ? "node" : "nodes"} found`);
    }
  }, [address.search]);
  useEffect(() => {
    if (link.state === "gone") say("The collector does not answer.");
    else if (link.state === "live" && said) say("The collector is there.");
  }, [link.state]);
  useKeys(go);

  const empty = data !== null && isEmpty(data);
  const nothing = !empty && data?.nodes.length === 0;
  return (
    <div class={`page view-${address.view}`}>
      <Header address={address} go={go} link={link} version={data?.version ?? ""} />
      <Toolbar address={address} go={go} graph={data} />
      {link.state === "gone" && (
        <p class="banner gone" role="alert">
          <strong>The collector does not answer.</strong>{" "}
          {data
            ? `What you see is from ${clock(data.now_ms)}. It is asked again every two seconds.`
            : "It is asked again every two seconds. Is `datastreams collect` running?"}
        </p>
      )}
      {graph.error && link.state !== "gone" && (
        <p class="banner" role="alert">
          <strong>This could not be shown:</strong> {graph.error}
        </p>
      )}
      <div class={`stage${address.selection ? " with-panel" : ""}`}>
        <main id="main" tabIndex={-1}>
          {address.measuring && data && !empty && <Measure address={address} go={go} graph={data} tick={tick} />}
          {!data && link.state !== "gone" && <p class="waiting">Asking the collector…</p>}
          {data && empty && <Empty />}
          {nothing && address.view === "map" && (
            <p class="nothing">
              Nothing was measured in this time.{" "}
              <button type="button" class="plain" onClick={() => go({ range: "all" })}>
                Show all that is kept
              </button>
            </p>
          )}
          {data && !empty && !nothing && shown && address.view === "map" && (
            <MapView address={address} go={go} graph={data} shown={shown} hits={hits} />
          )}
          {data && !empty && address.view === "pathways" && <PathwaysView address={address} go={go} graph={data} tick={tick} />}
          {data && !empty && address.view === "lag" && <LagView address={address} go={go} graph={data} tick={tick} />}
        </main>
        {address.selection && data && !empty && <Panel address={address} go={go} graph={data} tick={tick} />}
      </div>
      <div class="sr" role="status" aria-live="polite">
        {said}
      </div>
    </div>
  );
}

/** Whether nothing ever came: neither in this time nor before. */
function isEmpty({ nodes, received, history }: Graph): boolean {
  return nodes.length === 0 && !received.points && !received.offsets && (history?.from_ms ?? null) === null;
}

/** "/" goes to the search; Escape closes what is open, the innermost first. */
function useKeys(go: Go): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        document.getElementById("search")?.focus();
      } else if (event.key === "Escape" && !event.defaultPrevented) {
        const open = document.querySelector<HTMLDetailsElement>("details.menu[open]");
        if (open) {
          open.open = false;
          open.querySelector("summary")?.focus();
        } else if (target.id === "search" && (target as HTMLInputElement).value) go({ search: "" }, true);
        else if (read(location.hash).selection) go({ selection: null });
        else if (read(location.hash).measuring) go({ measuring: false, start: "", end: "" });
        else if (typing) target.blur();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
