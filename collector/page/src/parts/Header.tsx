import { useEffect, useState } from "preact/hooks";
import type { Address, Thresholds, View } from "../address";
import { THRESHOLDS, write } from "../address";
import type { Go } from "../App";
import { SEVERE } from "../health";
import type { Link } from "../live";
import { choose, follow, theme } from "../theme";
import { Icon } from "./Icon";

const TABS: [View, string][] = [
  ["map", "Map"],
  ["pathways", "Pathways"],
  ["lag", "Lag"],
];

export function Header({ address, go, link, version }: { address: Address; go: Go; link: Link; version: string }) {
  return (
    <header class="top">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the content
      </a>
      <div class="brand">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect class="mark" width="32" height="32" rx="9" />
          <path class="mark-line" d="M7 11c6 0 6 5 9 5s3 5 9 5" />
          <path class="mark-line faint" d="M16 16c3 0 3-5 9-5" />
          <circle class="mark-dot" cx="7" cy="11" r="2.7" />
        </svg>
        <h1 title={version && `datastreams ${version}`}>datastreams</h1>
      </div>
      <nav class="tabs" aria-label="Views">
        {TABS.map(([view, name]) => (
          <a
            key={view}
            href={write({ ...address, view, selection: null })}
            aria-current={address.view === view ? "page" : undefined}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              go({ view, selection: null });
            }}
          >
            <Icon name={view} />
            <span>{name}</span>
          </a>
        ))}
      </nav>
      <div class="end">
        <State link={link} past={address.range !== "all" && "from" in address.range} />
        <Limits thresholds={address.thresholds} go={go} />
        <ThemeSwitch />
      </div>
    </header>
  );
}

function State({ link, past }: { link: Link; past: boolean }) {
  const text = { connecting: "Connecting", live: past ? "Past" : "Live", gone: "Gone" }[link.state];
  return (
    <span class={`state ${link.state}${past ? " past" : ""}`} title={link.state === "live" ? "Connected to the collector" : ""}>
      <i />
      {text}
    </span>
  );
}

function ThemeSwitch() {
  const [now, setNow] = useState(theme());
  useEffect(() => follow(() => setNow(theme())), []);
  const other = now === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      class="ghost square"
      aria-label={`Use ${other} colours`}
      title={`Use ${other} colours`}
      onClick={() => {
        choose(other);
        setNow(other);
        dispatchEvent(new Event("themechange"));
      }}
    >
      <Icon name={now === "dark" ? "sun" : "moon"} size={18} />
    </button>
  );
}

const FIELDS: [keyof Thresholds, string, string, number][] = [
  ["slow", "Slow: p95 of an edge", "seconds", 0.1],
  ["lag", "Lag: behind by", "messages", 1],
  ["late", "Late: behind by", "seconds", 1],
];

function Limits({ thresholds, go }: { thresholds: Thresholds; go: Go }) {
  return (
    <details class="menu">
      <summary class="ghost square" aria-label="Thresholds" title="Thresholds: what stands out">
        <Icon name="sliders" size={18} />
      </summary>
      <form class="sheet" onSubmit={(event) => event.preventDefault()}>
        <h2>What stands out</h2>
        {FIELDS.map(([name, label, unit, step]) => (
          <label key={name}>
            <span>{label}</span>
            <span class="with-unit">
              <input
                type="number"
                name={name}
                min="0"
                step="any"
                data-step={step}
                value={thresholds[name]}
                onChange={(event) => {
                  const value = Number(event.currentTarget.value);
                  go({ thresholds: { ...thresholds, [name]: value > 0 ? value : THRESHOLDS[name] } }, true);
                }}
              />
              {unit}
            </span>
          </label>
        ))}
        <p>
          <b class="dot warn" /> from these on, <b class="dot bad" /> from {SEVERE} times as much on. They are kept in the address.
        </p>
      </form>
    </details>
  );
}
