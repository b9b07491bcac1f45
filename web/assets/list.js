// The list: keys, new matches that wait behind a button, rows kept up to date.
"use strict";
(() => {
  const hearken = window.hearken;
  const $ = (selector, scope = document) => scope.querySelector(selector);
  const $$ = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const rows = () => $$("#rows > .row");
  const idOf = (row) => row.dataset.id;

  // The row that `j` and `k` start from: the one that has the focus.
  const current = () => rows().findIndex((row) => row.contains(document.activeElement));
  const go = (idx) => { const row = rows()[idx]; if (row) { $(".open", row).focus({ preventScroll: true }); row.scrollIntoView({ block: "nearest" }); } };
  hearken.keys.j = () => go(Math.min(current() + 1, rows().length - 1));
  hearken.keys.k = () => go(Math.max(current() - 1, 0));
  hearken.keys.n = () => $("#next")?.click();
  hearken.keys.p = () => $("#previous")?.click();
  hearken.keys.e = () => { const menu = $("#export"); if (menu) { menu.open = true; $("a", menu).focus(); } };
  // Coming back from an interaction, go on at its row, which the address names.
  const goToNamed = () => { const idx = rows().findIndex((row) => `#${$(".open", row).id}` === location.hash); if (idx >= 0) go(idx); };
  goToNamed();

  // Rows in view are kept up to date: the server renders those that changed, this page takes over the result.
  // An interaction that ends may leave the search, so that no event announces it; rows in progress are polled
  // now and then.
  const SETTLE_MS = 1_000, LOOK_MS = 15_000;
  const changed = new Set();
  let settling = null;
  const refresh = async () => {
    settling = null;
    const ids = [...changed];
    changed.clear();
    if (document.hidden || ids.length === 0) return;
    const address = new URL("/", location.href);
    const shown = new URL(location.href).searchParams;
    for (const name of ["tz", "columns"]) for (const value of shown.getAll(name)) address.searchParams.append(name, value);
    for (const id of ids.slice(0, 100)) address.searchParams.append("id", id);
    for (const [name, value] of [["limit", "100"], ["facets", "status"]]) address.searchParams.set(name, value);
    const fresh = await hearken.read(address).catch(() => null);
    if (!fresh) return;
    const known = new Map(rows().map((row) => [idOf(row), row]));
    for (const row of $$("#rows > .row", fresh)) {
      const old = known.get(idOf(row));
      if (!old || $(".facts", old).textContent + $(".open", old).textContent === $(".facts", row).textContent + $(".open", row).textContent) continue;
      $(".facts", old).replaceWith(document.adoptNode($(".facts", row)));
      $(".open", old).replaceChildren(...$(".open", row).childNodes);
    }
  };
  const isStale = (id) => { changed.add(id); settling ??= setTimeout(refresh, SETTLE_MS); };
  setInterval(() => { for (const row of rows()) if ($(".status.in_progress", row)) isStale(idOf(row)); }, LOOK_MS);

  // New matches wait behind a button, so that what is being read does not move.
  let stream = null;
  let since = 0, events = 0;
  const listen = () => {
    stream?.close();
    stream = null;
    const fresh = $("#fresh"), first = $("#waiting");
    if (!window.EventSource) return;
    if (first) { stream = hearken.stream(first, () => location.reload(), () => location.reload()); return; }
    if (!fresh) return;
    const isFirst = "first" in fresh.dataset;
    const shown = new Set(rows().map(idOf));
    const waiting = new Set();
    [since, events] = [performance.now(), 0];
    stream = hearken.stream(fresh, (interaction) => {
      events += 1;
      if (interaction.id === undefined) return;
      if (shown.has(interaction.id)) { isStale(interaction.id); return; }
      if (!isFirst) return;
      waiting.add(interaction.id);
      fresh.hidden = false;
      fresh.textContent = `Show ${waiting.size} new`;
    }, () => {
      for (const id of shown) isStale(id);
      if (!isFirst) return;
      fresh.hidden = false;
      fresh.textContent = "Show what is new";
    });
    fresh.addEventListener("click", () => { history.replaceState(null, "", location.pathname + location.search); location.reload(); });
  };
  setInterval(() => {
    const seconds = (performance.now() - since) / 1000;
    if (stream && events > 0) {
      const rate = (events / seconds).toFixed(events / seconds < 10 ? 1 : 0);
      $("[data-live-text]").textContent = `live · ${rate} changes/s`;
      $("#live").title = `${rate} times a second, an interaction of this search begins or changes`;
    }
    if (seconds > 5) { since = performance.now(); events = 0; }
  }, 1000);

  // Sets up the list, at first and whenever it is replaced.
  hearken.changesInPlace(() => {
    listen();
    hearken.plots(document);
    hearken.facets();
  }, goToNamed);
})();
