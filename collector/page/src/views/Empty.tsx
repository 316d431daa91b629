import { useState } from "preact/hooks";
import { Icon } from "../parts/Icon";

const origin = () => location.origin;

const WAYS: { name: string; intro: string; code: () => string }[] = [
  {
    name: "A tracer you have",
    intro: "Services with a Datadog tracer (Java, .NET, Python, Node.js, Go, Ruby) need two variables and nothing else:",
    code: () => `export DD_DATA_STREAMS_ENABLED=true\nexport DD_TRACE_AGENT_URL=${origin()}`,
  },
  {
    name: "Python",
    intro: "With no change to the program, for the clients of Kafka, RabbitMQ, SQS, NATS and others:",
    code: () => `DD_SERVICE=checkout DD_TRACE_AGENT_URL=${origin()} \\\n  python -m datastreams run app.py`,
  },
  {
    name: "Go",
    intro: "With the calls of data-streams-go, or an integration for your Kafka client:",
    code: () =>
      `// DD_TRACE_AGENT_URL=${origin()}\ndatastreams.Start(datastreams.WithService("checkout"))\ndefer datastreams.Stop()\n\n// a message is produced, and travels with this header\np, ctx := datastreams.SetCheckpoint(ctx, "direction:out", "topic:orders", "type:kafka")\nheader := p.EncodeStr()`,
  },
  {
    name: "C",
    intro: "One call for each message that is produced or consumed; datastreams_rdkafka.h does it for librdkafka:",
    code: () =>
      `/* DD_SERVICE=checkout DD_TRACE_AGENT_URL=${origin()} */\nds_config config = DS_CONFIG_INIT;\nds_str to[] = {DS_STR("direction:out"), DS_STR("topic:orders"), DS_STR("type:kafka")};\nds_client *client; ds_edge out; uint8_t header[DS_HEADER_MAX]; size_t len;\n\nds_client_new(&config, &client, NULL);\nds_edge_intern(client, to, 3, DS_STR(""), &out);\n\n/* a message is produced, and travels with this header */\nds_set_checkpoint(client, out, 512, NULL, 0, NULL, NULL, header, sizeof header, &len);`,
  },
];

/** Before the first message: how to send it. */
export function Empty() {
  const [at, choose] = useState(0);
  const [copied, setCopied] = useState(false);
  const way = WAYS[at] ?? WAYS[0]!;
  const code = way.code();
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (at + step + WAYS.length) % WAYS.length;
    choose(next);
    document.getElementById(`way-${next}`)?.focus();
  };
  return (
    <section class="empty" aria-labelledby="empty-title">
      <div class="pulse" aria-hidden="true">
        <svg viewBox="0 0 240 72">
          <path d="M30 36H92M148 36H210" />
          <rect x="6" y="22" width="42" height="28" rx="8" />
          <rect x="92" y="22" width="56" height="28" rx="14" />
          <rect x="192" y="22" width="42" height="28" rx="8" />
          <circle r="4" cx="0" cy="36" />
        </svg>
      </div>
      <h2 id="empty-title">Waiting for the first message</h2>
      <p>The collector is ready at {origin()}. As soon as a service reports, its pipeline appears here by itself; services report every ten seconds.</p>
      <div class="ways" role="tablist" aria-label="How to send the first message" onKeyDown={move}>
        {WAYS.map(({ name }, index) => (
          <button
            key={name}
            id={`way-${index}`}
            type="button"
            role="tab"
            aria-selected={index === at}
            aria-controls="way"
            tabIndex={index === at ? 0 : -1}
            onClick={() => (choose(index), setCopied(false))}
          >
            {name}
          </button>
        ))}
      </div>
      <div id="way" role="tabpanel" aria-labelledby={`way-${at}`} tabIndex={0}>
        <p>{way.intro}</p>
        <div class="code">
          <pre>
            <code>{code}</code>
          </pre>
          <button
            type="button"
            class="ghost"
            onClick={async () => {
              await navigator.clipboard?.writeText(code);
              setCopied(true);
            }}
          >
            <Icon name={copied ? "check" : "copy"} />
            {copied ? "Copied" : "Copy"}
          </button>
        </div>
      </div>
    </section>
  );
}
