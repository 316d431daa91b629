import type { Thresholds } from "../address";
import type { GroupLag } from "../api";
import { count, duration, whole } from "../format";
import { lagging } from "../health";

/** The partitions of a group, the one furthest behind first. */
export function Partitions({ group, thresholds }: { group: GroupLag; thresholds: Thresholds }) {
  const sorted = [...group.partitions].sort(
    (a, b) => (b.messages ?? -1) - (a.messages ?? -1) || a.partition.localeCompare(b.partition, undefined, { numeric: true }),
  );
  return (
    <table class="partitions">
      <caption>{sorted.length < group.partition_count ? `Partitions: the ${whole(sorted.length)} furthest behind` : "Partitions"}</caption>
      <thead>
        <tr>
          <th scope="col">Partition</th>
          <th scope="col">Committed</th>
          <th scope="col">End</th>
          <th scope="col">Behind</th>
          <th scope="col">Time</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map((partition) => (
          <tr key={partition.partition} class={`level-${lagging({ ...partition, partitions: 1, group: group.group }, thresholds)}`}>
            <th scope="row">{partition.partition}</th>
            <td>{whole(partition.committed)}</td>
            <td>{whole(partition.end)}</td>
            <td>{count(partition.messages)}</td>
            <td>{duration(partition.seconds)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
