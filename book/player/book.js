// What a page of walks can do beyond what its styles do. Everything here may
// fail and leave a page that reads well.
"use strict";

(() => {
  const kept = {
    get(name) {
      try { return localStorage.getItem(`weave.${name}`) === "1"; }
      catch { return false; }
    },
    set(name, on) {
      try { localStorage.setItem(`weave.${name}`, on ? "1" : "0"); }
      catch { /* a private window forgets, no more */ }
    },
  };

  // A dialogue wants a name; the one for searching comes without.
  document.querySelector(".md-search")?.setAttribute("aria-label", "Search");

  // ---- Switches keep their place from page to page -------------------------

  function switched(id, act) {
    const box = document.getElementById(id);
    if (!box) return;
    box.checked = kept.get(id);
    box.addEventListener("change", () => {
      kept.set(id, box.checked);
      act(box);
    });
    if (box.checked) act(box);
  }

  // ---- Go beside Python ----------------------------------------------------

  // The text of each Go file, as a promise; asked for when first wanted.
  const sources = new Map();
  const waiting = new Map();
  const REMOTE = "https://raw.githubusercontent.com/etcd-io/raft/v3.7.0/";

  // The copy in the site comes as scripts, since a file may load no other.
  window.goSource = (name, text) => waiting.get(name)?.(text);

  function loadScript(name, folder) {
    return new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const script = document.createElement("script");
      script.src = `${folder}${name}.js`;
      script.onerror = () => reject(new Error(`no copy of ${name}`));
      document.head.append(script);
    });
  }

  function goLines(name) {
    if (!sources.has(name)) {
      const folder = document.querySelector("meta[name=raft-go]")?.content;
      const text = folder
        ? loadScript(name, folder)
        : fetch(REMOTE + name).then((answer) => {
            if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
            return answer.text();
          });
      const lines = text.then((all) => all.split("\n"));
      lines.catch(() => sources.delete(name));
      sources.set(name, lines);
    }
    return sources.get(name);
  }

  // "raft.go:892,895-896; tracker/progress.go:40", as the build writes it.
  function* ranges(said) {
    for (const piece of said.split("; ")) {
      const [name, spans] = piece.split(":");
      for (const span of spans.split(",")) {
        const [first, last] = span.split("-").map(Number);
        yield { name, first, last: last || first };
      }
    }
  }

  const TOKEN = new RegExp(
    String.raw`(\/\/.*)|("(?:\\.|[^"\\])*"|` + "`[^`]*`" + String.raw`)|` +
    String.raw`\b(func|return|if|else|for|range|switch|case|default|var|` +
    String.raw`const|type|struct|interface|map|chan|go|defer|select|nil|` +
    String.raw`true|false|break|continue|package|import)\b`, "g");

  function goLine(text) {
    const line = document.createElement("code");
    let at = 0;
    for (const found of text.matchAll(TOKEN)) {
      line.append(text.slice(at, found.index));
      const span = document.createElement("span");
      span.className = found[1] ? "go-c" : found[2] ? "go-s" : "go-k";
      span.textContent = found[0];
      line.append(span);
      at = found.index + found[0].length;
    }
    line.append(text.slice(at) || "\u00a0");
    return line;
  }

  async function goBlock(said) {
    const block = document.createElement("pre");
    block.className = "wv-gocode";
    const texts = [];
    for (const { name, first, last } of ranges(said)) {
      texts.push(...(await goLines(name)).slice(first - 1, last));
    }
    const indents = texts.filter((t) => t.trim())
      .map((t) => t.match(/^\t*/)[0].length);
    const indent = Math.min(...indents);
    for (const text of texts) {
      block.append(goLine(text.slice(indent).replaceAll("\t", "  ")), "\n");
    }
    return block;
  }

  const say = (text) => {
    const place = document.querySelector(".wv-said");
    if (place) place.textContent = text;
  };

  async function showGo(box) {
    document.querySelectorAll(".wv-gocode").forEach((e) => e.remove());
    document.body.classList.toggle("wv-with-go", box.checked);
    if (!box.checked) return say("");
    say("fetching the Go");
    try {
      for (const note of document.querySelectorAll(".wv-note[data-go]")) {
        const block = await goBlock(note.dataset.go);
        if (!box.checked) return;
        note.querySelector(".wv-gocode")?.remove();
        note.querySelector(".wv-where").after(block);
      }
      say("");
    } catch {
      document.querySelectorAll(".wv-gocode").forEach((e) => e.remove());
      box.checked = false;
      say("The Go cannot be had just now; the links lead to it.");
    }
  }

  switched("wv-only-key", () => undefined);
  switched("wv-show-go", showGo);

  // ---- Where the reader is ------------------------------------------------

  const doors = [...document.querySelectorAll(".wv-strip-walks a")];
  const heres = doors.map((a) => document.getElementById(
    decodeURIComponent(a.hash.slice(1))));
  let asked = false;

  function mark() {
    asked = false;
    // The last walk whose head has gone past the upper third of the window.
    const at = heres.findLastIndex(
      (walk) => walk.getBoundingClientRect().top < innerHeight / 3);
    doors.forEach((a, n) => {
      if (n === at) a.setAttribute("aria-current", "true");
      else a.removeAttribute("aria-current");
    });
  }

  addEventListener("scroll", () => {
    if (asked || !doors.length) return;
    asked = true;
    requestAnimationFrame(mark);
  }, { passive: true });
  mark();

  // ---- A name, and where else it stands ------------------------------------

  const NAMES = ".wv-text :is(.n, .nf, .nc, .fm)";

  // Two names are the same if they lead to the same walk, or if neither leads
  // anywhere and they read alike. Where a function is defined is its walk.
  function meaning(name) {
    const link = name.querySelector("a.wv-sym");
    if (link) return link.href;
    const text = name.textContent;
    const home = name.closest(".wv-walk");
    const own = home && name.matches(".nf, .nc, .fm")
      && home.id.split(".").pop() === text;
    return own ? new URL(`#${home.id}`, location.href).href : `"${text}"`;
  }

  let lit = [];
  let told = null;

  function unlight() {
    for (const name of lit) name.classList.remove("wv-same", "wv-picked");
    lit = [];
    told?.remove();
    told = null;
  }

  function button(text, label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  }

  function pick(name, into) {
    for (const other of lit) other.classList.toggle("wv-picked", other === name);
    if (into) name.scrollIntoView({ block: "center" });
  }

  function light(name) {
    unlight();
    const same = meaning(name);
    lit = [...document.querySelectorAll(NAMES)]
      .filter((other) => meaning(other) === same);
    for (const other of lit) other.classList.add("wv-same");
    pick(name, false);
    const go = (by) => () => {
      const at = lit.findIndex((n) => n.classList.contains("wv-picked"));
      pick(lit[(at + by + lit.length) % lit.length], true);
    };
    told = document.createElement("div");
    told.className = "wv-uses";
    told.setAttribute("role", "status");
    const code = document.createElement("code");
    code.textContent = name.textContent;
    const times = lit.length === 1 ? "once" : `${lit.length} times`;
    told.append(code, ` stands ${times} on this page `);
    if (lit.length > 1) {
      told.append(button("↑", "the one before", go(-1)),
        button("↓", "the next one", go(1)));
    }
    if (!same.startsWith('"')) {
      const walk = document.createElement("a");
      walk.href = same;
      walk.textContent = "its walk";
      told.append(walk);
    }
    told.append(button("×", "put out", unlight));
    document.body.append(told);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest(".wv-uses")) return;
    const name = event.target.closest(NAMES);
    if (!name) return unlight();
    if (String(getSelection())) return;
    const link = name.querySelector("a.wv-sym");
    const again = name.classList.contains("wv-picked");
    // The first press lights up, the second goes there; a keyboard goes.
    const away = event.ctrlKey || event.metaKey || event.shiftKey;
    if (link && (again || away || event.detail === 0)) return;
    event.preventDefault();
    if (again) unlight();
    else light(name);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") unlight();
  });

  // ---- Marking code leaves the notes out -----------------------------------

  document.addEventListener("selectstart", (event) => {
    const start = event.target.nodeType === 1
      ? event.target : event.target.parentElement;
    for (const walk of document.querySelectorAll(".wv-code")) {
      const inCode = walk.contains(start) && start.closest(".wv-lines");
      walk.classList.toggle("wv-marking", Boolean(inCode));
    }
  });

  // The text of the marked lines, one under the other and nothing between.
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    const walk = document.querySelector(".wv-marking");
    if (!walk || !selection.rangeCount) return;
    const marked = selection.getRangeAt(0);
    const texts = [];
    for (const line of walk.querySelectorAll(".wv-line")) {
      if (!marked.intersectsNode(line)) continue;
      const part = document.createRange();
      part.selectNodeContents(line);
      if (line.contains(marked.startContainer)) {
        part.setStart(marked.startContainer, marked.startOffset);
      }
      if (line.contains(marked.endContainer)) {
        part.setEnd(marked.endContainer, marked.endOffset);
      }
      texts.push(part.toString().trimEnd());
    }
    if (!texts.length) return;
    event.clipboardData.setData("text/plain", texts.join("\n"));
    event.preventDefault();
  });

  // ---- Paper has no plus to press ------------------------------------------

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => {
    opened.forEach((d) => { d.open = false; });
    opened = [];
  });
})();
