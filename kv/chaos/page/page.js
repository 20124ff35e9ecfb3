"use strict";
/* Draws the run: faults, nodes, throughput, latency over one axis of time. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = document.getElementById("view");
  const told = document.getElementById("told");
  const NS = "http://www.w3.org/2000/svg";
  const FAMILIES = ["partition", "link", "crash", "pause", "clock", "disk",
    "members", "transfer"].filter((f) => data.bands.some((b) => b.f === f));
  const ROW = 16, LANE = 24, CHART = 130, HEAD = 24, BEHIND = 60,
    DENSE = 60;
  const LETTER = { leader: "L", follower: "F", candidate: "C",
    precandidate: "P" };
  const end = Math.max(data.seconds, 1);
  let from = 0, to = end, svg = null, width = 0, gutter = 84, at = null;

  const el = (name, attributes, parent, text) => {
    const e = document.createElementNS(NS, name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  };
  const x = (t) => gutter + (width - gutter - 8) * (t - from) / (to - from);
  const time = (px) => from + (px - gutter) / (width - gutter - 8)
    * (to - from);
  const clip = (t) => Math.min(Math.max(t, from), to);
  const clock = (t, digits) => {
    const m = Math.floor(t / 60), s = t - 60 * m;
    return m ? m + ":" + s.toFixed(digits || 0).padStart(digits ? 3 + digits
      : 2, "0") : s.toFixed(digits || 0) + " s";
  };
  const ms = (s) => s >= 1 ? s.toFixed(1) + " s"
    : (s * 1000).toFixed(s < 0.01 ? 1 : 0) + " ms";

  function patterns(defs) {
    const soft = "var(--muted)";
    const make = (id, size, d, extra) => {
      const p = el("pattern", { id, width: size, height: size,
        patternUnits: "userSpaceOnUse" }, defs);
      if (d) el("path", { d, stroke: soft, "stroke-width": 1,
        "stroke-opacity": .7, fill: "none" }, p);
      if (extra) extra(p);
    };
    const hatch = "M-2 7L7 -2M2 11L11 2", back = "M-2 2L7 11M2 -2L11 7";
    make("f-partition", 9, hatch);
    make("f-pause", 9, hatch + back);
    make("f-clock", 6, "", (p) => el("circle", { cx: 3, cy: 3, r: 1.2,
      fill: soft }, p));
    make("f-link", 6, "M0 3H6");
    make("f-disk", 6, "M3 0V6");
    make("f-members", 8, "M0 4H8M4 0V8");
    make("f-crash", 8, "", (p) => el("rect", { width: 8, height: 8,
      fill: "var(--down)" }, p));
    make("f-transfer", 8, "");
    make("h-down", 9, "", (p) => {
      el("rect", { width: 9, height: 9, fill: "var(--down)" }, p);
      el("path", { d: hatch, stroke: "var(--down-ink)",
        "stroke-opacity": .45 }, p);
    });
  }

  function step() {
    const raw = (to - from) / Math.max((width - gutter) / 90, 1);
    const nice = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600,
      1800, 3600];
    return nice.find((n) => n >= raw) || 7200;
  }

  // Whole seconds, joined into as many as there is room for.
  function bins() {
    const size = Math.max(1, Math.ceil((to - from) / ((width - gutter) / 3)));
    const found = [];
    const first = Math.floor(from / size) * size;
    for (let s = first; s < Math.min(to, data.ok.length); s += size) {
      let ok = 0, bad = 0, n = 0, half = 0, most = 0, seen = 0;
      for (let i = s; i < Math.min(s + size, data.ok.length); i++) {
        ok += data.ok[i]; bad += data.fail[i] + data.info[i]; n++;
        if (data.ok[i]) { half += data.half[i]; seen++; }
        most = Math.max(most, data.most[i]);
      }
      if (n) found.push({ a: s, b: s + n, ok: ok / n, bad: bad / n,
        half: seen ? half / seen : 0, most });
    }
    return [found, size];
  }

  function label(text, y, parent, cls) {
    el("text", { x: 0, y, class: cls || "name" }, parent, text);
  }

  function families(y) {
    label("faults", y - 6, svg, "head");
    FAMILIES.forEach((family, row) => {
      const top = y + row * ROW;
      if (row % 2 === 0) el("rect", { class: "alt", x: gutter, y: top,
        width: width - gutter - 8, height: ROW }, svg);
      label(family, top + 12, svg);
      let last = -9;
      for (const b of data.bands) {
        if (b.f !== family || b.b < from || b.a > to) continue;
        const a = x(clip(b.a)), z = x(clip(b.b));
        if (z - last < 0.4) continue; // under the one before
        last = z;
        if (z - a < 2) el("line", { class: "moment", x1: a, x2: a,
          y1: top + 2, y2: top + ROW - 2 }, svg);
        else el("rect", { class: "band", fill: "url(#f-" + family + ")",
          x: a, y: top + 2, width: z - a, height: ROW - 4 }, svg);
      }
    });
    return y + FAMILIES.length * ROW;
  }

  // A node that has gone leaves its row to one that comes.
  const rows = [];
  Object.keys(data.lanes).map((id) => {
    const lane = data.lanes[id], gone = lane.find((l) => l[1] === "gone");
    return { id, lane, a: lane[0][0], b: gone ? gone[0] : end };
  }).sort((p, q) => p.a - q.a).forEach((node) => {
    const row = rows.find((r) => r[r.length - 1].b <= node.a);
    if (row) row.push(node); else rows.push([node]);
  });

  function lanes(y) {
    label("nodes", y - 6, svg, "head");
    rows.forEach((row, place) => row.forEach((node) => one(node,
      y + place * LANE)));
    rows.forEach((row, place) => {
      const first = row.find((node) => node.b > from && node.a < to);
      if (first) label((gutter > 70 ? "node " : "") + first.id,
        y + place * LANE + 15, svg);
      let last = -99;
      for (const node of row) if (node !== first && node.a >= from
        && node.a <= to && x(node.a) - last > 26) {
        last = x(node.a);
        el("text", { class: "come", x: x(node.a) + 2,
          y: y + place * LANE + 15 }, svg, node.id);
      }
    });
    return y + rows.length * LANE;
  }

  function one(node, top) {
    const lane = node.lane;
    let last = -9;
    lane.forEach((look, i) => {
      const [t, role, term] = look;
      const until = i + 1 < lane.length ? lane[i + 1][0] : end;
      if (role === "gone" || until < from || t > to) return;
      const a = x(clip(t)), z = x(clip(until));
      if (z - last < 0.4) return;
      last = z;
      el("rect", { class: "role " + role, x: a, y: top + 2,
        width: Math.max(z - a, .5), height: LANE - 5 }, svg);
      const letter = LETTER[role], told = letter + " t" + term;
      // Where a node comes, its number stands; the letter goes behind it.
      const from_ = a + (i === 0 ? 8 + 7 * node.id.length : 4);
      const room = z - from_ - 2;
      if (letter && room > 9) el("text", { class: "in", x: from_,
        y: top + 15, style: "fill:var(--" + (role === "precandidate" ?
          "pre" : role) + "-ink)" }, svg,
        room > 7 * told.length ? told : letter);
    });
    if (node.a > from && node.a < to) el("line", { class: "start", x1: x(clip(node.a)),
      x2: x(clip(node.a)), y1: top, y2: top + LANE - 1 }, svg);
  }

  function throughput(y, found) {
    const most = Math.max(1, ...found.map((b) => b.ok + b.bad));
    const h = (v) => y + CHART - CHART * v / most;
    label("answers a second", y - 7, svg, "head");
    el("text", { x: gutter - 6, y: y + 9, "text-anchor": "end" }, svg,
      Math.round(most));
    el("text", { x: gutter - 6, y: y + CHART, "text-anchor": "end" }, svg,
      "0");
    let d = "M" + x(clip(found.length ? found[0].a : from)) + " "
      + (y + CHART);
    for (const b of found) d += "L" + x(clip(b.a)).toFixed(1) + " "
      + h(b.ok).toFixed(1) + "L" + x(clip(b.b)).toFixed(1) + " "
      + h(b.ok).toFixed(1);
    if (found.length) d += "L" + x(clip(found[found.length - 1].b)) + " "
      + (y + CHART) + "Z";
    el("path", { class: "ok", d, "fill-opacity": .8 }, svg);
    for (const b of found) if (b.bad > 0) {
      el("rect", { class: "bad", x: x(clip(b.a)), y: h(b.ok + b.bad),
        width: Math.max(x(clip(b.b)) - x(clip(b.a)), 1),
        height: Math.max(CHART * b.bad / most, 1) }, svg);
    }
    el("line", { class: "hair", x1: gutter, x2: width - 8, y1: y + CHART,
      y2: y + CHART }, svg);
  }

  function latency(y, found) {
    const low = -3.3, high = 1.1; // half a millisecond to 12 s
    const h = (v) => y + CHART - CHART * (Math.min(Math.max(
      Math.log10(v || 1e-9), low), high) - low) / (high - low);
    label("time for an answer", y - 7, svg, "head");
    for (const [v, text] of [[0.001, "1 ms"], [0.01, "10 ms"],
      [0.1, "100 ms"], [1, "1 s"], [10, "10 s"]]) {
      el("line", { class: "hair", x1: gutter, x2: width - 8, y1: h(v),
        y2: h(v) }, svg);
      el("text", { x: gutter - 6, y: h(v) + 4, "text-anchor": "end" }, svg,
        text);
    }
    for (const which of ["most", "half"]) {
      let d = "", pen = "M";
      for (const b of found) {
        if (!b.ok) { pen = "M"; continue; }
        const v = h(b[which]).toFixed(1);
        d += pen + x(clip(b.a)).toFixed(1) + " " + v + "L"
          + x(clip(b.b)).toFixed(1) + " " + v;
        pen = "L";
      }
      el("path", { class: which, d }, svg);
    }
  }

  function behind(top, bottom) {
    const seen = data.bands.filter((b) => b.b >= from && b.a <= to
      && b.b > b.a + 0.05);
    if (seen.length > BEHIND) return false;
    for (const b of seen) el("rect", { class: "behind",
      fill: "url(#f-" + b.f + ")", x: x(clip(b.a)), y: top,
      width: Math.max(x(clip(b.b)) - x(clip(b.a)), 1),
      height: bottom - top }, svg);
    return true;
  }

  function draw() {
    width = Math.max(view.clientWidth, 280);
    gutter = width < 600 ? 66 : 84;
    const one = HEAD + 20, two = one + FAMILIES.length * ROW + HEAD;
    const three = two + rows.length * LANE + 34, four = three + CHART + 34;
    const height = four + CHART + 26;
    const fresh = el("svg", { viewBox: `0 0 ${width} ${height}`, height,
      role: "img", tabindex: 0, "aria-label":
        "Faults, nodes, throughput and latency over time" });
    svg = fresh;
    patterns(el("defs", {}, svg));
    const ticks = step();
    for (let t = Math.ceil(from / ticks) * ticks; t <= to; t += ticks) {
      el("line", { class: "hair", x1: x(t), x2: x(t), y1: HEAD,
        y2: height - 22 }, svg);
      el("text", { x: Math.min(x(t), width - 17), y: height - 7,
        "text-anchor": "middle" }, svg, clock(t, ticks < 1 ? 1 : 0));
    }
    behind(three, three + CHART);
    behind(four, four + CHART);
    families(one);
    lanes(two);
    const [found, size] = bins();
    throughput(three, found);
    latency(four, found);
    let last = -99, merged = -9;
    const terms = data.elections.filter(([t]) => t >= from && t <= to);
    // Where there are many, they do not run through the charts.
    const foot = terms.length > DENSE ? two + 3 : four + CHART;
    for (const [t, term] of terms) {
      if (x(t) - merged < 0.8) continue;
      merged = x(t);
      el("line", { class: "term", x1: x(t), x2: x(t), y1: two - 2,
        y2: foot }, svg);
      if (x(t) - last > 34) {
        last = x(t);
        el("text", { x: x(t), y: two - 6, "text-anchor": "middle" }, svg,
          "t" + term);
      }
    }
    data.gaps.forEach(([a, b], i) => {
      if (b < from || a > to) return;
      const p = x(clip(a)), q = Math.max(x(clip(b)), p + 2);
      el("path", { class: "gap", d: `M${p} ${three + 8}V${three + 2}H${q}V${
        three + 8}` }, svg);
      if (i === 0) el("text", { class: "gaptext", x: Math.min(Math.max(
        (p + q) / 2, gutter + 110), width - 60), y: three - 4,
        "text-anchor": "middle" }, svg, "no answer for "
        + (b - a).toFixed(1) + " s");
    });
    document.getElementById("binned").textContent = size > 1 ?
      ` Each step of the two charts is the mean, or the largest, of ${size}`
      + " seconds; zoom in for more." : "";
    el("line", { id: "cursor", y1: HEAD, y2: height - 22, x1: -9, x2: -9 },
      svg);
    listen();
    view.replaceChildren(svg);
    if (at !== null) tell(at);
  }

  function tell(t) {
    at = Math.min(Math.max(t, 0), end);
    const line = document.getElementById("cursor");
    line.setAttribute("x1", x(at));
    line.setAttribute("x2", x(at));
    const i = Math.min(Math.floor(at), data.ok.length - 1);
    const roles = [];
    for (const id in data.lanes) {
      let now = null;
      for (const look of data.lanes[id]) if (look[0] <= at) now = look;
      if (now && now[1] !== "gone") roles.push(id + " " + now[1]
        + (now[2] ? " t" + now[2] : ""));
    }
    const now = data.bands.filter((b) => b.a <= at + 0.05 && b.b >= at - 0.05);
    const said = [
      ["b", clock(at, 1) + ": " + (data.ok[i] || 0) + " answered, "
        + (data.fail[i] || 0) + " not done, " + (data.info[i] || 0)
        + " unknown in this second" + (data.ok[i] ? "; half within "
          + ms(data.half[i]) + ", all within " + ms(data.most[i]) : "")],
      ["span", "nodes: " + roles.join(", ")],
      ["span", "faults: " + (now.map((b) => b.t).join("; ") || "none")],
    ];
    told.replaceChildren(...said.map(([name, text]) => {
      const e = document.createElement(name);
      e.textContent = text;
      return e;
    }));
  }

  function set(a, b) {
    const least = Math.min(2, end), span = Math.min(Math.max(b - a, least),
      end);
    from = Math.min(Math.max(a, 0), end - span);
    to = from + span;
    draw();
  }
  const zoom = (factor, around) => {
    const c = around === undefined ? (from + to) / 2 : around;
    set(c - (c - from) * factor, c + (to - c) * factor);
  };
  const move = (share) => set(from + share * (to - from),
    to + share * (to - from));

  function keys(e) {
    const acts = { "+": () => zoom(0.5), "=": () => zoom(0.5),
      "-": () => zoom(2), ArrowLeft: () => move(-0.2),
      ArrowRight: () => move(0.2), 0: () => set(0, end) };
    if (!acts[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    acts[e.key]();
    view.firstChild.focus();
  }

  function listen() {
    const where = (e) => e.clientX - svg.getBoundingClientRect().left;
    svg.addEventListener("pointermove", (e) => tell(time(where(e))));
    svg.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      zoom(e.deltaY > 0 ? 1.25 : 0.8, time(where(e)));
    }, { passive: false });
    svg.addEventListener("pointerdown", (e) => {
      const start = e.clientX, a = from, b = to;
      const scale = (to - from) / (width - gutter - 8);
      const drag = (m) => {
        if (Math.abs(m.clientX - start) > 3) set(
          a - (m.clientX - start) * scale, b - (m.clientX - start) * scale);
      };
      const up = () => {
        removeEventListener("pointermove", drag);
        removeEventListener("pointerup", up);
        removeEventListener("pointercancel", up);
      };
      tell(time(where(e)));
      addEventListener("pointermove", drag);
      addEventListener("pointerup", up);
      addEventListener("pointercancel", up);
    });
    svg.addEventListener("keydown", keys);
  }

  const on = (id, act) => {
    const button = document.getElementById(id);
    if (button) button.addEventListener("click", act);
  };
  on("all", () => set(0, end));
  on("in", () => zoom(0.5));
  on("out", () => zoom(2));
  on("longest", () => {
    const [a, b] = data.gaps[0];
    set(a - Math.max(b - a, 3), b + Math.max(b - a, 3));
    tell((a + b) / 2);
  });
  document.querySelectorAll("[data-from]").forEach((link) => {
    link.addEventListener("click", (e) => {
      e.preventDefault();
      const a = +link.dataset.from, b = +link.dataset.to;
      set(a - Math.max(b - a, 3), b + Math.max(b - a, 3));
      tell((a + b) / 2);
      view.scrollIntoView({ block: "center" });
    });
  });
  let waiting = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      if (view.clientWidth !== width) draw();
    });
  }).observe(view);
  draw();
})();
