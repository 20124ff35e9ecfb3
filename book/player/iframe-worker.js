// The search runs in a worker, and a page that is a file may not start one.
// There, a hidden frame stands in: the same script, the same messages.
"use strict";
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      document.body.append(this.frame);
      const inner = this.frame.contentWindow;
      const answer = (data) =>
        this.dispatchEvent(new MessageEvent("message", { data }));
      // What arrives before the script has run waits for it.
      this.ready = new Promise((resolve, reject) => {
        const page = inner.document;
        page.open();
        page.write("<!doctype html><title>search</title>");
        page.close();
        inner.postMessage = (data) => answer(data);
        inner.importScripts = () => undefined;
        const script = page.createElement("script");
        script.src = url;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`cannot load ${url}`));
        page.head.append(script);
      });
    }
    postMessage(data) {
      this.ready.then(() => {
        const inner = this.frame.contentWindow;
        inner.dispatchEvent(new inner.MessageEvent("message", { data }));
      });
    }
    terminate() {
      this.frame.remove();
    }
  };
}
