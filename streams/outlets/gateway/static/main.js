/** Wires the page: what the stream says goes to the board, what changed is painted. */

import { AlertDialog } from "./alert_dialog.js";
import { Board } from "./board.js";
import { ServerClock } from "./clock.js";
import { Details, Help } from "./details.js";
import { Grid } from "./grid.js";
import { Header } from "./header.js";
import { listen } from "./keys.js";
import { News } from "./news.js";
import { options as read } from "./options.js";
import { SignIn } from "./sign_in.js";
import { Sound } from "./sound.js";
import { initial, next, view } from "./state.js";
import { Stream } from "./stream.js";
import { Strip } from "./strip.js";
import { hideWhenIdle, nightlyReload, stayAwake } from "./tv.js";
import { words as wordsOf } from "./words.js";

const part = (id) => document.getElementById(id);
const options = read(location.search);
const words = wordsOf(options.lang);
const clock = new ServerClock();
const board = new Board();
const sound = new Sound(options.sound);
const header = new Header(part);
const news = new News(part("news"), words);
let state = initial(performance.now());
let shown = view(state, performance.now());
let lastHeard = null;
let turned = performance.now();
let wanted = options.alert;
let held = null; // ids of tiles that changed while paused

const context = () => ({
  words,
  zone: board.about.timezone,
  now: clock.now(),
  ticking: shown.ticking,
  fresh: shown.fresh,
  withheld: shown.withheld,
  asOf: board.watermark,
  known: board.pages.length > 0,
  empty: board.empty,
});

const grid = new Grid({ tiles: part("tiles"), nav: part("pages") }, board, options, context);
const details = new Details(part("details"), words);
const help = new Help(part("help"), words);
const alert = new AlertDialog(part("alert"), board, context);
const strip = new Strip(part("strip"), (problem) => alert.of(problem.id, problem));
const stream = new Stream(options.board, { event, cut: () => step({ type: "cut" }), refused }, () => state.limits.lost_after_ms);
const signIn = new SignIn(part("sign-in"), words, () => {
  step({ type: "signed_in" });
  stream.open();
});

/** Something happened to the state of the board. */
function step(happened) {
  state = next(state, { ...happened, at: performance.now() });
  look();
}

/** What the state looks like now; everything is painted anew where that makes a difference. */
function look() {
  const before = shown;
  shown = view(state, performance.now(), board.closed);
  if (state.paused !== null && shown.pausedFor === null && before.badge === "paused") goOn();
  if (["badge", "withheld", "fresh", "ticking"].some((name) => before[name] !== shown[name])) {
    grid.repaint();
    paintStrip();
  }
  header.tick(shown, { words, zone: board.about.timezone, now: clock.now(), watermark: board.watermark, lastHeard });
  part("sound-state").textContent = shown.replay || !sound.on ? "" : words.say(sound.blocked ? "sound_blocked" : "sound_on");
}

function paintStrip() {
  strip.show(board.problems, board.more, context());
}

function event(name, said) {
  const badBefore = board.tiles.size ? board.bad : null; // what is bad when the page opens is no news
  if (typeof said.server_time === "number") {
    clock.measure(said.server_time);
    lastHeard = said.server_time;
  }
  let changed = [];
  if (name === "hello") greeted(said);
  else if (name === "snapshot") board.snapshot(said);
  else if (name === "delta") changed = board.delta(said);
  else if (name === "alert") news.alert(board.alert(said), said);
  else board.beat(said);
  // An alert has a state too, and it is not the board's.
  if (name === "alert") step({ type: "event" });
  else step({ type: "event", said: said.state, lag: said.lag, mode: said.mode, limits: said.limits });
  if (shown.badge === "paused") {
    for (const id of changed) held?.add(id);
    if (name === "snapshot") for (const id of board.tiles.keys()) held?.add(id);
    return;
  }
  if (name === "snapshot") grid.arrange();
  else grid.update(changed);
  if (name === "snapshot" || said.problems) paintStrip();
  if (name === "snapshot" || name === "hello") rename();
  if (name !== "hello") alert.refresh(name !== "delta"); // messages may be on their way unseen: asked for with each beat
  if (name === "snapshot") openWanted();
  if (badBefore && !shown.replay && [...board.bad].some((id) => !badBefore.has(id))) sound.bad(performance.now());
}

function rename() {
  header.name(board.about, words, { tv: options.tv, hidden: board.hiddenQueues });
}

function greeted(said) {
  if (board.build !== null && said.build && said.build !== board.build) {
    location.reload();
    return;
  }
  board.hello(said);
  signIn.hide();
}

/** Signed out: nothing of the board stays on the glass, nor in the page. */
function refused() {
  const { build } = board;
  board.clear();
  board.build = build;
  news.clear();
  alert.clear();
  details.close();
  help.close();
  step({ type: "refused" });
  grid.arrange();
  rename();
  paintStrip();
  signIn.show();
}

/** ?alert=ID: the address in a message opens its alert. */
function openWanted() {
  if (!wanted) return;
  alert.of(wanted);
  wanted = null;
}

function pause() {
  if (options.tv || shown.badge === "signed_out") return;
  if (state.paused === null) {
    held = new Set();
    step({ type: "pause" });
  } else {
    goOn();
  }
}

function goOn() {
  held = null;
  step({ type: "resume" });
  grid.arrange();
  paintStrip();
  alert.refresh();
}

function detailsOf(tileView) {
  if (tileView?.tile) details.of(tileView.tile, context());
}

listen(
  {
    "?": () => help.of(board.build, board.about.id || options.board, stream.unread),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen().catch(() => {})),
    t: () => {
      const address = new URL(location.href);
      if (options.tv) address.searchParams.delete("tv");
      else address.searchParams.set("tv", "1");
      location.assign(address);
    },
    page: (page) => grid.show(page),
    move: (key) => grid.move(key),
    d: () => detailsOf(grid.focused ?? grid.views[0]),
    a: () => strip.first && alert.of(strip.first.id, strip.first),
    p: pause,
    m: () => sound.toggle().then(look),
  },
  () => [details, help, alert].some((dialog) => dialog.open) || !part("sign-in").hidden,
);
for (const tileView of grid.views) {
  tileView.element.addEventListener("click", () => detailsOf(tileView));
  tileView.element.addEventListener("focus", () => grid.stop(tileView));
}
part("keys").addEventListener("click", () => help.of(board.build, board.about.id || options.board, stream.unread));

function everySecond() {
  look();
  if (shown.ticking || shown.badge === "replay") grid.tick();
  if (options.rotate && performance.now() - turned >= options.rotate * 1_000 && shown.badge !== "paused") {
    turned = performance.now();
    grid.turn(board.bad);
  }
  if (options.tv && nightlyReload(clock.now(), board.about.timezone, performance.now())) location.reload();
  setTimeout(everySecond, clock.untilNextSecond());
}

function start() {
  const root = document.documentElement;
  root.lang = words.lang;
  const light = matchMedia("(prefers-color-scheme: light)");
  const theme = () => (root.dataset.theme = options.theme === "auto" ? (light.matches ? "light" : "dark") : options.theme);
  light.addEventListener("change", theme);
  theme();
  document.body.classList.toggle("tv", options.tv);
  part("tiles").setAttribute("aria-label", words.say("tiles"));
  part("strip").setAttribute("aria-label", words.say("problems"));
  part("keys").lastElementChild.textContent = words.say("keys");
  if (options.tv) {
    hideWhenIdle();
    stayAwake();
  }
  grid.arrange();
  paintStrip();
  addEventListener("resize", () => strip.lines[0].fit());
  everySecond();
  stream.open();
}

start();
