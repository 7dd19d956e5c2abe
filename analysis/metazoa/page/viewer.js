/* The page's scripts: light or dark, a page that is made again while a run goes on, and the view of trajectories: a plain canvas, no
   library, nothing loaded. One call of trajectoryView(figure, data) per view. */
"use strict";

const TYPES = ["divergent", "zero", "self-replicator", "secondary", "other", "pruned"];
const TYPE_COLOURS = ["#D55E00", "#7F7F7F", "#E69F00", "#009E73", "#0072B2", "#CC79A7"];
const REPLICATOR = 2;
const RAMPS = { weight: ["#0072B2", "#B0B0B0", "#D55E00"], birth: ["#7B6FD6", "#009E73", "#F0C93C"] };
const START = { yaw: 0.7, pitch: 0.45, zoom: 1 };

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/* Packed numbers as floats, those that are none as NaN (viewer.py). */
function numbersOf(packed) {
  const bytes = new DataView(bytesOf(packed.values).buffer), out = new Float32Array(bytes.byteLength / 2);
  for (let i = 0; i < out.length; i++) {
    const value = bytes.getInt16(2 * i, true);
    out[i] = value === -32768 ? NaN : value / 32767 * packed.scale;
  }
  return out;
}

/* A colour of a ramp of three, at 0 to 1. */
function rampAt(ramp, at) {
  const k = at < 0.5 ? 0 : 1, part = Math.min(1, Math.max(0, 2 * at - k));
  const channel = (i) => {
    const [from, to] = [ramp[k], ramp[k + 1]].map((colour) => parseInt(colour.slice(i, i + 2), 16));
    return Math.round(from + part * (to - from));
  };
  return `rgb(${channel(1)},${channel(3)},${channel(5)})`;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* Scores of a view moved and scaled so that the box around all paths has its corners on the unit sphere; half the box's sides. */
function fitted(scores) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  scores.forEach((value, i) => {
    if (value < low[i % 3]) low[i % 3] = value;
    if (value > high[i % 3]) high[i % 3] = value;
  });
  const middle = low.map((l, k) => (l + high[k]) / 2 || 0);
  const radius = Math.hypot(...low.map((l, k) => (high[k] - l) / 2 || 0)) || 1;
  return { scores: scores.map((value, i) => (value - middle[i % 3]) / radius), half: low.map((l, k) => (high[k] - l) / 2 / radius || 0) };
}

