import datadog.trace.api.Trace;
import datadog.trace.api.experimental.DataStreamsCheckpointer;
import datadog.trace.api.experimental.DataStreamsContextCarrier;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A service under the released dd-java-agent, driven by its standard input; see ../../tracers.py. */
public final class Service {
  private static final String KEY = "dd-pathway-ctx-base64";

  private static final class Carrier implements DataStreamsContextCarrier {
    private final Map<String, Object> values = new HashMap<>();

    @Override
    public Set<Map.Entry<String, Object>> entries() {
      return values.entrySet();
    }

    @Override
    public void set(String key, String value) {
      values.put(key, value);
    }
  }

  /** Passes one message on; the tracer takes checkpoints only within a span. */
  @Trace(operationName = "message")
  static String pass(String kind, String from, String to, String header) {
    DataStreamsCheckpointer checkpointer = DataStreamsCheckpointer.get();
    if (!from.equals("-")) {
      Carrier in = new Carrier();
      in.set(KEY, header);
      checkpointer.setConsumeCheckpoint(kind, from, in);
    }
    if (to.equals("-")) {
      return "";
    }
    Carrier out = new Carrier();
    checkpointer.setProduceCheckpoint(kind, to, out);
    return String.valueOf(out.values.get(KEY));
  }

  /** Sends and receives with an ordinary client, which only the tracer's agent has touched; how many were received. */
  static int overKafka(String brokers, String topic, String group, int count) throws Exception {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", brokers);
    settings.put("group.id", group);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", "false");
    StringSerializer out = new StringSerializer();
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, out, out)) {
      for (int i = 0; i < count; i++) {
        producer.send(new ProducerRecord<>(topic, 0, "key", "value")).get();
      }
    }
    int received = 0;
    StringDeserializer in = new StringDeserializer();
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, in, in)) {
      consumer.subscribe(List.of(topic));
      for (int polls = 0; received < count && polls < 60; polls++) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
          received += record.value().equals("value") ? 1 : 0;
        }
        consumer.commitSync();
      }
    }
    return received;
  }

  public static void main(String[] arguments) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("broker")) {
        System.out.println(overKafka(words[1], words[2], words[3], Integer.parseInt(words[4])));
        continue;
      }
      String[] headers = Arrays.copyOfRange(words, 3, words.length);
      if (words[1].equals("-")) {
        headers = new String[Integer.parseInt(words[3])];
      }
      System.out.println(
          Arrays.stream(headers)
              .map(header -> pass(words[0], words[1], words[2], header))
              .collect(Collectors.joining(" "))
              .trim());
    }
  }
}
