// Keeps the middle part of a page up to date. Without it every page still
// works; a reload shows what is new.
(() => {
  "use strict";
  const main = document.getElementById("main");
  let room = document.getElementById("room");
  let last = room.innerHTML;

  // A person who types, has selected text or has opened a question is left alone.
  const busy = () =>
    document.hidden ||
    ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName) ||
    String(getSelection()) !== "" ||
    room.querySelector("details.ask[open]");

  async function look() {
    const every = Number(room.dataset.live);
    if (!every) return;
    if (!busy()) {
      try {
        const answer = await fetch(main.dataset.path, { headers: { "Rapport-Part": "main" } });
        if (answer.headers.get("Content-Type")?.startsWith("text/html")) show(await answer.text());
        main.classList.remove("stale");
      } catch {
        main.classList.add("stale"); // the process is away; it may come back
      }
    }
    setTimeout(look, every * 1000);
  }

  function show(html) {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const fresh = parsed.getElementById("room");
    if (!fresh || busy()) return;
    const next = fresh.innerHTML;
    if (next === last) return;
    const open = [...room.querySelectorAll("details[data-keep][open]")].map((d) => d.dataset.keep);
    const focus = document.activeElement?.getAttribute("href");
    last = next;
    room.replaceWith(fresh);
    room = fresh;
    for (const d of room.querySelectorAll("details[data-keep]")) d.open = open.includes(d.dataset.keep);
    if (focus) [...room.querySelectorAll("a")].find((a) => a.getAttribute("href") === focus)?.focus({ preventScroll: true });
  }

  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  setTimeout(look, Number(room.dataset.live) * 1000);
})();
