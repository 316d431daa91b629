import { useMemo } from "preact/hooks";
import type { Address, Range } from "../address";
import type { Graph } from "../api";
import type { Go } from "../App";
import { choices, NO_ENV } from "../filter";
import { clock } from "../format";
import { Icon } from "./Icon";

const RANGES: [string, string][] = [
  ["300", "Last 5 minutes"],
  ["900", "Last 15 minutes"],
  ["3600", "Last hour"],
  ["21600", "Last 6 hours"],
  ["86400", "Last day"],
  ["604800", "Last week"],
  ["all", "All that is kept"],
];

function rangeValue(range: Range): string {
  if (range === "all") return "all";
  return "last" in range ? String(range.last) : "past";
}

export function Toolbar({ address, go, graph }: { address: Address; go: Go; graph: Graph | null }) {
  const { envs, services, types } = useMemo(() => (graph ? choices(graph) : { envs: [], services: [], types: [] }), [graph]);
  const value = rangeValue(address.range);
  const past = address.range !== "all" && "from" in address.range ? address.range : null;
  const filtered = address.env || address.service || address.type || address.search;
  return (
    <div class="toolbar" role="search" aria-label="Search, filters and time">
      <label class="search">
        <Icon name="search" />
        <input
          id="search"
          aria-label="Search"
          type="search"
          placeholder="Search services, queues, tags"
          autocomplete="off"
          spellcheck={false}
          value={address.search}
          onInput={(event) => go({ search: event.currentTarget.value }, true)}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <div class="filters">
        <Choice label="Environment" every="All environments" value={address.env} options={envs} pick={(env) => go({ env })} />
        <Choice label="Service" every="All services" value={address.service} options={services} pick={(service) => go({ service })} />
        <Choice label="Type" every="All types" value={address.type} options={types} pick={(type) => go({ type })} />
        {filtered && (
          <button type="button" class="ghost" onClick={() => go({ env: "", service: "", type: "", search: "" })}>
            Clear
          </button>
        )}
      </div>
      <div class="when">
        <label class={`choice time${past ? " set" : ""}`}>
          <span class="sr">Time range</span>
          <Icon name="clock" />
          <select
            id="range"
            value={value}
            onChange={(event) => {
              const picked = event.currentTarget.value;
              if (picked !== "past") go({ range: picked === "all" ? "all" : { last: Number(picked) } });
            }}
          >
            {past && <option value="past">{`${clock(past.from)} – ${clock(past.to)}`}</option>}
            {!past && !RANGES.some(([known]) => known === value) && <option value={value}>{`Last ${value} s`}</option>}
            {RANGES.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="plain"
          aria-pressed={address.measuring}
          onClick={() => go(address.measuring ? { measuring: false, start: "", end: "" } : { measuring: true })}
        >
          <Icon name="ruler" />
          Measure
        </button>
      </div>
    </div>
  );
}

type ChoiceProps = { label: string; every: string; value: string; options: string[]; pick: (value: string) => void };

function Choice({ label, every, value, options, pick }: ChoiceProps) {
  // A value from a link stays choosable before anybody reported it.
  const all = value && !options.includes(value) ? [value, ...options] : options;
  return (
    <label class={`choice${value ? " set" : ""}`}>
      <span class="sr">{label}</span>
      <select id={`filter-${label.toLowerCase()}`} value={value} onChange={(event) => pick(event.currentTarget.value)}>
        <option value="">{every}</option>
        {all.map((option) => (
          <option key={option} value={option}>
            {option === NO_ENV ? "No environment" : option}
          </option>
        ))}
      </select>
    </label>
  );
}