function trajectoryView(figure, data) {
  const canvas = figure.querySelector("canvas"), context = canvas.getContext("2d");
  const part = (name) => figure.querySelector(`[data-part="${name}"]`);
  const records = data.epochs.length, particles = data.particles.length, types = bytesOf(data.types), weights = numbersOf(data.weights);
  const views = {};
  for (const name in data.views) views[name] = fitted(numbersOf(data.views[name].scores));
  const state = { ...START, view: Object.keys(views)[0], colour: "type", record: records - 1, tail: true, layer: -1, hidden: new Set(),
                  hovered: -1, chosen: -1, playing: false };
  const typeAt = (record, p) => types[record * particles + p];
  const heaviest = weights.reduce((most, w) => Math.max(most, Math.abs(w) || 0), 0) || 1;
  const births = data.particles.map((_, p) => { // since which record it is a self-replicator, with no break up to the last
    let record = records;
    while (record > 0 && typeAt(record - 1, p) === REPLICATOR) record--;
    return record;
  });
  let waiting = false, heads = [], tint = {}; // heads: where the particles are on the canvas, [x, y, particle]

  function colourOf(p) {
    const weight = weights[state.record * particles + p];
    if (state.colour === "weight" && !Number.isNaN(weight)) return rampAt(RAMPS.weight, 0.5 + weight / heaviest / 2);
    if (state.colour === "birth") return births[p] > state.record ? tint.line : rampAt(RAMPS.birth, births[p] / Math.max(1, records - 1));
    return TYPE_COLOURS[typeAt(state.record, p)] || tint.soft;
  }

  function shown(p) {
    return !state.hidden.has(typeAt(state.record, p)) && (state.layer < 0 || data.particles[p][0] === state.layer);
  }

  /* From a point of the unit sphere to the canvas; component 3 points up; a mild perspective. */
  function projection(width, height) {
    const scale = (Math.min(width, height) / 2 - 8) / 1.03 * state.zoom; // what is in the sphere is in the canvas, however it is turned
    const cy = Math.cos(state.yaw), sy = Math.sin(state.yaw), cp = Math.cos(state.pitch), sp = Math.sin(state.pitch);
    return (x, y, z) => {
      const right = cy * x + sy * y, deep = cy * y - sy * x, up = cp * z - sp * deep;
      const f = scale / (1 + 0.22 * (cp * deep + sp * z));
      return [width / 2 + f * right, height / 2 - f * up];
    };
  }

  function draw() {
    waiting = false;
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const style = getComputedStyle(canvas);
    for (const name of ["ink", "soft", "line", "paper"]) tint[name] = style.getPropertyValue(`--${name}`);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = tint.paper;
    context.fillRect(0, 0, width, height);
    context.font = "12px system-ui, sans-serif";
    const project = projection(width, height);
    drawBox(project, width, height);
    drawTrajectories(project);
    const chosen = state.hovered >= 0 ? state.hovered : state.chosen;
    if (chosen >= 0) drawPath(project, chosen, 2, 1, tint.ink);
    context.fillStyle = tint.soft;
    context.textAlign = "left";
    const epoch = `epoch ${data.epochs[state.record]}`;
    context.fillText(epoch, 6, 14);
    part("epoch").textContent = epoch;
    tell(chosen);
  }

  function drawBox(project, width, height) {
    const { half } = views[state.view], [cx, cy] = project(0, 0, 0), shares = data.views[state.view].ratio;
    context.strokeStyle = tint.line;
    context.lineWidth = 1;
    const labels = half.map((_, axis) => {
      let far = { distance: -1 }; // a label stands beside the outermost of the four edges along its axis
      for (const [a, b] of [[-1, -1], [-1, 1], [1, -1], [1, 1]]) {
        const others = [0, 1, 2].filter((k) => k !== axis), at = [0, 0, 0];
        [at[others[0]], at[others[1]]] = [a * half[others[0]], b * half[others[1]]];
        const [from, to] = [-1, 1].map((end) => project(...at.map((value, k) => k === axis ? end * half[k] : value)));
        context.beginPath();
        context.moveTo(...from);
        context.lineTo(...to);
        context.stroke();
        const x = (from[0] + to[0]) / 2, y = (from[1] + to[1]) / 2, distance = Math.hypot(x - cx, y - cy);
        if (distance > far.distance) far = { x, y, distance };
      }
      return far;
    });
    context.fillStyle = tint.soft;
    context.textAlign = "center";
    labels.forEach(({ x, y, distance }, k) => {
      if (half[k] === 0) return;
      const text = `PC ${k + 1}: ${(100 * shares[k]).toFixed(1)} %`, room = context.measureText(text).width / 2 + 4;
      const out = 10 / Math.max(1, distance);
      context.fillText(text, Math.min(Math.max(x + (x - cx) * out + Math.sign(x - cx) * 0.5 * room, room), width - room),
                       Math.min(Math.max(y + (y - cy) * out + 4, 28), height - 6)); // never cut
    });
  }

  /* A particle's path up to the shown record; where it is then, or null. */
  function drawPath(project, p, thick, alpha, colour) {
    const { scores } = views[state.view], first = state.tail ? 0 : Math.max(0, state.record - 8);
    let head = null;
    context.strokeStyle = context.fillStyle = colour;
    context.globalAlpha = alpha;
    context.lineWidth = thick;
    context.beginPath();
    for (let r = first; r <= state.record; r++) {
      const i = 3 * (r * particles + p);
      if (Number.isNaN(scores[i])) { head = null; continue; }
      const point = project(scores[i], scores[i + 1], scores[i + 2]);
      if (head) context.lineTo(...point); else context.moveTo(...point);
      head = point;
    }
    context.stroke();
    context.globalAlpha = 1;
    if (head) {
      context.beginPath();
      context.arc(...head, 1.4 + thick, 0, 2 * Math.PI);
      context.fill();
    }
    return head;
  }

  function drawTrajectories(project) {
    heads = [];
    for (let p = 0; p < particles; p++) {
      const head = shown(p) && drawPath(project, p, 1, 0.45, colourOf(p));
      if (head) heads.push([...head, p]);
    }
    canvas.dataset.drawn = heads.length;
  }

  /* Says which particle is pointed at or chosen. */
  function tell(p) {
    if (p < 0) { part("picked").textContent = ""; return; }
    const [layer, cell, edge] = data.particles[p], weight = weights[state.record * particles + p];
    const words = births[p] <= state.record ? " since epoch " : ", a self-replicator from epoch ";
    const since = births[p] < records ? words + data.epochs[births[p]] : "";
    part("picked").textContent = `layer ${layer + 1} (/layers/${layer}), cell ${cell}, edge ${edge} (both from 0): ${TYPES[typeAt(state.record, p)] || "no census"}${since}; ` +
      `effective weight ${Number.isNaN(weight) ? "not finite" : weight.toPrecision(3)}`;
  }

  function redraw() {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  }

  function scaleOfColours() {
    const scale = part("scale"), ramp = RAMPS[state.colour];
    scale.hidden = !ramp;
    if (!ramp) return;
    scale.style.setProperty("--ramp", ramp.join(", "));
    const ends = state.colour === "weight" ? [-heaviest, heaviest].map((w) => w.toPrecision(2)) : [`epoch ${data.epochs[0]}`, data.epochs[records - 1]];
    [scale.firstElementChild.textContent, scale.lastElementChild.textContent] = ends;
  }

  function fill() {
    for (const name in views) part("view").add(new Option(name, name));
    part("layer").add(new Option("all layers", -1));
    for (const layer of [...new Set(data.particles.map((p) => p[0]))]) part("layer").add(new Option(`layer ${layer + 1}`, layer));
    part("record").max = records - 1;
    for (const name of ["view", "layer", "colour", "record"]) {
      part(name).value = state[name];
      part(name).oninput = ({ target }) => {
        state[name] = isNaN(target.value) ? target.value : Number(target.value);
        scaleOfColours();
        redraw();
      };
    }
    for (const type of [...new Set(types)].sort().filter((t) => t < TYPES.length)) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.innerHTML = `<i style="background:${TYPE_COLOURS[type]}"></i>${TYPES[type]}`;
      button.onclick = () => {
        const hide = !state.hidden.delete(type);
        if (hide) state.hidden.add(type);
        button.setAttribute("aria-pressed", String(!hide));
        redraw();
      };
      part("legend").append(button);
    }
    part("tail").onchange = (event) => { state.tail = event.target.checked; redraw(); };
    part("play").onclick = () => play();
    part("reset").onclick = () => { Object.assign(state, START, { chosen: -1 }); redraw(); };
    part("picture").onclick = () => { draw(); canvas.toBlob((blob) => save(blob, "trajectories.png")); };
    part("film").onclick = film;
    part("film").hidden = !window.MediaRecorder || !canvas.captureStream;
    scaleOfColours();
  }

  /* Plays from the shown record, or from the first one, to the last; calls `then` when it ends or is stopped. */
  function play(then = () => {}) {
    state.playing = !state.playing;
    figure.classList.toggle("busy", state.playing);
    part("play").textContent = state.playing ? "Pause" : "Play";
    if (!state.playing) return;
    if (state.record === records - 1) state.record = 0;
    let last = 0;
    const step = (now) => {
      if (state.playing && now - last > Math.max(30, 6000 / records)) {
        last = now;
        if (state.record === records - 1) play(); else state.record++;
        part("record").value = state.record;
        draw();
      }
      if (state.playing) requestAnimationFrame(step); else then();
    };
    draw();
    requestAnimationFrame(step);
  }

  /* Plays from the first record, and saves what is seen as a video. */
  function film() {
    if (state.playing) return;
    const type = ["video/webm;codecs=vp9", "video/webm", "video/mp4"].find((t) => MediaRecorder.isTypeSupported(t));
    const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: type, videoBitsPerSecond: 8e6 }), parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => save(new Blob(parts, { type }), `trajectories.${type.slice(6, 10)}`);
    recorder.start();
    state.record = 0;
    play(() => setTimeout(() => recorder.stop(), 500));
  }

  function turn(yaw, pitch) {
    state.yaw += yaw;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + pitch));
    redraw();
  }

  function zoom(ratio) {
    state.zoom = Math.max(0.3, Math.min(20, state.zoom * ratio));
    redraw();
  }

  /* The particle nearest to the pointer, -1 if none is near. */
  function nearest(event) {
    let best = -1, least = event.pointerType === "touch" ? 24 : 12;
    for (const [x, y, p] of heads) {
      const distance = Math.hypot(x - event.offsetX, y - event.offsetY);
      if (distance < least) [best, least] = [p, distance];
    }
    return best;
  }

  function listen() {
    const pointers = new Map();
    let moved = 0;
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      moved = 0;
    };
    canvas.onpointerup = (event) => {
      pointers.delete(event.pointerId);
      if (moved < 4) { state.chosen = nearest(event); redraw(); }
    };
    canvas.onpointercancel = (event) => pointers.delete(event.pointerId);
    canvas.onpointerleave = () => { state.hovered = -1; redraw(); };
    canvas.onpointermove = (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) { state.hovered = nearest(event); redraw(); return; }
      const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
      const other = [...pointers].find(([id]) => id !== event.pointerId);
      moved += Math.hypot(dx, dy);
      if (other) { // two fingers: zoom by the change of their distance
        const [ox, oy] = other[1];
        zoom(Math.hypot(event.clientX - ox, event.clientY - oy) / Math.max(1, Math.hypot(before[0] - ox, before[1] - oy)));
      } else if (moved >= 4) {
        turn(-0.008 * dx, 0.008 * dy);
      }
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
    };
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * 0.0012));
    }, { passive: false });
    canvas.onkeydown = (event) => {
      const next = (by) => { state.chosen = (state.chosen + by + particles) % particles; redraw(); };
      const does = { ArrowLeft: () => turn(0.1, 0), ArrowRight: () => turn(-0.1, 0), ArrowUp: () => turn(0, 0.1), ArrowDown: () => turn(0, -0.1),
                     "+": () => zoom(1.2), "-": () => zoom(1 / 1.2), n: () => next(1), p: () => next(-1),
                     Escape: () => { state.chosen = -1; redraw(); } }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      does();
      event.preventDefault();
    };
    new ResizeObserver(redraw).observe(canvas);
    addEventListener("scheme", draw);
  }

  fill();
  listen();
  draw();
}

/* Light or dark: as the system has it, until the button is pressed; light on paper. */
function schemes() {
  const root = document.documentElement, button = document.querySelector("#scheme"), system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const show = (dark) => {
    root.dataset.scheme = dark ? "dark" : "light";
    button.textContent = dark ? "Light page" : "Dark page";
    dispatchEvent(new Event("scheme"));
  };
  const usual = () => show(chosen === null ? system.matches : chosen);
  button.onclick = () => { chosen = root.dataset.scheme !== "dark"; usual(); };
  system.onchange = usual;
  addEventListener("beforeprint", () => show(false));
  addEventListener("afterprint", usual);
  usual();
}

/* A page that is made again (metazoa-report --watch) is loaded again, but not while a view plays or somebody holds a control. */
function reloads() {
  const seconds = Number(document.documentElement.dataset.again);
  if (seconds) setInterval(() => document.querySelector(".busy, select:focus, canvas:active") || location.reload(), 1000 * seconds);
}

addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });
schemes();
for (const figure of document.querySelectorAll("figure.view")) {
  trajectoryView(figure, JSON.parse(figure.querySelector("script").textContent));
}
reloads();
document.documentElement.dataset.ready = "yes";
