// The list: keys, filters chosen in place, new matches that wait, rows that stay true.
"use strict";
(() => {
  const hearken = window.hearken;
  const $ = (selector, scope = document) => scope.querySelector(selector);
  const $$ = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const rows = () => $$("#rows > .row");
  const idOf = (row) => row.dataset.id;

  // Where `j` and `k` are: the row that has the focus.
  const current = () => rows().findIndex((row) => row.contains(document.activeElement));
  const go = (idx) => { const row = rows()[idx]; if (row) { $(".open", row).focus({ preventScroll: true }); row.scrollIntoView({ block: "nearest" }); } };
  hearken.keys.j = () => go(Math.min(current() + 1, rows().length - 1));
  hearken.keys.k = () => go(Math.max(current() - 1, 0));
  hearken.keys.n = () => $("#next")?.click();
  hearken.keys.p = () => $("#previous")?.click();
  hearken.keys.e = () => { const menu = $("#export"); if (menu) { menu.open = true; $("a", menu).focus(); } };
  hearken.keys.f = () => {
    const filters = $("#filters");
    if (getComputedStyle(filters).display === "none") location.hash = "#filters";
    $("summary", filters)?.focus();
  };
  // Whoever comes back from an interaction goes on at its row, which the address names.
  const goToNamed = () => { const idx = rows().findIndex((row) => `#${$(".open", row).id}` === location.hash); if (idx >= 0) go(idx); };
  goToNamed();

  const read = async (address) => {
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.redirected || !answer.headers.get("content-type")?.includes("text/html")) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    hearken.times(page);
    return page;
  };

  // Rows that are in view stay true: the server renders those that changed, this page takes over what they say. What
  // ended may have left the search, so that no event tells of it; rows in progress are asked for now and then.
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
    const fresh = await read(address).catch(() => null);
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

  // New matches wait behind a button: what is being read does not move.
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
    if (stream && events > 0) $("[data-live-text]").textContent = `live ${(events / seconds).toFixed(events / seconds < 10 ? 1 : 0)}/s`;
    if (seconds > 5) { since = performance.now(); events = 0; }
  }, 1000);

  // A filter changes the list in place: what was read, opened and focused stays.
  const isFilter = (link) => link.matches(".filters a, .chips a, .facts.head a") && link.pathname === "/" && !link.getAttribute("href").startsWith("#");
  // Selectors of where the focus goes then, best first.
  const focused = () => {
    const at = document.activeElement;
    const value = at?.closest("[data-value]");
    const facet = at?.closest("[data-facet]");
    const of = facet && `[data-facet="${CSS.escape(facet.dataset.facet)}"]`;
    if (value && of) return [`${of} [data-value="${CSS.escape(value.dataset.value)}"] ${at.matches(".exclude") ? ".exclude" : ".value"}`, `${of} summary`];
    if (at?.closest(".chips")) return [".chips a"];
    const column = at?.closest(".facts.head a")?.className;
    return column ? [`.facts.head a.${column}`] : of ? [`${of} summary`] : [];
  };
  let asked = location.pathname + location.search;
  const turn = async (address, isBack) => {
    asked = address;
    const fresh = await read(address).catch(() => null);
    if (asked !== address) return; // another one was chosen meanwhile
    const results = fresh && $("#results", fresh);
    if (!results) { if (isBack) location.reload(); else location.assign(address); return; }
    const [top, filtersTop, goTo] = [scrollY, $("#filters").scrollTop, focused()];
    const isOpen = new Map($$(".facet").map((facet) => [facet.dataset.facet, facet.open]));
    const main = $("#main"), search = $(".search-row");
    for (const element of [...main.children]) if (search.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING) element.remove();
    const freshSearch = $(".search-row", fresh);
    while (freshSearch.nextElementSibling) main.append(document.adoptNode(freshSearch.nextElementSibling));
    for (const selector of [".search-row > .menu", ".top nav"]) { const [old, next] = [$(selector), $(selector, fresh)]; if (old && next) old.replaceWith(document.adoptNode(next)); }
    const form = $("#search");
    for (const input of $$("input[type=hidden]", form)) input.remove();
    form.append(...$$("#search > input[type=hidden]", fresh).map((input) => document.adoptNode(input)));
    $("#q").value = $("#q", fresh).value;
    document.title = fresh.title;
    if (!isBack) history.pushState(null, "", address);
    for (const facet of $$(".facet")) if (isOpen.get(facet.dataset.facet) !== undefined) facet.open ||= isOpen.get(facet.dataset.facet);
    arrive();
    $("#filters").scrollTop = filtersTop;
    const seen = goTo.flatMap((selector) => $$(selector)).find((element) => element.getClientRects().length > 0);
    (seen ?? $("#results")).focus({ preventScroll: true });
    scrollTo({ top, behavior: "instant" });
    hearken.announce($(".outcome strong")?.textContent ?? $("#results h2")?.textContent ?? "");
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !isFilter(link)) return;
    event.preventDefault();
    turn(link.pathname + link.search, false);
  });
  addEventListener("popstate", () => {
    const address = location.pathname + location.search;
    if (address === asked) { goToNamed(); return; } // only the fragment changed
    turn(address, true);
  });

  // What each list needs, the first one and those that take its place.
  const arrive = () => {
    listen();
    hearken.plots(document);
    hearken.facets();
  };
  arrive();
})();
