/** One short tone when something turns bad, once a minute at most. Browsers want a key or click before any sound. */

const MINUTE = 60_000;
const LENGTH = 1.2;

export class Sound {
  /** @param {boolean} on */
  constructor(on) {
    this.on = on;
    this.last = -Infinity;
    this.context = null;
    this.played = 0;
  }

  /** Switch by a person's key: that is also what lets the browser play. */
  async toggle() {
    this.on = !(this.on && !this.blocked);
    if (!this.on) return;
    this.context ??= new AudioContext();
    await this.context.resume();
  }

  /** It should sound, and the browser does not let it. */
  get blocked() {
    return this.on && this.context?.state !== "running";
  }

  /** @param {number} at monotonic ms */
  bad(at) {
    if (!this.on || at - this.last < MINUTE) return;
    this.context ??= new AudioContext();
    if (this.context.state !== "running") return;
    this.last = at;
    this.played += 1;
    const start = this.context.currentTime;
    const volume = this.context.createGain();
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.25, start + 0.05);
    volume.gain.setValueAtTime(0.25, start + LENGTH - 0.3);
    volume.gain.linearRampToValueAtTime(0, start + LENGTH);
    volume.connect(this.context.destination);
    for (const [frequency, from] of [[523, 0], [392, LENGTH / 2]]) {
      const tone = new OscillatorNode(this.context, { type: "sine", frequency });
      tone.connect(volume);
      tone.start(start + from);
      tone.stop(start + Math.min(LENGTH, from + LENGTH / 2));
    }
  }
}
