// Light or dark: as the system has it, or as the reader chose; the choice is kept on this machine alone.

export type Theme = "light" | "dark";
const KEY = "datastreams-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : null;
  } catch {
    return null; // storage may be off
  }
}

export function theme(): Theme {
  return chosen() ?? (system.matches ? "dark" : "light");
}

export function apply(): void {
  document.documentElement.dataset.theme = theme();
}

export function choose(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is loaded anew.
  }
  document.documentElement.dataset.theme = theme;
}

/** Calls back when the system changes; answers how to stop that. */
export function follow(changed: () => void): () => void {
  const listener = () => {
    apply();
    changed();
  };
  system.addEventListener("change", listener);
  return () => system.removeEventListener("change", listener);
}
