package floorwalker.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Map;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/** One event, decoded whole, as every contestant does. */
record Event(
    String id,
    String type,
    String time,
    String contact,
    String customer,
    String channel,
    String queue,
    String agent,
    long waited,
    String note) {

  private static final JsonFactory JSON = new JsonFactory();

  /** Key of its minute and queue. */
  String pane() {
    return time.substring(0, 16) + "|" + queue;
  }

  /** Jackson's streaming parser by hand: no tree, no reflection. */
  static final class Decoder implements Deserializer<Event> {
    @Override
    public Event deserialize(String topic, byte[] bytes) {
      String id = null, type = null, time = null, contact = null, customer = null;
      String channel = null, queue = null, agent = null, note = null;
      long waited = 0;
      try (JsonParser parser = JSON.createParser(bytes)) {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
          throw new SerializationException("not an object");
        }
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
          switch (name) {
            case "id" -> id = parser.nextTextValue();
            case "type" -> type = parser.nextTextValue();
            case "time" -> time = parser.nextTextValue();
            case "contact" -> contact = parser.nextTextValue();
            case "customer" -> customer = parser.nextTextValue();
            case "channel" -> channel = parser.nextTextValue();
            case "queue" -> queue = parser.nextTextValue();
            case "agent" -> agent = parser.nextTextValue();
            case "waited" -> waited = parser.nextLongValue(0);
            case "note" -> note = parser.nextTextValue();
            default -> {
              parser.nextToken();
              parser.skipChildren();
            }
          }
        }
      } catch (IOException error) {
        throw new SerializationException(error);
      }
      return new Event(id, type, time, contact, customer, channel, queue, agent, waited, note);
    }

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {}
  }
}
