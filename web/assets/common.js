// Common to all pages: theme, keys, copying, relative times. Pages work without any of it.
"use strict";
(() => {
  const root = document.documentElement;
  const $ = (selector) => document.querySelector(selector);

  const hearken = (window.hearken = {
    announce(text) { $("#announcer").textContent = text; },
    // A page's keys, from name to function. Ignored while typing.
    keys: {},
    // This address on the first page of its list.
    firstPage() {
      const address = new URL(location.href);
      for (const name of ["cursor", "back", "page", "as_of"]) address.searchParams.delete(name);
      address.hash = "";
      return address;
    },
    // Keeps relative times up to date; the server writes all others in the zone of the page.
    times(scope) {
      for (const time of scope.querySelectorAll("time[data-ago]")) {
        const minutes = Math.floor((Date.now() - new Date(time.dateTime)) / 60_000);
        if (minutes >= 0 && minutes < 7 * 1440) {
          time.textContent = minutes < 1 ? "just now" : minutes < 60 ? `${minutes} min ago` : minutes < 1440 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1440)} d ago`;
        }
      }
    },
    // Server-sent events for an element's search, through the worker that all tabs share (streams.js). Calls `on` with each
    // interaction that changed since the page was made, and `missed` if the server no longer knows which did.
    stream({ dataset: { stream: address, point } }, on, missed) {
      const live = $("#live");
      const show = (isOn) => { live.hidden = false; live.classList.toggle("on", isOn); live.querySelector("[data-live-text]").textContent = isOn ? "live" : "waiting"; };
      const hear = ({ is, data }) => {
        if (is === "on" || is === "waiting") show(is === "on");
        else if (is === "refused") live.hidden = true;
        else if (is === "gap") missed();
        else { let interaction; try { interaction = JSON.parse(data); } catch { return; } on(interaction); } // not JSON, so not for us
      };
      let port = null;
      try { port = new SharedWorker(root.dataset.streams).port; } catch { return hearken.ownStream(address, point, hear); }
      port.onmessage = (message) => hear(message.data);
      const closed = new AbortController();
      const { signal } = closed;
      const say = () => port.postMessage({ address, point, isShown: !document.hidden });
      say();
      const saying = setInterval(say, 60_000);
      document.addEventListener("visibilitychange", say, { signal });
      addEventListener("pageshow", (event) => { if (event.persisted) say(); }, { signal });
      const leave = () => port.postMessage({ isLeaving: true });
      addEventListener("pagehide", leave, { signal });
      return { close() { closed.abort(); clearInterval(saying); port.onmessage = null; leave(); } };
    },
    // Without shared workers, each tab has a stream of its own, closed while the tab is hidden.
    ownStream(address, point, hear) {
      const closed = new AbortController();
      const { signal } = closed;
      let source = null, last = point;
      const end = () => { source?.close(); source = null; };
      const begin = () => {
        if (source || signal.aborted || document.hidden) return;
        source = new EventSource(`${address}${address.includes("?") ? "&" : "?"}last_event_id=${encodeURIComponent(last)}`);
        const heard = (event) => { if (event.lastEventId) last = event.lastEventId; };
        source.onmessage = heard;
        source.onopen = () => hear({ is: "on" });
        source.onerror = () => hear({ is: source?.readyState === EventSource.CLOSED ? "refused" : "waiting" });
        source.addEventListener("interaction", (event) => { heard(event); hear({ is: "interaction", data: event.data }); });
        source.addEventListener("gap", (event) => { heard(event); hear({ is: "gap" }); });
      };
      begin();
      document.addEventListener("visibilitychange", () => { if (document.hidden) end(); else begin(); }, { signal });
      addEventListener("pagehide", end, { signal });
      addEventListener("pageshow", begin, { signal });
      return { close() { closed.abort(); end(); } };
    },
  });

  // The page uses the browser's time zone unless the address names one: a cookie sends it, and the page reloads.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const told = () => decodeURIComponent(/(?:^|; )tz=([^;]*)/.exec(document.cookie)?.[1] ?? "");
  if (zone && told() !== zone) {
    document.cookie = `tz=${encodeURIComponent(zone)}; path=/; max-age=31536000; SameSite=Strict`;
    if (told() === zone && zone !== root.dataset.zone && !new URLSearchParams(location.search).has("tz")) location.reload();
  }
  document.addEventListener("focusin", (event) => {
    if (event.target.id !== "tz") return;
    const zones = $("#zones");
    const known = new Set([...zones.children].map((option) => option.value));
    for (const name of [zone, ...(Intl.supportedValuesOf?.("timeZone") ?? [])]) if (!known.has(name)) zones.append(new Option(name, name));
  });

  // Theme: the system's, or its opposite.
  $("#theme").addEventListener("click", () => {
    const isDark = root.classList.contains("dark") || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
    const next = isDark ? "light" : "dark";
    root.classList.remove("light", "dark");
    root.classList.add(next);
    try { localStorage.setItem("theme", next); } catch { /* not kept */ }
  });

  // Copying.
  const copy = async (text, what) => {
    try { await navigator.clipboard.writeText(text); hearken.announce(`${what} copied`); return true; } catch { hearken.announce("Copying is not allowed here"); return false; }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-link], [data-copy-from]");
    if (!button) return;
    const { copy: element, copyFrom: address } = button.dataset;
    const label = button.textContent;
    let isCopied;
    if (element) isCopied = await copy($(element).textContent, "Command");
    else if (address) isCopied = await copy(await (await fetch(address)).text(), "Text");
    else isCopied = await copy(location.href, "Link");
    if (isCopied) {
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1500);
    }
  });

  // One menu at a time; Escape and clicks elsewhere close it.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  const help = $("#keys");
  $("#keys-button").addEventListener("click", () => help.showModal());
  hearken.keys["?"] = () => help.showModal();
  hearken.keys["/"] = () => { const q = $("#q"); if (q) { q.focus(); q.select(); } };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
      if (isTyping) { event.preventDefault(); isTyping.blur(); return; } // browsers would clear a search box
    }
    const action = !isTyping && hearken.keys[event.key];
    if (action) { event.preventDefault(); action(event); }
  });

  // Put the cursor at the mistake.
  const q = $("#q");
  if (q?.dataset.position !== undefined) {
    const at = [...q.value].slice(0, Number(q.dataset.position)).join("").length;
    q.focus();
    q.setSelectionRange(at, at);
  }

  hearken.times(document);
  setInterval(() => hearken.times(document), 30_000);
})();
