// The list: keys, brushing, search inside a facet, new matches that wait.
"use strict";
(() => {
  const hearken = window.hearken;
  const $ = (selector, scope = document) => scope.querySelector(selector);
  const rows = [...document.querySelectorAll("#rows > .row")];
  const links = rows.map((row) => $(".open", row));

  // Where `j` and `k` are: the row that has the focus.
  const current = () => rows.findIndex((row) => row.contains(document.activeElement));
  const go = (idx) => { if (links[idx]) { links[idx].focus({ preventScroll: true }); rows[idx].scrollIntoView({ block: "nearest" }); } };
  hearken.keys.j = () => go(Math.min(current() + 1, links.length - 1));
  hearken.keys.k = () => go(Math.max(current() - 1, 0));
  hearken.keys.n = () => $("#next")?.click();
  hearken.keys.p = () => $("#previous")?.click();
  hearken.keys.e = () => { const menu = $("#export"); if (menu) { menu.open = true; $("a", menu).focus(); } };
  hearken.keys.f = () => {
    const filters = $("#filters");
    if (getComputedStyle(filters).display === "none") location.hash = "#filters";
    $("summary", filters)?.focus();
  };

  // The page of an interaction leads back here, and on to the next one.
  hearken.remember("results", {
    address: location.pathname + location.search,
    total: Number($("[data-total]")?.dataset.total ?? 0),
    items: links.map((link) => link.getAttribute("href")),
    ids: rows.map((row) => row.dataset.id),
  });
  const back = hearken.recall("opened");
  if (back) { sessionStorage.removeItem("opened"); const idx = rows.findIndex((row) => row.dataset.id === back); if (idx >= 0) go(idx); }

  // New matches wait behind a button: what is being read does not move.
  const fresh = $("#fresh");
  if (fresh && "live" in fresh.dataset && window.EventSource) {
    const shown = new Set(rows.map((row) => row.dataset.id));
    const waiting = new Set();
    let since = performance.now(), events = 0;
    hearken.stream(fresh, (interaction) => {
      events += 1;
      if (interaction.id === undefined || shown.has(interaction.id)) return;
      waiting.add(interaction.id);
      fresh.hidden = false;
      fresh.textContent = `Show ${waiting.size} new`;
    }, () => {
      fresh.hidden = false;
      fresh.textContent = "Show what is new";
    });
    setInterval(() => {
      const seconds = (performance.now() - since) / 1000;
      const text = $("[data-live-text]");
      if (events > 0) text.textContent = `live ${(events / seconds).toFixed(events / seconds < 10 ? 1 : 0)}/s`;
      if (seconds > 5) { since = performance.now(); events = 0; }
    }, 1000);
    fresh.addEventListener("click", () => location.reload());
  }
  const first = $("#waiting");
  if (first && window.EventSource) hearken.stream(first, () => location.reload(), () => location.reload());

  // This address on the first page of its list.
  const firstPage = () => {
    const address = new URL(location.href);
    for (const name of ["cursor", "back", "page", "as_of"]) address.searchParams.delete(name);
    address.hash = "";
    return address;
  };

  // Brushing the histogram.
  const histogram = $(".histogram");
  if (histogram) {
    const bounds = histogram.dataset.bounds.split(" ").map(Number);
    const bars = bounds.length - 1;
    let start = null;
    const brush = document.createElement("span");
    brush.className = "brush";
    brush.hidden = true;
    histogram.append(brush);
    // Whole bars, so that what is found is what the bars count.
    const at = (event) => { const box = histogram.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)); };
    const brushed = (event) => { const here = at(event); return [Math.min(bars - 1, Math.floor(Math.min(start, here) * bars)), Math.max(1, Math.ceil(Math.max(start, here) * bars))]; };
    histogram.addEventListener("pointerdown", (event) => { if (event.button === 0) { start = at(event); event.preventDefault(); histogram.setPointerCapture(event.pointerId); } });
    histogram.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [low, high] = brushed(event);
      brush.hidden = false;
      brush.style.left = `${(low / bars) * 100}%`;
      brush.style.width = `${((high - low) / bars) * 100}%`;
    });
    histogram.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const isClick = Math.abs(at(event) - start) * histogram.clientWidth < 4;
      const [low, high] = brushed(event);
      start = null;
      brush.hidden = true;
      if (isClick) {
        // A click goes to the bar under it.
        const bar = document.elementsFromPoint(event.clientX, event.clientY).find((element) => element.closest("a"))?.closest("a");
        if (bar) location.assign(bar.getAttribute("href"));
        return;
      }
      const address = firstPage();
      address.searchParams.set("since", new Date(bounds[low]).toISOString());
      address.searchParams.set("until", new Date(bounds[high]).toISOString());
      location.assign(address);
    });
    histogram.addEventListener("pointercancel", () => { start = null; brush.hidden = true; });
  }

  // Search inside a long facet: all values are asked for once, then narrowed here.
  for (const facet of document.querySelectorAll(".facet")) {
    const find = $(".find", facet);
    if (!find) continue;
    const list = $("ul", facet);
    const before = [...list.children];
    const shown = new Map(before.map((row) => [row.dataset.value, row]));
    let values = null;
    const load = async () => {
      const address = new URL($("#filters").dataset.search, location.href);
      for (const [name, value] of [["facets", facet.dataset.facet], ["facet_size", "1000"], ["limit", "0"]]) address.searchParams.set(name, value);
      const answer = await fetch(address);
      values = answer.ok ? (await answer.json()).facets[facet.dataset.facet] : [];
    };
    const link = ({ value, count }) => {
      if (shown.has(String(value ?? ""))) return shown.get(String(value ?? ""));
      const item = document.createElement("li");
      const a = document.createElement("a");
      const address = firstPage();
      address.searchParams.append(facet.dataset.facet, value ?? "");
      a.className = "value";
      a.href = address.search;
      for (const [name, text] of [["check", ""], ["name", value ?? "not available"], ["count", count.toLocaleString("en")]]) {
        const span = document.createElement(name === "name" ? "bdi" : "span");
        span.className = name;
        span.textContent = text;
        a.append(span);
      }
      item.append(a);
      return item;
    };
    find.addEventListener("input", async () => {
      const wanted = find.value.trim().toLocaleLowerCase();
      if (wanted === "") { list.replaceChildren(...before); return; }
      if (!values) await load();
      if (find.value.trim().toLocaleLowerCase() !== wanted) return;
      const found = values.filter(({ value }) => String(value ?? "not available").toLocaleLowerCase().includes(wanted));
      list.replaceChildren(...found.slice(0, 30).map(link));
      hearken.announce(`${found.length} values`);
    });
  }
})();
