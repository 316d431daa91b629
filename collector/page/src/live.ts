// What the page knows, kept as new as the collector: fetched when something is looked at, and again when the collector
// says that something changed.
import { useEffect, useRef, useState } from "preact/hooks";
import { Gone, get, Refused } from "./api";

/** Whether the collector is there. */
export type Link = {
  state: "connecting" | "live" | "gone";
  /** When it was heard last, by this machine's clock. */
  heard: number;
};

/** How long to wait before asking a collector again that did not answer. */
const RETRY_MS = 2000;
/** When to ask even though nothing was said, as when a proxy swallows events. */
const IDLE_MS = 30_000;

/**
 * Listens to the collector. `tick` is called at each change, and when it is there again. It is the only thing that asks
 * again and again; everything else follows it.
 */
export function listen(link: (link: Link) => void, tick: () => void): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let idle = 0;
  let state: Link["state"] = "connecting";
  const say = (next: Link["state"]) => {
    state = next;
    link({ state, heard: Date.now() });
  };
  const restart = () => {
    clearTimeout(idle);
    idle = window.setTimeout(() => {
      tick();
      restart();
    }, IDLE_MS);
  };
  const open = () => {
    source = new EventSource("/api/events");
    source.onopen = () => {
      say("live");
      tick();
      restart();
    };
    source.addEventListener("change", () => {
      if (state !== "live") say("live");
      tick();
      restart();
    });
    source.onerror = () => {
      source?.close();
      clearTimeout(idle);
      if (state !== "gone") link({ state: (state = "gone"), heard: Date.now() });
      timer = window.setTimeout(open, RETRY_MS);
    };
  };
  open();
  return () => {
    source?.close();
    clearTimeout(timer);
    clearTimeout(idle);
  };
}

/** An answer of the collector's: the last good one, and what went wrong since. */
export type Answer<T> = { data: T | null; error: string; key: string };

/**
 * Fetches `path` at once when it or its parameters change, and again at each tick. The last answer stays while a new one
 * is on its way; one of another question does not. A null path asks nothing.
 */
export function useAnswer<T>(path: string | null, parameters: Record<string, string>, tick: number): Answer<T> {
  const key = path === null ? "" : `${path}?${new URLSearchParams(parameters)}`;
  const [answer, setAnswer] = useState<Answer<T>>({ data: null, error: "", key: "" });
  const work = useRef({ key: "", busy: false, again: false, abort: new AbortController() });
  useEffect(() => {
    const now = work.current;
    if (now.key !== key) {
      now.abort.abort();
      work.current = { key, busy: false, again: false, abort: new AbortController() };
    }
    if (path === null) return;
    const mine = work.current;
    // One request at a time; what changed meanwhile is fetched after it.
    if (mine.busy) {
      mine.again = true;
      return;
    }
    const run = async () => {
      mine.busy = true;
      do {
        mine.again = false;
        try {
          const data = await get<T>(path, parameters, mine.abort.signal);
          if (mine === work.current) setAnswer({ data, error: "", key });
        } catch (error) {
          if (mine.abort.signal.aborted) return;
          const sentence = error instanceof Refused || error instanceof Gone ? error.message : String(error);
          if (mine === work.current) setAnswer((old) => ({ data: old.key === key ? old.data : null, error: sentence, key }));
        }
      } while (mine.again && mine === work.current);
      mine.busy = false;
    };
    void run();
  }, [key, tick]);
  useEffect(() => () => work.current.abort.abort(), []);
  return answer.key === key ? answer : { data: null, error: "", key };
}
