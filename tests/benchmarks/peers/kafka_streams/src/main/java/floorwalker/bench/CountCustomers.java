package floorwalker.bench;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Counts events by customer, and by minute and queue; publishes what changed of the latter every 100 ms. */
final class CountCustomers implements Processor<String, Event, String, String> {

  static final String CUSTOMERS = "customers";
  static final String PANES = "panes";

  private final Progress progress;
  private final Set<String> changed = new HashSet<>();
  private ProcessorContext<String, String> context;
  private KeyValueStore<String, Customer> customers;
  private KeyValueStore<String, Long> panes;

  CountCustomers(Progress progress) {
    this.progress = progress;
  }

  @Override
  public void init(ProcessorContext<String, String> context) {
    this.context = context;
    customers = context.getStateStore(CUSTOMERS);
    panes = context.getStateStore(PANES);
    // What was committed without having been published leaves now.
    try (KeyValueIterator<String, Long> known = panes.all()) {
      known.forEachRemaining(pane -> changed.add(pane.key));
    }
    context.schedule(Duration.ofMillis(CustomersJob.COMMIT_MS), PunctuationType.WALL_CLOCK_TIME, this::publish);
  }

  @Override
  public void process(Record<String, Event> record) {
    if (!progress.taken()) {
      return;
    }
    Event event = record.value();
    Customer known = customers.get(event.customer());
    String last = known == null || event.time().compareTo(known.last()) > 0 ? event.time() : known.last();
    customers.put(event.customer(), new Customer(known == null ? 1 : known.n() + 1, last));
    String pane = event.pane();
    Long n = panes.get(pane);
    panes.put(pane, n == null ? 1 : n + 1);
    changed.add(pane);
  }

  private void publish(long now) {
    for (String pane : changed) {
      int bar = pane.indexOf('|');
      String count =
          "{\"minute\":\"%s\",\"queue\":\"%s\",\"n\":%d}"
              .formatted(pane.substring(0, bar), pane.substring(bar + 1), panes.get(pane));
      context.forward(new Record<>(pane, count, now));
    }
    changed.clear();
  }
}
