// The real collector, started on a free port, and what is sent to it.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const binary = process.env.PAGE_COLLECTOR ?? path.join(root, "build/bin/datastreams");
const library = process.env.PAGE_LIBRARY ?? path.join(root, "build/lib/libdatastreams.so");
const run = promisify(execFile);

export class Collector {
  private constructor(
    readonly url: string,
    private process: ChildProcess,
  ) {}

  static async start(port = 0): Promise<Collector> {
    const child = spawn(binary, ["collect", "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout! });
    const url = await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`the collector ended with ${code}`)));
      lines.on("line", (line) => {
        const found = /(http:\/\/[\d.:]+)/.exec(line);
        if (found) resolve(found[1]!);
      });
    });
    return new Collector(url, child);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Sends what test/feed.py makes. */
  async feed(...what: string[]): Promise<void> {
    await run("python3", [path.join(root, "collector/page/test/feed.py"), library, this.url, ...what]);
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.removeAllListeners("error");
    this.process.kill("SIGKILL");
    await ended;
  }
}
