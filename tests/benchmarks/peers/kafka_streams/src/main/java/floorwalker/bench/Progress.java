package floorwalker.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;

/** The clock of one run: from its first event until it is told that enough is done. */
final class Progress {

  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private final CountDownLatch begun = new CountDownLatch(1);
  private volatile boolean over;
  private boolean first = true;
  private volatile long wall;
  private volatile long cpu;

  /** Called for every event by the stream thread; returns whether the job goes on. */
  boolean taken() {
    if (first) {
      first = false;
      wall = System.nanoTime();
      cpu = SYSTEM.getProcessCpuTime();
      begun.countDown();
    }
    return !over;
  }

  void awaitBegin() throws InterruptedException {
    begun.await();
  }

  /** Count nothing more: what comes from here on is none of the job's. */
  void end() {
    over = true;
  }

  double seconds() {
    return (System.nanoTime() - wall) / 1e9;
  }

  /** CPU time of the whole process with all of its threads. */
  double cpuSeconds() {
    return (SYSTEM.getProcessCpuTime() - cpu) / 1e9;
  }
}
