/** What a screen on a wall needs: no cursor, no sleep, a fresh page each night. */

import { clockTime } from "./format.js";

const IDLE = 5_000;
const RELOAD_AT = "04:00";
const AT_LEAST_UP = 3_600_000;

/** Hide the cursor 5 s after it last moved. */
export function hideWhenIdle(body = document.body) {
  let timer = null;
  const moved = () => {
    body.classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(() => body.classList.add("idle"), IDLE);
  };
  for (const event of ["pointermove", "pointerdown", "keydown"]) addEventListener(event, moved, { passive: true });
  moved();
}

/** Keep the screen awake, again each time that the page becomes visible. Not every browser can; none has to. */
export function stayAwake() {
  const ask = () => {
    if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}

/** Whether it is the minute of the night's reload, in the board's zone. Pure. */
export function nightlyReload(now, zone, upFor) {
  return now !== null && upFor > AT_LEAST_UP && clockTime(now, zone) === RELOAD_AT;
}
