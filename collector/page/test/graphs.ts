// Graphs to lay out: the shape of a company's pipelines, the same on each run.

export type Shape = { nodes: { id: string; width: number; height: number }[]; edges: { id: string; from: string; to: string }[] };

/** Half services, half queues, six stages deep, in domains of 40 nodes that are joined here and there; some retry. */
export function company(count: number, seed = 7): Shape {
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const services = Math.floor(count / 2);
  const stage = Array.from({ length: services }, () => Math.floor(random() * 6));
  const domains = Math.max(1, Math.floor(count / 40));
  const domain = Array.from({ length: services }, () => Math.floor(random() * domains));
  const pick = (wanted: (service: number) => boolean): number => {
    for (let tries = 0; tries < 200; tries++) {
      const service = Math.floor(random() * services);
      if (wanted(service)) return service;
    }
    return Math.floor(random() * services);
  };
  const nodes = Array.from({ length: count }, (_, at) => ({
    id: at < services ? `s${at}` : `q${at - services}`,
    width: 160,
    height: 44,
  }));
  const edges: Shape["edges"] = [];
  const edge = (from: string, to: string) => edges.push({ id: `e${edges.length}`, from, to });
  for (let queue = 0; queue < count - services; queue++) {
    const producer = pick((service) => stage[service]! < 5);
    edge(`s${producer}`, `q${queue}`);
    const near = (service: number) => domain[service] === domain[producer];
    if (random() < 0.1) edge(`s${pick((service) => near(service) && stage[service] === stage[producer])}`, `q${queue}`);
    for (let left = 1 + Math.floor(random() * random() * 3); left > 0; left--) {
      const inside = random() < 0.93;
      edge(`q${queue}`, `s${pick((service) => stage[service] === stage[producer]! + 1 && (!inside || near(service)))}`);
    }
    if (random() < 0.04) edge(`q${queue}`, `s${producer}`);
  }
  return { nodes, edges };
}
