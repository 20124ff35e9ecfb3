// The player: a script's steps, forth and back. It makes a player of every
// element .pl, from the data that port/rafttest/record.py has written there
// and the transcript that port/rafttest/play.py has.
// What is shown is a function of the step's number and of nothing else, so
// a step back is as exact as a step forward.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ROLES = {
    F: ["follower", "follower"], P: ["pre", "pre-candidate"],
    C: ["candidate", "candidate"], L: ["leader", "leader"],
  };
  const SPEEDS = [0.5, 1, 2, 4];
  const PAUSE = 2000; // ms between steps at speed 1
  const MOST = 5; // messages that are drawn; the others are counted
  const KEYS = [
    ["→", "next step"], ["←", "step back"], ["Home", "the beginning"],
    ["End", "the end"], ["Space", "play, pause"], ["p", "predict"],
    ["?", "these keys"],
  ];

  // ---- Elements -----------------------------------------------------------

  function fill(node, attributes, inside) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === false || value === undefined || value === null) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...inside.flat(3).filter((x) => x !== null && x !== ""
      && x !== undefined && x !== false));
    return node;
  }
  const h = (tag, attributes, ...inside) =>
    fill(document.createElement(tag), attributes, inside);
  const s = (tag, attributes, ...inside) =>
    fill(document.createElementNS(SVG, tag), attributes, inside);
  const unseen = (text) => h("span", { class: "pl-sr" }, text);
  const many = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;
  const list = (words) => words.length < 2 ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

  // ---- What differs between two moments ------------------------------------

  // What is in `some` beyond what is in `others`; both may repeat themselves.
  function beyond(some, others) {
    const left = new Map();
    others.forEach((x) => left.set(x, (left.get(x) || 0) + 1));
    return some.map((x) => {
      const n = left.get(x) || 0;
      if (n) left.set(x, n - 1);
      return !n;
    });
  }

  const FACTS = ["role", "term", "vote", "lead", "ticks", "timeout", "conf",
    "learner", "to", "commit", "applied", "stable", "cut"];

  class Player {
    constructor(root) {
      this.root = root;
      const kept = (element) => JSON.parse(element.textContent);
      this.data = kept(root.querySelector("script[type='application/json']"));
      // Several players of a page may keep what ran in one place.
      if (typeof this.data.code === "string") {
        Object.assign(this.data,
          kept(document.getElementById(this.data.code)));
      }
      this.listen();
      this.prefix = root.dataset.prefix;
      this.count = this.data.steps.length;
      this.moments = [this.data.before, ...this.data.steps];
      this.at = 0;
      this.speed = 1;
      this.timer = 0;
      this.predict = false;
      this.asking = false;
      this.said = new Set(); // "role 1": what the reader has said will change
      this.verdict = null;
      this.measure();
      this.build();
      const asked = this.asked();
      this.at = asked === null ? this.count && this.bare() ? 1 : 0 : asked;
      this.draw();
      if (asked !== null) this.reveal();
      addEventListener("hashchange", () => {
        const k = this.asked();
        if (k === null) return;
        this.go(k);
        this.reveal();
      });
      let width = 0;
      new ResizeObserver(() => {
        const now = this.stage.clientWidth;
        if (now === width) return;
        width = now;
        this.settle();
        this.draw();
      }).observe(this.stage);
    }

    // ---- Reading the data ---------------------------------------------------

    // The words of the steps are in the transcript, and nowhere else.
    listen() {
      const items = this.root.querySelectorAll(".pl-text li");
      this.data.steps.forEach((step, i) => {
        const text = items[i].querySelector("pre code").textContent;
        const at = text.indexOf("\n----\n");
        step.cmd = text.slice(0, at);
        step.out = text.slice(at + 6);
        step.prose = [...items[i].querySelectorAll("p")]
          .map((p) => p.textContent);
      });
    }

    step(k) { return k > 0 ? this.data.steps[k - 1] : null; }
    nodes(k) { return this.moments[k].nodes.map((n) => this.data.nodes[n]); }
    node(k, id) { return this.nodes(k).find((n) => n.id === id); }
    log(node) { return this.data.logs[node.log]; }
    bare() { return !this.data.before.nodes.length; }

    // The step that the address asks for, or null.
    asked() {
      const name = decodeURIComponent(location.hash.slice(1));
      if (!name.startsWith(this.prefix)) return null;
      const rest = name.slice(this.prefix.length);
      if (!/^\d+$/.test(rest) || Number(rest) > this.count) return null;
      return Number(rest);
    }

    // What stays the same through all steps, so that nothing jumps about.
    measure() {
      let first = Infinity, last = 0, most = 0, notes = 0;
      const confs = new Set();
      const ids = new Set();
      this.moments.forEach((moment, k) => {
        let rows = 0;
        for (const n of this.nodes(k)) {
          ids.add(n.id);
          confs.add(n.conf);
          first = Math.min(first, n.cut);
          last = Math.max(last, n.cut + this.log(n).length);
          if (n.peers) rows += n.peers.length ? n.peers.length + 1.4 : 1;
          else if (n.votes && n.role !== "F") rows += 1;
        }
        notes = Math.max(notes, rows);
        most = Math.max(most, (moment.took || []).length
          + moment.msgs.length);
      });
      this.ids = [...ids].sort((a, b) => a - b);
      // A configuration is only worth a line where it changes.
      this.confs = confs.size > 1;
      this.first = first;
      this.last = last;
      this.rows = Math.min(most, MOST) + (most > MOST ? 1 : 0);
      this.notes = notes;
    }

    // Gives the heads the room that the tallest of them will want.
    settle() {
      const here = this.at;
      const seen = new Set();
      let tallest = 0;
      this.heads.style.minHeight = "";
      for (this.at = 0; this.at <= this.count; this.at += 1) {
        const kind = this.nodes(this.at).map((n) =>
          [n.id, n.conf, n.learner, n.to].join()).join(";");
        if (seen.has(kind)) continue;
        seen.add(kind);
        this.drawHeads();
        tallest = Math.max(tallest, this.heads.offsetHeight);
      }
      this.heads.style.minHeight = `${tallest}px`;
      this.at = here;
    }

    // What of a node is new at step k: a set of names.
    changed(k, id) {
      const fresh = new Set();
      if (!k) return fresh;
      const [a, b] = [this.node(k - 1, id), this.node(k, id)];
      if (!b) return fresh;
      if (!a) return fresh.add("node");
      FACTS.filter((f) => a[f] !== b[f]).forEach((f) => fresh.add(f));
      const [old, now] = [this.log(a), this.log(b)];
      now.forEach((entry, i) => {
        const before = old[b.cut + i - a.cut];
        if (!before || before.join() !== entry.join()) {
          fresh.add("log").add(`entry ${b.cut + i + 1}`);
        }
      });
      if (a.cut + old.length > b.cut + now.length) fresh.add("log");
      if (a.cut !== b.cut) fresh.add("log");
      for (const peer of b.peers || []) {
        const was = (a.peers || []).find((p) => p.id === peer.id);
        for (const key of Object.keys(peer)) {
          if (!was || was[key] !== peer[key]) fresh.add(`${peer.id} ${key}`);
        }
      }
      if (String(a.votes || "") !== String(b.votes || "")) fresh.add("votes");
      return fresh;
    }

    // Messages to draw: those that came or got lost in the step, those that
    // are under way, and which of them are new.
    messages(k) {
      const moment = this.moments[k];
      const before = k ? this.moments[k - 1].msgs : [];
      const took = moment.took || [];
      const fresh = k ? beyond(moment.msgs, before) : [];
      const all = moment.msgs.map((m, i) => (
        { m: this.data.msgs[m], end: "", fresh: fresh[i] || false }));
      const room = Math.max(MOST - all.length, 0);
      const shown = took.slice(0, room).map(([m, lost]) => (
        { m: this.data.msgs[m], end: lost ? "lost" : "came" }));
      const more = took.length - shown.length + Math.max(all.length - MOST, 0);
      return { shown: [...shown, ...all.slice(0, MOST)], more,
        arrived: took.length };
    }

    // What changes from step k - 1 to k, node by node, as one may predict it.
    truth(k) {
      const found = new Set();
      const sent = this.step(k).took.map(([m]) => m)
        .concat(this.step(k).msgs);
      const fresh = beyond(sent, this.moments[k - 1].msgs);
      for (const id of this.ids) {
        const [a, b] = [this.node(k - 1, id), this.node(k, id)];
        if (!a || !b) continue;
        const news = this.changed(k, id);
        if (a.role !== b.role) found.add(`role ${id}`);
        if (news.has("log")) found.add(`log ${id}`);
        if (b.commit > a.commit) found.add(`commit ${id}`);
        const sends = sent.some((m, i) => fresh[i]
          && this.data.msgs[m][0] === id && this.data.msgs[m][1] !== id);
        if (sends) found.add(`send ${id}`);
      }
      return found;
    }

    // A command that only looks, or that starts nodes, is not worth a guess.
    worth(k) {
      const word = this.step(k).cmd.split(/\s/)[0];
      return this.nodes(k - 1).length > 0 && this.nodes(k - 1).length
        === this.nodes(k).length && !["raft-state", "raft-log", "status",
        "log-level", "set-randomized-election-timeout"].includes(word);
    }

    // ---- The frame ----------------------------------------------------------

    build() {
      const button = (name, sign, label, act) => h("button", {
        type: "button", class: `pl-b pl-${name}`, "aria-label": label,
        title: label, onclick: act }, sign);
      this.heads = h("div", { class: "pl-heads" });
      this.wires = s("svg", { class: "pl-wires" });
      this.logs = h("div", { class: "pl-logbox", tabindex: "0" });
      this.views = h("div", { class: "pl-views" });
      this.views.style.minHeight = `${this.notes * 25 + 2}px`;
      this.detail = h("p", { class: "pl-detail" });
      this.stage = h("div", { class: "pl-stage" }, this.heads, this.wires,
        h("div", { class: "pl-below" }, this.logs, this.views), this.detail);
      this.stage.style.setProperty("--n", this.ids.length || 1);
      this.heads.classList.toggle("pl-many", this.ids.length > 4);
      this.slider = h("input", { type: "range", class: "pl-slide", min: 0,
        max: this.count, step: 1, "aria-label": "step",
        oninput: () => this.go(Number(this.slider.value)) });
      this.label = h("span", { class: "pl-at" });
      this.first_ = button("first", "«", "to the beginning", () => this.go(0));
      this.back_ = button("back", "‹", "step back", () => this.back());
      this.next_ = button("next", "›", "next step", () => this.next());
      this.last_ = button("last", "»", "to the end",
        () => this.go(this.count));
      this.play_ = h("button", { type: "button", class: "pl-b pl-play",
        onclick: () => this.toggle() }, "play");
      this.speed_ = h("button", { type: "button", class: "pl-b pl-speed",
        onclick: () => this.faster() });
      this.predict_ = h("button", { type: "button", class: "pl-b pl-predict",
        "aria-pressed": "false", title: "Say what will happen before you see "
        + "it", onclick: () => this.wager() }, "predict");
      this.link_ = h("button", { type: "button", class: "pl-b pl-link",
        title: "A link to this step", onclick: () => this.link() }, "link");
      this.help_ = h("button", { type: "button", class: "pl-b pl-help",
        "aria-label": "keys", "aria-expanded": "false",
        onclick: () => this.help() }, "?");
      this.bar = h("div", { class: "pl-bar", role: "group",
        "aria-label": "Steps" },
        h("span", { class: "pl-go" }, this.first_, this.back_, this.label,
          this.next_, this.last_),
        h("span", { class: "pl-more" }, this.play_, this.speed_,
          this.predict_, this.link_, this.help_));
      this.keys = h("div", { class: "pl-keys", hidden: true },
        h("dl", {}, KEYS.map(([key, what]) =>
          h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)))),
        h("p", {}, "The same in a terminal: ",
          h("code", {}, this.root.dataset.command)));
      this.say = h("div", { class: "pl-say" });
      this.out = h("section", { class: "pl-out" });
      this.ran = h("section", { class: "pl-ran" });
      this.status = h("p", { class: "pl-sr", role: "status" });
      const text = this.root.querySelector(".pl-text");
      // From here on the player is what a link to a step means.
      text.querySelectorAll("[id]").forEach((e) => e.removeAttribute("id"));
      this.root.prepend(this.stage, this.slider, this.bar, this.keys,
        this.say, h("div", { class: "pl-beside" }, this.out, this.ran),
        this.status);
      this.root.classList.add("pl-live");
      this.root.tabIndex = -1;
      this.stage.tabIndex = 0;
      this.stage.setAttribute("role", "group");
      this.stage.setAttribute("aria-label",
        "The cluster. Arrow keys step, question mark tells the keys.");
      this.root.addEventListener("keydown", (event) => this.key(event));
      const tell = (event) => {
        const on = event.target.closest?.("[data-tell]");
        this.tell(on && this.stage.contains(on) ? on.dataset.tell : "");
      };
      this.stage.addEventListener("pointerover", tell);
      this.stage.addEventListener("focusin", tell);
      this.stage.addEventListener("pointerleave", () => this.tell(""));
      this.stage.addEventListener("focusout", () => this.tell(""));
    }

    tell(text) {
      if (text) {
        this.detail.textContent = text;
        return;
      }
      const sample = (kind, word) => h("span", { class: "pl-sample" },
        h("i", { class: `pl-e ${kind}` }), word);
      this.detail.replaceChildren(sample("ap co st", "applied"),
        sample("co st", "committed"), sample("st", "on disk"),
        sample("", "not yet on disk"),
        h("span", { class: "pl-sample" }, h("i", { class: "pl-fresh" }),
          "new in this step"));
    }

    // ---- Moving -------------------------------------------------------------

    go(k, keep = false) {
      if (!keep) this.stop();
      this.asking = false;
      this.verdict = null;
      this.at = Math.max(0, Math.min(this.count, k));
      this.draw();
      this.announce();
    }

    next(keep = false) {
      if (this.at === this.count) return;
      if (this.predict && !this.asking && this.worth(this.at + 1)) {
        this.said.clear();
        this.asking = true;
        this.draw();
        this.say.querySelector("button")?.focus({ preventScroll: true });
        this.status.textContent = "What will this command change? "
          + this.step(this.at + 1).cmd;
        return;
      }
      if (this.asking) this.judge();
      else this.go(this.at + 1, keep);
    }

    back() {
      if (this.asking) this.go(this.at);
      else this.go(this.at - 1);
    }

    judge() {
      const k = this.at + 1;
      const [said, truth] = [new Set(this.said), this.truth(k)];
      this.go(k);
      this.verdict = { said, truth };
      this.draw();
      this.stage.focus({ preventScroll: true });
      this.status.textContent = `${this.say.querySelector(".pl-verdict")
        .textContent} ${this.status.textContent}`;
    }

    toggle() {
      if (this.timer) return this.stop();
      if (this.predict) this.wager();
      if (this.at === this.count) this.go(0);
      const run = () => {
        this.next(true);
        if (this.at === this.count) this.stop();
        else this.timer = setTimeout(run, PAUSE / this.speed);
      };
      this.timer = setTimeout(run, 250);
      this.controls();
    }

    stop() {
      clearTimeout(this.timer);
      this.timer = 0;
      this.controls();
    }

    faster() {
      this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
      this.controls();
    }

    wager() {
      this.stop();
      this.predict = !this.predict;
      this.asking = false;
      if (this.predict && this.at < this.count) this.next();
      else this.draw();
    }

    async link() {
      history.replaceState(null, "", `#${this.prefix}${this.at}`);
      let said = "the address above";
      try {
        await navigator.clipboard.writeText(location.href);
        said = "copied";
      } catch { /* the address bar has it */ }
      this.link_.textContent = said;
      this.status.textContent = `Link to this step: ${said}.`;
      setTimeout(() => { this.link_.textContent = "link"; }, 1600);
    }

    help() {
      this.keys.hidden = !this.keys.hidden;
      this.help_.setAttribute("aria-expanded", String(!this.keys.hidden));
    }

    reveal() {
      // After whatever the browser does about the address.
      requestAnimationFrame(() => {
        this.root.scrollIntoView();
        // So that the arrow keys go on from the step that was asked for.
        this.stage.focus({ preventScroll: true });
      });
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const on = event.target;
      if (on.closest(".pl-text")) return;
      const acts = {
        ArrowRight: () => this.next(), ArrowLeft: () => this.back(),
        Home: () => this.go(0), End: () => this.go(this.count),
        " ": () => this.toggle(), "?": () => this.help(),
        p: () => this.wager(),
      };
      if (event.key === " " && on.closest("button, summary, a")) return;
      if (on.closest(".pl-out, .pl-ran") && /^(Home|End| )$/.test(event.key)) {
        return; // there, these scroll
      }
      if (!Object.hasOwn(acts, event.key)) return;
      event.preventDefault();
      acts[event.key]();
    }

    announce() {
      const step = this.step(this.at);
      const words = [`Step ${this.at} of ${this.count}.`];
      if (step) {
        words.push(`${step.cmd}.`, ...step.prose);
        for (const n of this.nodes(this.at)) {
          const fresh = this.changed(this.at, n.id);
          const facts = [];
          if (fresh.has("role")) facts.push(ROLES[n.role][1]);
          for (const f of ["term", "commit", "applied"]) {
            if (fresh.has(f)) facts.push(`${f} ${n[f]}`);
          }
          if (fresh.has("log")) facts.push("its log");
          if (facts.length) words.push(`New at node ${n.id}: ${list(facts)}.`);
        }
      }
      this.status.textContent = words.join(" ");
    }

    // ---- Drawing ------------------------------------------------------------

    draw() {
      // Whatever had the focus gets it back, if it is still there.
      const had = document.activeElement?.dataset?.key;
      const inside = this.stage.contains(document.activeElement);
      this.drawHeads();
      this.drawWires();
      this.drawLogs();
      this.drawViews();
      this.tell("");
      this.drawSay();
      this.drawOut();
      this.drawRan();
      this.controls();
      if (!inside || !had) return;
      (this.stage.querySelector(`[data-key="${had}"]`) || this.stage)
        .focus({ preventScroll: true });
    }

    controls() {
      if (!this.label) return;
      this.label.textContent = this.at
        ? `step ${this.at} of ${this.count}` : `before step 1 of ${this.count}`;
      this.slider.value = this.at;
      this.slider.setAttribute("aria-valuetext", this.label.textContent);
      const ends = [[this.first_, 0], [this.back_, 0],
        [this.next_, this.count], [this.last_, this.count]];
      // Not `disabled`, which would lose the focus at the last step.
      for (const [button, end] of ends) {
        const off = this.at === end && !this.asking;
        button.setAttribute("aria-disabled", String(off));
      }
      this.play_.textContent = this.timer ? "pause" : "play";
      this.speed_.textContent = `${this.speed}×`;
      this.speed_.setAttribute("aria-label", `speed ${this.speed}`);
      this.predict_.setAttribute("aria-pressed", String(this.predict));
    }

    // "voters=(1 2 4)&&(1 2 3)" as people say it.
    conf(n) {
      return n.conf === "voters=()" ? "no voters known"
        : n.conf.replace("&&", " and ").replaceAll("=", " ")
          .replace(" autoleave", ", leaves by itself");
    }

    // A fact that may be new.
    fact(text, fresh, attributes = {}) {
      return h("span", { ...attributes,
        class: `pl-fact${fresh ? " pl-fresh" : ""}` },
        fresh && unseen("new: "), text);
    }

    drawHeads() {
      this.heads.replaceChildren(...this.ids.map((id) => {
        const n = this.node(this.at, id);
        if (!n) {
          return h("div", { class: "pl-node pl-absent" },
            h("span", { class: "pl-role" }, h("span", {}, `node ${id}`)),
            h("span", { class: "pl-fact" }, "not there yet"));
        }
        const fresh = this.changed(this.at, id);
        const isNew = (...names) => fresh.has("node")
          || names.some((f) => fresh.has(f));
        const [style, role] = ROLES[n.role];
        const lead = n.lead === id ? "leads"
          : n.lead ? `leader ${n.lead}` : "no leader";
        const words = [`node ${id}, ${role}${n.learner ? ", learner" : ""}`,
          `term ${n.term}`, n.vote ? `its vote is for ${n.vote}` : "no vote",
          lead, `log up to ${n.cut + this.log(n).length}`,
          `on disk up to ${n.stable}`,
          `committed ${n.commit}`, `applied ${n.applied}`,
          `${n.ticks} of ${n.timeout} ticks`, n.conf];
        return h("div", { class: "pl-node", tabindex: 0,
          "data-key": `node ${id}`, "data-tell": words.join("; "),
          role: "group", "aria-label": words[0] },
          h("span", { class: `pl-role pl-${style}${
            isNew("role") ? " pl-fresh" : ""}` },
            isNew("role") && unseen("new: "),
            h("b", { title: role }, n.role), h("span", {}, `node ${id}`)),
          h("span", { class: "pl-facts" },
            this.fact(`term ${n.term}`, isNew("term")),
            this.fact(n.vote ? `vote ${n.vote}` : "no vote", isNew("vote")),
            this.fact(n.to ? `handing to ${n.to}` : lead,
              isNew("lead", "to"))),
          this.gauge(n, isNew("ticks", "timeout")),
          this.confs && this.fact(this.conf(n), isNew("conf"),
            { title: "the configuration" }),
          n.learner && this.fact("learner, no vote", isNew("learner")));
      }));
    }

    gauge(n, fresh) {
      const told = n.role === "L" ? "ticks until the quorum is checked"
        : "ticks of silence";
      const dots = [];
      const most = Math.max(n.timeout, n.ticks);
      if (most <= 12) {
        for (let i = 0; i < most; i += 1) {
          dots.push(h("i", { class: i < n.ticks ? "on" : "" }));
        }
      }
      return h("span", { class: `pl-gauge pl-fact${fresh ? " pl-fresh" : ""}`,
        title: told }, fresh && unseen("new: "),
        h("span", { class: "pl-dots", "aria-hidden": "true" }, dots),
        h("span", {}, `${n.ticks}/${n.timeout} ticks`));
    }

    drawWires() {
      const width = this.stage.clientWidth || 692;
      const { shown, more, arrived } = this.messages(this.at);
      // Where an arrow is too short for its words, they stand above it.
      this.above = width / this.ids.length < 200;
      this.row = this.above ? 39 : 29;
      const height = Math.max(this.rows, 1) * this.row + 12;
      const x = (id) => {
        const at = this.ids.indexOf(id);
        return (at < 0 ? -0.4 : at + 0.5) * width / this.ids.length;
      };
      const parts = this.ids.map((id) => s("path", { class: "pl-rail",
        d: `M${x(id)} 0V${height}` }));
      shown.forEach((one, row) => {
        parts.push(this.arrow(one, row, x, width));
      });
      if (!shown.length) {
        parts.push(...this.label_(width / 2, 22, [["pl-quiet",
          this.at ? "nothing under way" : "nothing under way yet"]], width));
      }
      if (more) {
        const gone = shown.filter((o) => o.end).length;
        const all = arrived > gone
          ? `${many(arrived - gone, "more message")} came and went; `
            + "the transcript has them all"
          : `and ${more} more`;
        parts.push(...this.label_(width / 2, shown.length * this.row + 20,
          [["pl-quiet", all]], width));
      }
      this.wires.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.wires.setAttribute("width", width);
      this.wires.setAttribute("height", height);
      this.wires.setAttribute("role", "group");
      this.wires.setAttribute("aria-label", "Messages");
      this.wires.replaceChildren(...parts);
    }

    // Text around x, on paper, kept inside the drawing.
    label_(x, y, pieces, width) {
      const length = pieces.reduce((n, [, t]) => n + t.length, 0);
      const wide = length * 7.1 + 10;
      const at = Math.max(wide / 2 + 1, Math.min(width - wide / 2 - 1, x));
      return [
        s("rect", { class: "pl-paper", x: at - wide / 2, y: y - 12,
          width: wide, height: 17 }),
        s("text", { x: at, y: y + 1, "text-anchor": "middle" },
          pieces.map(([name, text]) => s("tspan", { class: name }, text))),
      ];
    }

    arrow({ m, end, fresh }, row, x, width) {
      const [from, to, type, gist, text] = m;
      const y = row * this.row + (this.above ? 32 : 20);
      const [a, b] = [x(from), x(to)];
      const side = b > a ? 1 : -1;
      const state = end === "lost" ? "lost" : end === "came" ? "arrived"
        : "under way";
      const marks = [];
      let middle = (a + b) / 2;
      if (from === to) {
        marks.push(s("path", { class: "pl-line", d: `M${a} ${y - 7}h22q6 0 `
          + `6 7t-6 7h-16` }), this.tip(a + 5, y + 7, -1));
        if (!this.above) {
          middle = a + 34 + (type.length + gist.length + 1) * 3.6 + 5;
        }
      } else if (end === "lost") {
        const stop = b - side * Math.min(46, Math.abs(b - a) / 4);
        marks.push(s("path", { class: "pl-line", d: `M${a} ${y}H${stop}` }),
          s("path", { class: "pl-x",
            d: `M${stop - 5} ${y - 5}l10 10m0 -10l-10 10` }));
      } else {
        marks.push(s("path", { class: "pl-line",
          d: `M${a + side * 4} ${y}H${b - side * 9}`, pathLength: 1 }),
          this.tip(b - side * 3, y, side));
      }
      const pieces = [["pl-type", type], ["pl-gist", gist && ` ${gist}`]];
      return s("g", { class: `pl-msg pl-${end || "sent"}${
        fresh ? " pl-fresh" : ""}`, tabindex: 0, role: "img",
        "data-key": `msg ${row}`, "data-tell": `${text}  (${state})`,
        "aria-label": `${fresh ? "new: " : ""}${text}, ${state}` },
        s("rect", { class: "pl-hit", x: Math.min(a, b), y: y - 13,
          width: Math.max(Math.abs(a - b), 40), height: 26 }),
        marks, this.label_(middle, this.above ? y - 9 : y + 3, pieces,
          width));
    }

    tip(x, y, side) {
      return s("path", { class: "pl-tip",
        d: `M${x} ${y}l${-side * 9} -4.5v9z` });
    }

    drawLogs() {
      const columns = this.last - this.first;
      if (!(columns >= 0) || !this.ids.length) {
        this.logs.replaceChildren();
        return;
      }
      const width = this.stage.clientWidth;
      const room = Math.floor((width - 235) / (columns + 1)) - 3;
      const wide = room >= 66;
      const cell = wide ? Math.min(room, 92) : width < 560 ? 22 : 30;
      const indexes = [];
      for (let i = this.first; i <= this.last; i += 1) indexes.push(i);
      const rows = this.ids.map((id) => {
        const n = this.node(this.at, id);
        if (!n) return h("tr", {}, h("th", { scope: "row" }));
        return this.logRow(n, this.changed(this.at, id));
      });
      // The first is narrow: it has a snapshot in it, if anything.
      const widths = indexes.map((i) => i === this.first ? 30 : cell);
      const table = h("table", { class: `pl-logs${wide ? " wide" : ""}` },
        h("caption", { class: "pl-sr" }, "The logs"),
        h("colgroup", {}, h("col", { style: "width:42px" }),
          widths.map((w) => h("col", { style: `width:${w}px` })),
          h("col", { class: "pl-last" })),
        h("thead", {}, h("tr", {}, h("td", {}), indexes.map((i) =>
          h("th", { scope: "col" }, i === this.first ? "" : i)),
          h("td", { class: "pl-marks" }))),
        h("tbody", {}, rows));
      const all = widths.reduce((sum, w) => sum + w + 3, 42 + 6);
      table.style.width = `${all + (width < 560 ? 0 : 175)}px`;
      const scrolled = this.logs.scrollLeft;
      this.logs.replaceChildren(table);
      this.logs.scrollLeft = scrolled;
      // What is new should not hide beyond the edge.
      const news = table.querySelector(".pl-e.pl-fresh");
      if (news && this.logs.scrollWidth > this.logs.clientWidth) {
        this.logs.scrollLeft = news.offsetLeft - this.logs.clientWidth / 2;
      }
    }

    logRow(n, fresh) {
      const cells = [];
      const isNew = (name) => fresh.has(name) || fresh.has("node");
      const cut = n.cut - this.first + 1;
      const told = n.cut ? `entries up to ${n.cut} are in the snapshot, `
        + "no longer in the log" : "the beginning";
      cells.push(h("td", { colspan: cut, class: "pl-cutcell",
        "data-tell": `node ${n.id}: ${told}` },
        h("span", { class: `pl-e pl-cut${isNew("cut") ? " pl-fresh" : ""}` },
          isNew("cut") && unseen("new: "),
          h("span", { "aria-hidden": "true" }, n.cut ? `≤${n.cut}` : ""),
          unseen(told))));
      this.log(n).forEach(([term, text], i) => {
        const index = n.cut + i + 1;
        const marks = [index <= n.applied && "ap", index <= n.commit && "co",
          index <= n.stable && "st"].filter(Boolean);
        const state = [marks.includes("ap") ? "applied"
          : marks.includes("co") ? "committed" : "not committed",
        marks.includes("st") ? "on disk" : "not yet on disk"].join(", ");
        const a = this.at > 0 ? this.node(this.at - 1, n.id) : null;
        const rose = !!a && (["applied", "commit", "stable"].some((m) =>
          index > a[m] && index <= n[m]) || fresh.has(`entry ${index}`));
        cells.push(h("td", { "data-tell": `node ${n.id}, entry ${index}, `
          + `term ${term}: ${text || "empty"}; ${state}` },
          h("span", { class: `pl-e ${marks.join(" ")}${
            rose ? " pl-fresh" : ""}`,
            style: `--term:var(--term-${(term - 1) % 6 + 1})` },
            rose && unseen("new: "), h("b", {}, term),
            h("span", { class: "pl-data" }, text || "empty"),
            unseen(`, ${state}`))));
      });
      const left = this.last - n.cut - this.log(n).length;
      if (left) cells.push(h("td", { colspan: left }));
      return h("tr", {},
        h("th", { scope: "row" },
          h("span", { class: `pl-tag pl-${ROLES[n.role][0]}` }, n.role),
          ` ${n.id}`, unseen(`, node ${n.id}`)),
        cells,
        h("td", { class: "pl-marks" },
          this.fact(`commit ${n.commit}`, isNew("commit")), " ",
          this.fact(`applied ${n.applied}`, isNew("applied"))));
    }

    drawViews() {
      const blocks = [];
      for (const n of this.nodes(this.at)) {
        const fresh = this.changed(this.at, n.id);
        if (n.peers?.length) blocks.push(this.peers(n, fresh));
        else if (n.votes?.length && n.role !== "F") {
          const said = n.votes.map(([id, yes]) =>
            `${id} ${yes ? "yes" : "no"}`).join(", ");
          blocks.push(h("p", { class: "pl-ballots" },
            `Node ${n.id} has these ballots: `,
            this.fact(said, fresh.has("votes"))));
        }
      }
      this.views.replaceChildren(...blocks);
    }

    peers(n, fresh) {
      const cell = (peer, key, text, told) => h("td", {},
        this.fact(text, fresh.has(`${peer.id} ${key}`), { title: told }));
      const rows = n.peers.map((p) => h("tr", {},
        h("th", { scope: "row" }, `node ${p.id}`),
        cell(p, "state", p.state), cell(p, "match", p.match),
        cell(p, "next", p.next),
        cell(p, "flight", p.flight > 6 ? `${p.flight} appends`
          : p.flight ? "●".repeat(p.flight) : "–", many(p.flight, "append")),
        h("td", { class: "pl-rest" }, this.fact([
          p.paused ? "paused" : "", p.snap ? `snapshot ${p.snap}` : "",
          p.learner ? "learner" : "", p.active ? "" : "silent",
        ].filter(Boolean).join(", "), ["paused", "snap", "active"].some(
          (k) => fresh.has(`${p.id} ${k}`)) && (p.paused || p.snap
            || !p.active)))));
      const head = ["match", "next", "under way", ""].map((t) =>
        h("th", { scope: "col" }, t));
      return h("table", { class: "pl-peers" },
        h("thead", {}, h("tr", {}, h("th", { colspan: 2, scope: "col" },
          `What node ${n.id} knows of`), head)),
        h("tbody", {}, rows));
    }

    drawSay() {
      const parts = [];
      if (this.asking) {
        parts.push(...this.question());
      } else {
        const step = this.step(this.at);
        if (this.verdict) parts.push(this.judged());
        if (step) {
          const [head, ...given] = step.cmd.split("\n");
          parts.push(h("p", { class: "pl-cmd" }, h("code", {}, head),
            given.map((line) => [h("br", {}), h("code", {}, line)])));
          let told = this.at;
          while (told > 1 && !this.step(told).prose.length) told -= 1;
          const still = told < this.at ? "pl-quiet" : false;
          this.step(told).prose.forEach((text) =>
            parts.push(h("p", { class: still }, text)));
        } else {
          parts.push(h("p", { class: "pl-quiet" }, this.bare()
            ? "Nothing is there yet."
            : "This is how things stand before the first step."));
        }
      }
      this.say.replaceChildren(...parts);
      this.root.classList.toggle("pl-asking", this.asking);
    }

    question() {
      const kinds = { role: "changes its role", log: "its log changes",
        commit: "commits more", send: "sends messages" };
      const row = ([kind, words]) => h("tr", {},
        h("th", { scope: "row" }, words),
        this.nodes(this.at).map(({ id }) => h("td", {}, h("button", {
          type: "button", class: "pl-b pl-chip", "aria-pressed": "false",
          "aria-label": `node ${id} ${words}`,
          onclick: (event) => {
            const name = `${kind} ${id}`;
            const on = !this.said.delete(name);
            if (on) this.said.add(name);
            event.currentTarget.setAttribute("aria-pressed", String(on));
          } }, id))));
      const step = this.step(this.at + 1);
      return [
        h("p", { class: "pl-cmd" }, h("code", {}, step.cmd.split("\n")
          .join("  "))),
        h("p", {}, `What will step ${this.at + 1} change? Mark the nodes, or `
          + "say it aloud."),
        h("table", { class: "pl-ask" }, Object.entries(kinds).map(row)),
        h("p", {}, h("button", { type: "button", class: "pl-b pl-show",
          onclick: () => this.next() }, "I have said it")),
      ];
    }

    judged() {
      const { said, truth } = this.verdict;
      const words = { role: "a new role at", log: "another log at",
        commit: "more committed at", send: "messages from" };
      const speak = (names) => list(Object.entries(words)
        .map(([kind, word]) => [word, names.filter((n) =>
          n.startsWith(`${kind} `)).map((n) => n.split(" ")[1])])
        .filter(([, ids]) => ids.length)
        .map(([word, ids]) => `${word} ${list(ids)}`));
      const right = [...said].filter((n) => truth.has(n));
      const missed = [...truth].filter((n) => !said.has(n));
      const wrong = [...said].filter((n) => !truth.has(n));
      if (!said.size) {
        const all = truth.size ? `It is: ${speak(missed)}.`
          : "Nothing of all that changes.";
        return h("p", { class: "pl-verdict" }, all);
      }
      const parts = [];
      if (!missed.length && !wrong.length) parts.push("Just so. ");
      if (right.length) parts.push(`You saw it coming: ${speak(right)}. `);
      if (missed.length) parts.push(`Also: ${speak(missed)}. `);
      if (wrong.length) parts.push(`But not: ${speak(wrong)}.`);
      return h("p", { class: "pl-verdict" }, parts.join("").trim());
    }

    drawOut() {
      const step = this.asking ? null : this.step(this.at);
      const text = step ? step.out : "";
      this.out.replaceChildren(
        h("h4", {}, "What it printed"),
        h("div", { class: "pl-scroll", tabindex: text ? 0 : false,
          role: "region", "aria-label": "What it printed" },
          h("pre", { class: "pl-print" }, this.asking ? "…"
            : text || (step ? "nothing" : "–"))));
    }

    drawRan() {
      const step = this.asking ? null : this.step(this.at);
      const ran = step ? step.ran.map((at) => this.data.runs[at]) : [];
      const lines = ran.reduce((n, [, some]) => n + some.length, 0);
      const title = step ? `Lines that ran: ${lines}, in ${
        many(ran.length, "function")}` : "Lines that ran";
      const files = new Map();
      for (const [place, numbers] of ran) {
        const [path] = this.data.code[place];
        if (!files.has(path)) files.set(path, []);
        files.get(path).push([place, numbers]);
      }
      // The heart first, then what it leans on.
      const order = [...files].sort(([a], [b]) =>
        (b === "port/raft.py") - (a === "port/raft.py"));
      const open = order[0]?.[1].length <= 5;
      const box = h("div", { class: "pl-scroll", tabindex: lines ? 0 : false,
        role: "region", "aria-label": title },
        order.map(([path, functions], at) => [
          h("p", { class: "pl-file" }, path),
          functions.map(([place, numbers]) =>
            this.function_(place, numbers, open && !at)),
        ]),
        !lines && h("p", { class: "pl-quiet" }, this.asking ? "…"
          : step ? "none: it only looks" : "–"));
      this.ran.replaceChildren(h("h4", {}, title), box);
    }

    function_(place, numbers, open) {
      const [, name, lines, home] = this.data.code[place];
      const ran = new Set(numbers);
      const some = lines.filter(([n]) => ran.has(n));
      const indent = Math.min(...some.map(([, t]) => t.search(/\S|$/)));
      const row = ([n, text, anchor], i) => {
        const number = home && anchor
          ? h("a", { href: `${home}.${anchor}`, "aria-label": `line ${n}` }, n)
          : h("span", {}, n);
        const gap = i && some[i - 1][0] < n - 1 ? " pl-gap" : "";
        return h("div", { class: `pl-l${gap}` }, number,
          h("code", {}, text.slice(indent)));
      };
      const title = h("code", {}, name);
      const details = h("details", { class: "pl-fn", open },
        h("summary", {}, title, h("small", {}, ` ${
          many(some.length, "line")}`)));
      const body = h("div", {});
      details.append(body);
      // Lines are made when somebody looks: a step may have hundreds.
      const show = () => {
        if (!details.open || body.firstChild) return;
        body.append(...some.map(row));
        if (!home) return;
        body.append(h("a", { href: home, class: "pl-walk" }, "its walk"));
      };
      details.addEventListener("toggle", show);
      show();
      return details;
    }
  }

  // A player that is folded away sleeps until it is opened or asked for.
  const wake = (root) => { root.player ||= new Player(root); };
  const called = (root) => {
    const asked = decodeURIComponent(location.hash.slice(1));
    if (!asked.startsWith(root.dataset.prefix)) return;
    root.closest("details").open = true;
    wake(root);
  };
  for (const root of document.querySelectorAll(".pl")) {
    const fold = root.closest(".wv-run");
    if (!fold) {
      wake(root);
      continue;
    }
    fold.addEventListener("toggle", () => { if (fold.open) wake(root); });
    addEventListener("hashchange", () => called(root));
    called(root);
  }
})();
