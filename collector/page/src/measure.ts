// How wide text is, and text that fits.

const FONT = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const widths = new Map<string, number>();
/** One for each font: to change the font costs more than to measure. */
const contexts = new Map<string, CanvasRenderingContext2D | null>();
/** Of the characters of ASCII by font, as far as they were met. */
const advances = new Map<string, Float64Array>();

/** The width of a text in px, at a size and weight. */
export function width(text: string, size: number, weight: number): number {
  return sum(text, size, weight) ?? whole(text, size, weight);
}

/**
 * The sum over a text's characters, a little more than the text, of which some come closer to each other; undefined: they
 * are not all of ASCII, and may be joined or turned. To measure hundreds of texts as a whole would be a fifth of the time
 * that a large map takes to be laid out.
 */
function sum(text: string, size: number, weight: number): number | undefined {
  const font = `${size} ${weight}`;
  let known = advances.get(font);
  if (!known) advances.set(font, (known = new Float64Array(128).fill(-1)));
  let total = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 126 || code < 32) return undefined;
    if (known[code]! < 0) known[code] = whole(text[at]!, size, weight);
    total += known[code]!;
  }
  return total;
}

function whole(text: string, size: number, weight: number): number {
  const key = `${size} ${weight} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  const measured = context(size, weight)?.measureText(text).width ?? text.length * size * 0.56;
  // Labels change with each bucket: what they were is not kept for ever.
  if (widths.size > 5000) widths.clear();
  widths.set(key, measured);
  return measured;
}

function context(size: number, weight: number): CanvasRenderingContext2D | null {
  const font = `${weight} ${size}px ${FONT}`;
  let made = contexts.get(font);
  if (made === undefined) {
    made = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
    if (made) made.font = font;
    contexts.set(font, made);
  }
  return made;
}

/** The text, its middle left out when it is too wide: names often differ at their ends. */
export function fit(text: string, room: number, size: number, weight: number): string {
  if (width(text, size, weight) <= room) return text;
  const short = (keep: number) => {
    const head = Math.ceil(keep * 0.6);
    return `${text.slice(0, head)}…${text.slice(text.length - (keep - head))}`;
  };
  // Names come from others, and may be as long as a book: one measure for each character would stop the page.
  let [fits, most] = [2, text.length - 1];
  while (fits < most) {
    const keep = Math.ceil((fits + most) / 2);
    if (width(short(keep), size, weight) <= room) fits = keep;
    else most = keep - 1;
  }
  return fits > 2 ? short(fits) : "…";
}
