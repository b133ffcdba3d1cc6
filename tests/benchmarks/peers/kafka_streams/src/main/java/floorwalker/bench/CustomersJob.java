package floorwalker.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The customers job in Kafka Streams: one thread, exactly_once_v2, a commit every 100 ms.
 *
 * <p>The same topology first runs over the first part of the same topic under another application id, so that what is
 * measured is compiled code.
 */
public final class CustomersJob {

  static final int COMMIT_MS = 100;

  private static final String INPUT = "customer-events";
  private static final String OUTPUT = "queue-counts";
  private static final String STAGE = "customers-job";
  private static final long POLL_MS = 100;
  private static final long SETTLE_MS = 1000;

  private final Map<String, String> told;
  private final String namespace;

  private CustomersJob(Map<String, String> told) {
    this.told = told;
    this.namespace = told.get("namespace");
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> told = new HashMap<>();
    told.put("warm-events", "750000");
    told.put("warm-seconds", "45");
    told.put("cached", "panes");
    for (String argument : arguments) {
      String[] parts = argument.substring(2).split("=", 2);
      told.put(parts[0], parts[1]);
    }
    new CustomersJob(told).run();
  }

  private void run() throws Exception {
    Path folder = Files.createTempDirectory("customers-job-");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", told.get("bootstrap")))) {
      String warmOutput = namespace + ".warm-counts";
      admin.createTopics(List.of(new NewTopic(warmOutput, 1, (short) 1))).all().get();
      long end = Long.parseLong(told.get("end"));
      long warmEnd = Math.min(end, Long.parseLong(told.get("warm-events")));
      run(admin, folder, STAGE + "-warm", warmOutput, warmEnd, Double.parseDouble(told.get("warm-seconds")));
      System.gc();
      String output = namespace + "." + OUTPUT;
      String result = run(admin, folder, STAGE, output, end, Double.parseDouble(told.get("seconds")));
      Files.writeString(Path.of(told.get("result")), result);
    }
    // Non-daemon threads of a client that is slow to close must not hold the process.
    System.exit(0);
  }

  private String run(Admin admin, Path folder, String name, String output, long end, double limit)
      throws Exception {
    String group = namespace + "." + name;
    TopicPartition source = new TopicPartition(namespace + "." + INPUT, 0);
    Progress progress = new Progress();
    try (KafkaStreams streams = new KafkaStreams(topology(progress, output), settings(group, folder))) {
      streams.setUncaughtExceptionHandler(
          error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(3);
            return null;
          });
      streams.start();
      progress.awaitBegin();
      while (true) {
        OffsetAndMetadata committed =
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(source);
        long events = committed == null ? 0 : committed.offset();
        if (events >= end || progress.seconds() >= limit) {
          double seconds = progress.seconds();
          double cpuSeconds = progress.cpuSeconds();
          progress.end();
          // The last counts are published by the next punctuation and committed after it.
          Thread.sleep(SETTLE_MS);
          streams.close(Duration.ofSeconds(30));
          return String.format(
              Locale.ROOT, "{\"events\":%d,\"seconds\":%f,\"cpu_seconds\":%f}", events, seconds, cpuSeconds);
        }
        Thread.sleep(POLL_MS);
      }
    }
  }

  private Topology topology(Progress progress, String output) {
    boolean rocksdb = "rocksdb".equals(told.get("store"));
    String cached = told.get("cached");
    KeyValueBytesStoreSupplier ofCustomers = supplier(rocksdb, CountCustomers.CUSTOMERS);
    KeyValueBytesStoreSupplier ofPanes = supplier(rocksdb, CountCustomers.PANES);
    StoreBuilder<?> customers =
        builder(Stores.keyValueStoreBuilder(ofCustomers, Serdes.String(), Customer.SERDE), cached.equals("all"));
    StoreBuilder<?> panes =
        builder(Stores.keyValueStoreBuilder(ofPanes, Serdes.String(), Serdes.Long()), !cached.equals("none"));
    return new Topology()
        .addSource("events", new StringDeserializer(), new Event.Decoder(), namespace + "." + INPUT)
        .addProcessor("count", () -> new CountCustomers(progress), "events")
        .addStateStore(customers, "count")
        .addStateStore(panes, "count")
        .addSink("counts", output, new StringSerializer(), new StringSerializer(), "count");
  }

  private static KeyValueBytesStoreSupplier supplier(boolean rocksdb, String name) {
    return rocksdb ? Stores.persistentKeyValueStore(name) : Stores.inMemoryKeyValueStore(name);
  }

  private static StoreBuilder<?> builder(StoreBuilder<?> builder, boolean cached) {
    return cached ? builder.withLoggingEnabled(Map.of()).withCachingEnabled() : builder.withLoggingEnabled(Map.of());
  }

  private Properties settings(String group, Path folder) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, told.get("bootstrap"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, folder.resolve(UUID.randomUUID().toString()).toString());
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_MS);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L * 1024 * 1024);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 * 1024 * 1024);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), COMMIT_MS);
    if ("rocksdb".equals(told.get("store"))) {
      settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksDb.class);
    }
    return settings;
  }
}
