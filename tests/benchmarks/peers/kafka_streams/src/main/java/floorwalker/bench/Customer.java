package floorwalker.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** State by customer: how many events, and the time of the last. Stored as eight bytes and the time's letters. */
record Customer(long n, String last) {

  static final Serde<Customer> SERDE =
      Serdes.serdeFrom((topic, customer) -> bytes(customer), (topic, bytes) -> of(bytes));

  private static byte[] bytes(Customer customer) {
    if (customer == null) {
      return null;
    }
    byte[] last = customer.last.getBytes(StandardCharsets.ISO_8859_1);
    byte[] bytes = new byte[8 + last.length];
    ByteBuffer.wrap(bytes).putLong(customer.n).put(last);
    return bytes;
  }

  private static Customer of(byte[] bytes) {
    if (bytes == null) {
      return null;
    }
    String last = new String(bytes, 8, bytes.length - 8, StandardCharsets.ISO_8859_1);
    return new Customer(ByteBuffer.wrap(bytes).getLong(), last);
  }
}
