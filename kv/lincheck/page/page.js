"use strict";
/* Draws the history: a row a client, time to the right. No library. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = document.getElementById("view");
  const told = document.getElementById("told");
  const pick = document.getElementById("key");
  const over = document.getElementById("over");
  const NS = "http://www.w3.org/2000/svg";
  const GUTTER = 96, ROW = 40, BAR = 22, TOP = 30, BOTTOM = 30;
  // Okabe and Ito's hues; with a pattern each from the second round on.
  const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9",
    "#e69f00"];
  const PATTERNS = ["plain", "lines", "dots", "rungs", "cross"];
  const values = new Map();
  data.values.forEach((v, i) => values.set(v, i));

  let key = data.fault === null ? (data.keys.length === 1 ? 0 : -1)
    : data.fault;
  let from = 0, to = 1, svg = null, selected = null;

  const el = (name, at, parent) => {
    const e = document.createElementNS(NS, name);
    for (const k in at) e.setAttribute(k, at[k]);
    if (parent) parent.appendChild(e);
    return e;
  };
  const shown = () => data.ops.filter((o) => key < 0 || o.k === key);
  const clip = (text, room) =>
    text.length <= room ? text : room < 3 ? "" : text.slice(0, room - 1) + "…";

  function time(t, step) {
    if (data.unit !== "ns") return "event " + Math.round(t).toLocaleString();
    const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
    const scale = Math.max(step || Math.abs(t), 1);
    const [size, name] = units.find((u) => scale >= u[0]) || units[3];
    const digits = step ? 0 : 3;
    return (t / size).toLocaleString(undefined,
      { maximumFractionDigits: digits }) + " " + name;
  }
  const since = (t) => data.unit === "ns" ? time(t - data.zero) : time(t);

  function ends() {
    let a = Infinity, b = -Infinity;
    for (const o of shown()) {
      a = Math.min(a, o.c);
      b = Math.max(b, o.r === null ? o.c : o.r);
    }
    if (a > b) [a, b] = [data.zero, data.zero + 1];
    const pad = Math.max((b - a) * 0.03, 1);
    return [a - pad, b + pad];
  }
  function fit() { [from, to] = ends(); draw(); }
  function home() {
    const core = shown().filter((o) => o.role === "conflict");
    if (!core.length) { // a good history: a stretch that can be read
      const ops = shown();
      [from, to] = ends();
      if (ops.length > 60) {
        const a = ops[0].c, b = ops[Math.min(59, ops.length - 1)].c;
        const pad = (b - a) * 0.03;
        [from, to] = [a - pad, b + pad];
      }
      draw();
      return;
    }
    const a = Math.min(...core.map((o) => o.c));
    const b = Math.max(...core.map((o) => o.r === null ? o.c : o.r));
    let pad = Math.max((b - a) * 0.18, 2);
    const near = shown().filter((o) => (o.r === null ? o.c : o.r) >= a - pad
      && o.c <= b + pad).length;
    if (near < 8) pad = Math.max(pad, (b - a) * 0.6);
    [from, to] = [a - pad, b + pad];
    draw();
  }

  function patterns(defs) {
    const make = (id, size, fill, draw) => {
      const p = el("pattern", { id, width: size, height: size,
        patternUnits: "userSpaceOnUse" }, defs);
      el("rect", { width: size, height: size, fill: "var(--paper)" }, p);
      el("rect", { width: size, height: size, fill, "fill-opacity": .22 }, p);
      draw(p);
      return p;
    };
    values.forEach((i) => {
      const hue = HUES[i % HUES.length];
      const kind = PATTERNS[Math.floor(i / HUES.length) % PATTERNS.length];
      const line = { stroke: hue, "stroke-width": 1.2,
        "stroke-opacity": .6 };
      make("v" + i, 8, hue, (p) => {
        if (kind === "lines" || kind === "cross") {
          el("path", { d: "M-2 6L6 -2M2 10L10 2", ...line }, p);
        }
        if (kind === "cross") {
          el("path", { d: "M-2 2L6 10M2 -2L10 6", ...line }, p);
        }
        if (kind === "rungs") el("path", { d: "M4 0V8", ...line }, p);
        if (kind === "dots") {
          el("circle", { cx: 4, cy: 4, r: 1.3, fill: hue }, p);
        }
      });
    });
    const soft = "var(--muted)";
    const fault = (id, size, d, extra) => {
      const p = el("pattern", { id, width: size, height: size,
        patternUnits: "userSpaceOnUse" }, defs);
      if (d) el("path", { d, stroke: soft, "stroke-width": 1,
        "stroke-opacity": .45, fill: "none" }, p);
      if (extra) extra(p);
    };
    fault("f-partition", 9, "M-2 7L7 -2M2 11L11 2");
    fault("f-pause", 9, "M-2 7L7 -2M2 11L11 2M-2 2L7 11M2 -2L11 7");
    fault("f-clock", 8, "", (p) => el("circle", { cx: 4, cy: 4, r: 1.2,
      fill: soft, "fill-opacity": .7 }, p));
  }

  // A round number of units between two ticks, at least 110 px apart.
  function step(width) {
    const raw = (to - from) / Math.max(width / 110, 1);
    const ten = 10 ** Math.floor(Math.log10(Math.max(raw, 1e-9)));
    const s = [1, 2, 5, 10].map((m) => m * ten).find((v) => v >= raw);
    return data.unit === "ns" ? s : Math.max(1, s);
  }

  function draw() {
    const width = Math.max(view.clientWidth, 320);
    const ops = shown();
    const inView = ops.filter((o) => o.c <= to &&
      (o.r === null || o.r >= from));
    // A row for everybody, or, if that is too many, for those in view.
    const all = new Set(ops.map((o) => o.p));
    const who = all.size > 8 ? new Set(inView.map((o) => o.p)) : all;
    const rows = [...who].sort((a, b) =>
      a.localeCompare(b, undefined, { numeric: true }));
    const row = new Map(rows.map((p, i) => [p, i]));
    const height = TOP + rows.length * ROW + BOTTOM;
    const x = (t) => GUTTER + (t - from) / (to - from) * (width - GUTTER - 8);
    view.textContent = "";
    svg = el("svg", { viewBox: `0 0 ${width} ${height}`, height,
      role: "group", "aria-label": "The operations over time" }, view);
    const defs = el("defs", {}, svg);
    patterns(defs);
    const head = el("marker", { id: "head", viewBox: "0 0 8 8", refX: 7,
      refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" }, defs);
    el("path", { d: "M0 0L8 4L0 8z", fill: "var(--link)" }, head);
    const cut = el("clipPath", { id: "cut" }, defs);
    el("rect", { x: GUTTER, y: 0, width: width - GUTTER, height }, cut);

    rows.forEach((p, i) => {
      if (i % 2 === 0) el("rect", { x: 0, y: TOP + i * ROW, width,
        height: ROW, class: "lane alt" }, svg);
      const t = el("text", { x: 4, y: TOP + i * ROW + ROW / 2 + 5,
        class: "who" }, svg);
      t.textContent = clip("client " + p, 13);
    });
    const body = el("g", { "clip-path": "url(#cut)" }, svg);
    faults(body, x, height);

    const axis = el("g", { class: "axis" }, svg);
    const s = step(width - GUTTER);
    const first = Math.ceil((from - data.zero) / s) * s + data.zero;
    for (let t = first; t <= to; t += s) {
      el("line", { x1: x(t), x2: x(t), y1: TOP - 6, y2: height - BOTTOM + 4 },
        axis);
      const label = el("text", { x: x(t), y: height - 9,
        "text-anchor": "middle" }, axis);
      label.textContent = data.unit === "ns" ? time(t - data.zero, s)
        : Math.round(t).toLocaleString();
    }
    svg.insertBefore(axis, body);
    el("line", { x1: 0, x2: width, y1: height - BOTTOM + 4,
      y2: height - BOTTOM + 4, class: "lane" }, svg);

    // Where an unknown operation's bar has to make room for the next one.
    const next = new Map();
    const byRow = new Map();
    for (const o of ops) {
      const before = byRow.get(o.p);
      if (before && before.r === null) next.set(before, o.c);
      byRow.set(o.p, o);
    }
    const thread = [];
    const clash = data.fault !== null && key === data.fault;
    for (const o of inView) {
      const y = TOP + row.get(o.p) * ROW + (ROW - BAR) / 2 + 3;
      bar(body, o, x, y, width, next.get(o), clash);
      if (o.t !== null) thread.push([o.n, x(o.t), y + BAR]);
    }
    thread.sort((a, b) => a[0] - b[0]);
    if (thread.length > 1 && thread.length <= 400 && key >= 0) {
      el("path", { class: "thread", d: "M" + thread.map((p) =>
        p[1].toFixed(1) + " " + p[2].toFixed(1)).join("L") }, body);
    }
    if (key >= 0 || data.keys.length === 1) {
      for (const p of thread) {
        const size = thread.length > 160 ? 2.6 : 4.2;
        el("circle", { class: "point", cx: p[1], cy: p[2], r: size }, body);
      }
    }
    arrows(body, row, x);
    overview();
  }

  // What had ended before what began, where the conflict rests on it.
  function arrows(parent, row, x) {
    const find = (i) => data.ops.find((o) => o.i === i);
    for (const [i, j] of data.before) {
      const a = find(i), b = find(j);
      if (!a || !b || !row.has(a.p) || !row.has(b.p)) continue;
      if (key >= 0 && a.k !== key) continue;
      const mid = (o) => TOP + row.get(o.p) * ROW + ROW / 2 + 3;
      const x1 = x(a.r), y1 = mid(a), x2 = x(b.c), y2 = mid(b);
      const bend = Math.max(14, Math.min(60, Math.abs(x2 - x1) / 2));
      el("path", { class: "before", "marker-end": "url(#head)",
        d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2}` +
          ` ${x2 - 3} ${y2}` }, parent);
    }
  }

  function faults(parent, x, height) {
    for (const f of data.faults) {
      const a = x(f.a), b = f.b === null ? x(to) : x(f.b);
      if (b < GUTTER || f.a > to) continue;
      const g = el("g", { class: "fault" }, parent);
      if (f.f === "election") {
        el("line", { x1: a, x2: a, y1: 14, y2: height - BOTTOM, stroke:
          "var(--leader-ink)", "stroke-width": 1 }, g);
      } else {
        const known = ["partition", "pause", "clock"].includes(f.f);
        el("rect", { x: a, y: 14, width: Math.max(b - a, 2),
          height: height - BOTTOM - 10,
          fill: known ? `url(#f-${f.f})` : "var(--down)",
          "fill-opacity": known ? 1 : .65 }, g);
      }
      const t = el("text", { x: Math.max(a, GUTTER) + 3, y: 11,
        class: "faulttext" }, g);
      t.textContent = clip(f.f + (f.text ? " " + f.text : ""),
        Math.max(8, Math.floor((b - Math.max(a, GUTTER)) / 6)));
    }
  }

  function bar(parent, o, x, y, width, room, clash) {
    const a = x(o.c), end = o.r === null ? x(to) + 20 : x(o.r);
    const stop = o.r === null && room !== undefined
      ? Math.min(end, Math.max(x(room) - 5, a + 8)) : end;
    const w = Math.max(stop - a, 5);
    const role = o.role === "conflict" ? " clash"
      : clash && o.role !== "support" ? " dim" : "";
    const g = el("g", { class: "op" + role, tabindex: 0, role: "button",
      "aria-label": o.text + ", client " + o.p }, parent);
    if (selected === o) g.classList.add("on");
    const i = values.get(o.v);
    const hue = i === undefined ? "var(--muted)" : HUES[i % HUES.length];
    const fill = i === undefined ? "var(--paper)" : `url(#v${i})`;
    if (o.r === null) {
      el("rect", { x: a, y, width: w, height: BAR, fill, class: "box",
        stroke: "none" }, g);
      el("path", { class: "open", stroke: hue,
        d: `M${a + w} ${y}H${a}V${y + BAR}H${a + w}` }, g);
      if (stop < end) el("path", { class: "open", stroke: hue,
        d: `M${a + w} ${y + BAR}H${end}` }, g);
    } else {
      el("rect", { x: a, y, width: w, height: BAR, rx: 2, fill,
        class: "box", stroke: hue, "stroke-dasharray": o.must ? "none"
          : "5 4" }, g);
    }
    el("rect", { x: a, y, width: Math.min(3, w), height: BAR, fill: hue,
      class: "edge" }, g);
    const visible = Math.max(a, GUTTER);
    const chars = Math.floor((Math.min(stop, width) - visible - 9) / 7.3);
    const clipped = clip(o.label, chars);
    const text = o.role === "conflict" && clipped !== o.label ? "" : clipped;
    if (text) {
      const t = el("text", { x: visible + 7, y: y + 15.5 }, g);
      t.textContent = text;
    }
    if (o.role === "conflict") {
      const tag = "#" + o.i + (text || width < 640 ? "" : " " + o.label);
      const late = visible + tag.length * 7 > width;
      const t = el("text", { x: late ? Math.min(stop, width) : visible + 1,
        y: y - 4, class: "tag", "text-anchor": late ? "end" : "start" }, g);
      t.textContent = tag;
    }
    const show = () => inspect(o);
    g.addEventListener("mouseenter", show);
    g.addEventListener("focus", show);
    g.addEventListener("click", show);
  }

  function inspect(o) {
    selected = o;
    told.textContent = "";
    const line = (name, text) => {
      const dt = document.createElement("dt"), dd =
        document.createElement("dd");
      dt.textContent = name;
      dd.textContent = text;
      told.append(dt, dd);
    };
    line("operation", `${o.text}   (client ${o.p}, key ${data.keys[o.k].key})`);
    line("interval", since(o.c) + " to " + (o.r === null
      ? "unknown: it may have happened at any later time, or not at all"
      : since(o.r)) + (o.must || o.r === null ? "" : ", optional here"));
    if (o.n !== null) {
      line("in the order", `number ${o.n + 1}, at ${since(o.t)}`);
      line("the key held", `${o.was}  →  ${o.is}`);
    } else if (o.why) {
      line("cannot come next", o.why);
    } else if (data.ordered) {
      line("in the order", "left out");
    }
  }

  function overview() {
    const box = over.getBoundingClientRect();
    const dpr = window.devicePixelRatio || 1;
    over.width = Math.max(1, box.width * dpr);
    over.height = Math.max(1, box.height * dpr);
    const c = over.getContext("2d");
    const css = getComputedStyle(document.documentElement);
    const probe = document.createElement("i");
    document.body.append(probe);
    const colour = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const bins = data.bins, most = Math.max(1, ...bins);
    c.scale(dpr, dpr);
    const w = box.width, h = box.height;
    const at = (t) => (t - data.begin) / (data.end - data.begin || 1) * w;
    c.fillStyle = colour("--hair");
    bins.forEach((n, i) => {
      const tall = n / most * (h - 6);
      c.fillRect(i / bins.length * w, h - tall, w / bins.length - 0.5, tall);
    });
    const a = at(from), b = at(to);
    c.fillStyle = colour("--link");
    c.globalAlpha = .14;
    c.fillRect(a, 0, Math.max(b - a, 2), h);
    c.globalAlpha = 1;
    c.fillRect(a, 0, 1.5, h);
    c.fillRect(Math.max(b, a + 2), 0, 1.5, h);
    probe.remove();
    void css;
  }

  function zoom(factor, centre) {
    const c = centre === undefined ? (from + to) / 2 : centre;
    from = c - (c - from) * factor;
    to = c + (to - c) * factor;
    draw();
  }
  function pan(share) {
    const d = (to - from) * share;
    from += d;
    to += d;
    draw();
  }
  const at = (event) => {
    const box = view.getBoundingClientRect();
    return from + (event.clientX - box.left - GUTTER) /
      (box.width - GUTTER - 8) * (to - from);
  };

  data.keys.forEach((k, i) => {
    const o = new Option(`${k.key}: ${k.verdict}, ${k.count} operations`, i);
    pick.append(o);
  });
  if (data.keys.length > 1) pick.prepend(new Option("all keys", -1));
  pick.value = key;
  pick.addEventListener("change", () => { key = +pick.value; home(); });
  document.getElementById("in").addEventListener("click", () => zoom(.6));
  document.getElementById("out").addEventListener("click", () => zoom(1.7));
  document.getElementById("fit").addEventListener("click", fit);
  document.getElementById("home").addEventListener("click", home);
  view.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey && !e.shiftKey) return;
    e.preventDefault();
    if (e.shiftKey) pan(Math.sign(e.deltaY || e.deltaX) * .1);
    else zoom(e.deltaY > 0 ? 1.2 : 1 / 1.2, at(e));
  }, { passive: false });
  let held = null;
  view.addEventListener("pointerdown", (e) => { held = e.clientX; });
  window.addEventListener("pointermove", (e) => {
    if (held === null || !e.buttons) { held = null; return; }
    if (Math.abs(e.clientX - held) < 4) return;
    pan((held - e.clientX) / Math.max(view.clientWidth - GUTTER, 1));
    held = e.clientX;
  });
  window.addEventListener("pointerup", () => { held = null; });
  over.addEventListener("click", (e) => {
    const box = over.getBoundingClientRect();
    const t = data.begin + (e.clientX - box.left) / box.width *
      (data.end - data.begin);
    pan((t - (from + to) / 2) / (to - from));
  });
  document.addEventListener("keydown", (e) => {
    if (e.target.tagName === "SELECT" || e.ctrlKey || e.metaKey) return;
    const act = { "+": () => zoom(.6), "=": () => zoom(.6),
      "-": () => zoom(1.7), ArrowLeft: () => pan(-.2),
      ArrowRight: () => pan(.2), "0": fit, Home: home }[e.key];
    if (act) { e.preventDefault(); act(); }
  });
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  home();
  const core = data.ops.filter((o) => o.role === "conflict");
  if (core.length) inspect(core[core.length - 1]);
})();
