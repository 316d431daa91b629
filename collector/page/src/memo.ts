import { Component, type ComponentChild, type FunctionComponent } from "preact";

/** A component that is drawn again only when one of its properties is another: what is large passes simple values. */
export function memo<P extends object>(draw: (properties: P) => ComponentChild): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const old = this.props as P;
      return (Object.keys(next) as (keyof P)[]).some((key) => next[key] !== old[key]);
    }
    override render(properties: P): ComponentChild {
      return draw(properties);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
