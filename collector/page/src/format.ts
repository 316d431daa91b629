// How numbers are said: short, three digits that count, the unit beside them.

const DASH = "–";

/** Three significant digits, without trailing zeros that say nothing. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** Seconds, as "6.75 ms" or "2 h 05 min". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return DASH;
  if (seconds === 0) return "0 ms";
  if (seconds < 0.9995e-3) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 59.95) return `${digits(seconds)} s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor((whole % 86400) / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  const [large, small] = [parts[first], parts[first + 1]];
  if (!large) return DASH;
  const rest = small && small[0] > 0 ? ` ${small[0]} ${small[1]}` : "";
  return `${large[0]} ${large[1]}${rest}`;
}

/** Messages per second, as "9.88/s". */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond < 0.01) return "<0.01/s";
  return `${perSecond < 1000 ? digits(perSecond) : count(perSecond)}/s`;
}

/** A count, as "12.3k". */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const size = Math.abs(value);
  if (size < 10_000) return String(Math.round(value));
  for (const [unit, name] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (size >= unit) return `${digits(value / unit)}${name}`;
  }
  return String(value);
}

/** A count in full, its thousands apart. */
export function whole(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Bytes, as "1.25 KiB". */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  let size = value;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (Math.abs(size) < 1023.5 || unit === "GiB") {
      return `${unit === "B" && Number.isInteger(size) ? size : digits(size)} ${unit}`;
    }
    size /= 1024;
  }
  return DASH;
}

/** The time of day; the date too when it is another day. */
export function clock(ms: number, now: number = Date.now()): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  if (new Date(now).toDateString() === date.toDateString()) return time;
  return `${date.toLocaleDateString([], { month: "short", day: "numeric" })} ${time}`;
}

/** A counter's name in words: `edge_messages` is "edge messages". */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
