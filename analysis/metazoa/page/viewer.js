/* The trajectory view: a plain canvas, no library, nothing loaded. One call of trajectoryView(figure, data) per view. */
"use strict";

const TYPE_NAMES = ["divergent", "zero", "self-replicator", "secondary", "other"];
const TYPE_COLOURS = ["#D55E00", "#7F7F7F", "#E69F00", "#009E73", "#0072B2"];

function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/* Scores of all views as floats in [-1, 1]; NaN where there is none. */
function scoresOf(base64) {
  const bytes = new DataView(bytesOf(base64).buffer), out = new Float32Array(bytes.byteLength / 2);
  for (let i = 0; i < out.length; i++) {
    const value = bytes.getInt16(2 * i, true);
    out[i] = value === -32768 ? NaN : value / 32767;
  }
  return out;
}

function trajectoryView(figure, data) {
  const canvas = figure.querySelector("canvas"), context = canvas.getContext("2d");
  const part = (name) => figure.querySelector(`[data-part="${name}"]`);
  const records = data.epochs.length, particles = data.particles.length;
  const types = bytesOf(data.types), views = {};
  for (const name in data.views) views[name] = scoresOf(data.views[name].scores);
  const state = { view: Object.keys(views)[0], record: records - 1, tail: records, yaw: 0.7, pitch: 0.45, zoom: 1,
                  layer: -1, hidden: new Set(), playing: false };
  const typeAt = (record, particle) => types[record * particles + particle];
  let waiting = false, heads = []; // heads: where the particles are on the canvas, [x, y, particle]

  function draw() {
    waiting = false;
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const scale = 0.27 * Math.min(width, height) * state.zoom; // the cube's corners stay inside, however it is turned
    const cy = Math.cos(state.yaw), sy = Math.sin(state.yaw), cp = Math.cos(state.pitch), sp = Math.sin(state.pitch);
    const project = (x, y, z) => { // component 3 points up; a mild perspective
      const right = cy * x + sy * y, deep = -sy * x + cy * y;
      const up = cp * z - sp * deep, away = cp * deep + sp * z;
      const f = scale / (1 + 0.22 * away);
      return [width / 2 + f * right, height / 2 - f * up];
    };
    drawAxes(project, width, height);
    const drawn = drawTrajectories(project);
    part("epoch").textContent = `epoch ${data.epochs[state.record]}`;
    canvas.dataset.segments = drawn;
  }

  function drawAxes(project, width, height) {
    const style = getComputedStyle(canvas);
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = 1;
    context.beginPath();
    for (let k = 0; k < 12; k++) { // the edges of the cube [-0.8, 0.8]^3
      const axis = k >> 2, a = k & 1 ? 0.8 : -0.8, b = k & 2 ? 0.8 : -0.8, from = [a, b], to = [a, b];
      from.splice(axis, 0, -0.8);
      to.splice(axis, 0, 0.8);
      context.moveTo(...project(...from));
      context.lineTo(...project(...to));
    }
    context.stroke();
    context.fillStyle = style.getPropertyValue("--soft");
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    const shares = data.views[state.view].ratio;
    [[0, -0.98, -0.8], [0.98, 0, -0.8], [-0.92, -0.92, 0]].forEach((at, k) => {
      const share = shares[k] === undefined ? "" : ` (${(100 * shares[k]).toFixed(1)} %)`;
      const text = `component ${k + 1}${share}`, half = context.measureText(text).width / 2, [x, y] = project(...at);
      context.fillText(text, Math.min(Math.max(x, half), width - half), Math.min(Math.max(y, 12), height - 4)); // never cut
    });
  }

  function drawTrajectories(project) {
    const scores = views[state.view], first = Math.max(0, state.record - state.tail);
    let drawn = 0;
    heads = [];
    for (let type = 0; type < 5; type++) {
      if (state.hidden.has(type)) continue;
      const ends = [];
      context.strokeStyle = TYPE_COLOURS[type];
      context.globalAlpha = 0.45;
      context.lineWidth = 1;
      context.beginPath();
      for (let p = 0; p < particles; p++) {
        if (typeAt(state.record, p) !== type) continue;
        if (state.layer >= 0 && data.particles[p][0] !== state.layer) continue;
        let before = false;
        for (let r = first; r <= state.record; r++) {
          const i = 3 * (r * particles + p);
          if (Number.isNaN(scores[i])) { before = false; continue; }
          const point = project(scores[i], scores[i + 1], scores[i + 2]);
          if (before) { context.lineTo(...point); drawn++; } else context.moveTo(...point);
          before = true;
          if (r === state.record) ends.push([...point, p]);
        }
      }
      context.stroke();
      context.globalAlpha = 1;
      context.fillStyle = TYPE_COLOURS[type];
      heads.push(...ends);
      for (const [x, y] of ends) {
        context.beginPath();
        context.arc(x, y, 2.4, 0, 2 * Math.PI);
        context.fill();
      }
    }
    return drawn;
  }

  function redraw() {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  }

  function fill() {
    const slider = part("record"), views_ = part("view"), layers = part("layer"), legend = part("legend");
    slider.max = records - 1;
    slider.value = state.record;
    for (const name in views) views_.add(new Option(name, name));
    layers.add(new Option("all layers", -1));
    for (const layer of [...new Set(data.particles.map((p) => p[0]))]) layers.add(new Option(`layer ${layer + 1}`, layer));
    for (const type of [...new Set(types)].sort()) {
      if (type > 4) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.innerHTML = `<i style="background:${TYPE_COLOURS[type]}"></i>${TYPE_NAMES[type]}`;
      button.onclick = () => {
        const hide = !state.hidden.delete(type);
        if (hide) state.hidden.add(type);
        button.setAttribute("aria-pressed", String(!hide));
        redraw();
      };
      legend.append(button);
    }
    slider.oninput = () => { state.record = Number(slider.value); redraw(); };
    views_.onchange = () => { state.view = views_.value; redraw(); };
    layers.onchange = () => { state.layer = Number(layers.value); redraw(); };
    part("tail").onchange = (event) => { state.tail = event.target.checked ? records : 8; redraw(); };
    part("play").onclick = play;
    part("reset").onclick = () => { Object.assign(state, { yaw: 0.7, pitch: 0.45, zoom: 1 }); redraw(); };
  }

  function play() {
    state.playing = !state.playing;
    part("play").textContent = state.playing ? "Pause" : "Play";
    if (state.playing && state.record === records - 1) state.record = 0;
    let last = 0;
    const step = (now) => {
      if (!state.playing) return;
      if (now - last > Math.max(30, 6000 / records)) {
        last = now;
        if (state.record < records - 1) state.record++;
        part("record").value = state.record;
        draw();
        if (state.record === records - 1) { play(); return; }
      }
      requestAnimationFrame(step);
    };
    if (state.playing) requestAnimationFrame(step);
  }

  function turn(yaw, pitch) {
    state.yaw += yaw;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + pitch));
    redraw();
  }

  /* Says which particle is nearest to the pointer. */
  function pick(event) {
    let best = null, least = 12;
    for (const [x, y, p] of heads) {
      const distance = Math.hypot(x - event.offsetX, y - event.offsetY);
      if (distance < least) [best, least] = [p, distance];
    }
    const [layer, cell, edge] = best === null ? [] : data.particles[best];
    part("picked").textContent = best === null ? "" :
      `layer ${layer + 1}, cell ${cell}, edge ${edge}: ${TYPE_NAMES[typeAt(state.record, best)]}`;
  }

  function listen() {
    const pointers = new Map();
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
    };
    canvas.onpointerup = canvas.onpointercancel = (event) => pointers.delete(event.pointerId);
    canvas.onpointermove = (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) { pick(event); return; }
      const others = [...pointers].filter(([id]) => id !== event.pointerId);
      if (others.length === 1) { // two fingers: zoom by the change of their distance
        const [ox, oy] = others[0][1];
        const ratio = Math.hypot(event.clientX - ox, event.clientY - oy) / Math.max(1, Math.hypot(before[0] - ox, before[1] - oy));
        state.zoom = Math.max(0.3, Math.min(20, state.zoom * ratio));
      } else {
        turn((before[0] - event.clientX) * 0.008, (event.clientY - before[1]) * 0.008);
      }
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      redraw();
    };
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      state.zoom = Math.max(0.3, Math.min(20, state.zoom * Math.exp(-event.deltaY * 0.0012)));
      redraw();
    }, { passive: false });
    canvas.onkeydown = (event) => {
      const turns = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      const zoom = { "+": 1.2, "-": 1 / 1.2 }[event.key];
      if (turns) turn(...turns);
      if (zoom) { state.zoom *= zoom; redraw(); }
      if (turns || zoom) event.preventDefault();
    };
    new ResizeObserver(redraw).observe(canvas);
  }

  fill();
  listen();
  draw();
}

window.addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });
for (const figure of document.querySelectorAll("figure.view")) {
  trajectoryView(figure, JSON.parse(figure.querySelector("script").textContent));
}
document.documentElement.dataset.ready = "yes";
