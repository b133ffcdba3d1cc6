package floorwalker.bench;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;

/** A block cache and write buffers that hold the whole state. */
public final class RocksDb implements RocksDBConfigSetter {

  private final Cache cache = new LRUCache(256L * 1024 * 1024);

  @Override
  public void setConfig(String store, Options options, Map<String, Object> configs) {
    BlockBasedTableConfig tables = (BlockBasedTableConfig) options.tableFormatConfig();
    tables.setBlockCache(cache);
    options.setTableFormatConfig(tables);
    options.setWriteBufferSize(64L * 1024 * 1024);
    options.setMaxWriteBufferNumber(4);
  }

  @Override
  public void close(String store, Options options) {
    cache.close();
  }
}
