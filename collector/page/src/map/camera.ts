// Zoom and pan: with mouse, wheel, fingers and keys. It moves one element and draws nothing anew.

/** The part of the drawing that can be seen and read, and some around it; null: labels cannot be read from so far. */
export type Sight = { left: number; right: number; top: number; bottom: number } | null;

export function inside(sight: NonNullable<Sight>, { x, y }: { x: number; y: number }): boolean {
  return x > sight.left && x < sight.right && y > sight.top && y < sight.bottom;
}

export type Frame = { x: number; y: number; k: number };
type Size = { width: number; height: number };

export const LEAST = 0.04;
export const MOST = 3;
/** Below it labels cannot be read, and are not drawn. */
export const FAR = 0.42;
const EDGE = 12;
const SETTLE_MS = 120;

/** The whole drawing in the middle of the view; small ones are not blown up. */
export function fitting(drawing: Size, view: Size): Frame {
  const k = clamp(Math.min((view.width - 2 * EDGE) / drawing.width, (view.height - 2 * EDGE) / drawing.height, 1.15));
  return { x: (view.width - drawing.width * k) / 2, y: (view.height - drawing.height * k) / 2, k };
}

/** Zoomed by a factor; the point under x, y stays where it is. */
export function zoomed(frame: Frame, factor: number, x: number, y: number): Frame {
  const k = clamp(frame.k * factor);
  return { k, x: x - (x - frame.x) * (k / frame.k), y: y - (y - frame.y) * (k / frame.k) };
}

function clamp(k: number): number {
  return Math.min(MOST, Math.max(LEAST, k));
}

export class Camera {
  frame: Frame = { x: 0, y: 0, k: 1 };
  /** Whether the reader moved it: then it stays when the map grows. */
  moved = false;
  private drawing: Size = { width: 0, height: 0 };
  private asked = 0;
  private settling = 0;
  private pointers = new Map<number, { x: number; y: number }>();
  private travelled = 0;
  private observer: ResizeObserver;

  constructor(
    private svg: SVGSVGElement,
    private scene: SVGGElement,
    private grid: SVGPatternElement | null,
    private seen: (sight: Sight) => void,
  ) {
    svg.addEventListener("wheel", this.wheel, { passive: false });
    svg.addEventListener("pointerdown", this.down);
    svg.addEventListener("pointermove", this.move);
    svg.addEventListener("pointerup", this.up);
    svg.addEventListener("pointercancel", this.up);
    svg.addEventListener("click", this.click, { capture: true });
    this.observer = new ResizeObserver(() => {
      if (!this.moved) this.fit();
    });
    this.observer.observe(svg);
  }

  stop(): void {
    this.observer.disconnect();
    cancelAnimationFrame(this.asked);
    clearTimeout(this.settling);
  }

  /** The drawing has another size. */
  draw(size: Size): void {
    this.drawing = size;
    if (!this.moved) this.fit();
  }

  fit(): void {
    const view = this.view();
    if (!this.drawing.width || !view.width) return;
    this.moved = false;
    this.show(fitting(this.drawing, view));
  }

  zoom(factor: number): void {
    const { width, height } = this.view();
    this.moved = true;
    this.show(zoomed(this.frame, factor, width / 2, height / 2));
  }

  pan(x: number, y: number): void {
    this.moved = true;
    this.show({ ...this.frame, x: this.frame.x + x, y: this.frame.y + y });
  }

  /** Moves so that a place of the drawing is well inside the view, and near enough to read. */
  reveal(x: number, y: number, hidden = 0): void {
    const { width, height } = this.view();
    const { frame } = this;
    const k = Math.max(frame.k, 0.6);
    const [left, top] = [frame.x + x * frame.k, frame.y + y * frame.k];
    const inside = left > 90 && left < width - hidden - 90 && top > 50 && top < height - 50;
    if (inside && k === frame.k) return;
    this.moved = true;
    this.show({ k, x: (width - hidden) / 2 - x * k, y: height / 2 - y * k });
  }

  private view(): Size {
    return { width: this.svg.clientWidth, height: this.svg.clientHeight };
  }

  private show(frame: Frame): void {
    this.frame = frame;
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => {
      const { x, y, k } = this.frame;
      const text = `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${k.toFixed(4)})`;
      this.scene.setAttribute("transform", text);
      this.grid?.setAttribute("patternTransform", text);
      this.svg.classList.toggle("far", k < FAR);
    });
    clearTimeout(this.settling);
    this.settling = window.setTimeout(this.settle, SETTLE_MS);
  }

  /** Says what is in sight, once nothing moves any more. */
  private settle = () => {
    const { x, y, k } = this.frame;
    if (k < FAR) return this.seen(null);
    const { width, height } = this.view();
    const [left, top, right, bottom] = [-x / k, -y / k, (width - x) / k, (height - y) / k];
    const [aside, above] = [(right - left) / 2, (bottom - top) / 2];
    this.seen({ left: left - aside, right: right + aside, top: top - above, bottom: bottom + above });
  };

  private wheel = (event: WheelEvent) => {
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    if (event.shiftKey && !event.ctrlKey) return this.pan(-event.deltaY, 0);
    const lines = event.deltaMode === 1 ? 16 : 1;
    const factor = Math.exp((-event.deltaY * lines * (event.ctrlKey ? 4 : 1)) / 500);
    this.moved = true;
    this.show(zoomed(this.frame, Math.min(2, Math.max(0.5, factor)), event.clientX - box.left, event.clientY - box.top));
  };

  private down = (event: PointerEvent) => {
    if (event.button > 0) return;
    if (!this.pointers.size) this.travelled = 0;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };

  private move = (event: PointerEvent) => {
    const old = this.pointers.get(event.pointerId);
    if (!old) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, now);
    this.travelled += Math.hypot(now.x - old.x, now.y - old.y);
    // A click that trembles is no drag.
    if (this.travelled < 5) return;
    if (!this.svg.hasPointerCapture(event.pointerId)) this.svg.setPointerCapture(event.pointerId);
    this.svg.classList.add("dragging");
    const other = others[0]?.[1];
    if (!other) return this.pan(now.x - old.x, now.y - old.y);
    const box = this.svg.getBoundingClientRect();
    const apart = (a: { x: number; y: number }) => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y));
    const [x, y] = [(now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top];
    const moved = { ...this.frame, x: this.frame.x + (now.x - old.x) / 2, y: this.frame.y + (now.y - old.y) / 2 };
    this.moved = true;
    this.show(zoomed(moved, apart(now) / apart(old), x, y));
  };

  private up = (event: PointerEvent) => {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.svg.classList.remove("dragging");
  };

  /** The click at the end of a drag is none. */
  private click = (event: MouseEvent) => {
    if (this.travelled < 5) return;
    this.travelled = 0;
    event.stopPropagation();
    event.preventDefault();
  };
}
