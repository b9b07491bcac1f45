// Filters: applied in place; search within a long facet.
"use strict";
(() => {
  const hearken = window.hearken;
  const $ = (selector, scope = document) => scope.querySelector(selector);
  const $$ = (selector, scope = document) => [...scope.querySelectorAll(selector)];

  hearken.keys.f = () => {
    const filters = $("#filters");
    if (getComputedStyle(filters).display === "none") location.hash = "#filters";
    $("summary", filters)?.focus();
  };

  // Search within a long facet: all values are fetched once, then narrowed here.
  const findable = (facet) => {
    const find = $(".find", facet);
    if (!find) return;
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
      const address = hearken.firstPage();
      address.searchParams.append(facet.dataset.facet, value ?? "");
      item.dataset.value = value ?? "";
      a.className = "value";
      a.href = `${$("#filters").dataset.path}${address.search}`;
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
  };

  // On narrow screens the address opens the panel. A browser forgets its target once the panel is replaced, so a class
  // keeps it open.
  const isOpened = () => location.hash === "#filters";
  const openOrClose = () => $("#filters")?.classList.toggle("opened", isOpened());
  addEventListener("hashchange", openOrClose);

  // Sets up the facets of a page, and those that replace them.
  hearken.facets = () => { openOrClose(); for (const facet of $$(".facet")) findable(facet); };

  // Fetches another page of this server, to take parts from; null if it redirects or is not a page.
  hearken.read = async (address) => {
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.redirected || !answer.headers.get("content-type")?.includes("text/html")) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    hearken.times(page);
    return page;
  };

  // Links to the same page with another filter or order.
  const IN_PLACE = ".filters a, .chips a, .facts.head a, .plot thead a, .plot .between a";
  const isInPlace = (link) => link.matches(IN_PLACE) && link.pathname === location.pathname && !link.getAttribute("href").startsWith("#");
  // Selectors for where the focus goes afterwards, best first.
  const focused = () => {
    const at = document.activeElement;
    const value = at?.closest("[data-value]");
    const facet = at?.closest("[data-facet]");
    const of = facet && `[data-facet="${CSS.escape(facet.dataset.facet)}"]`;
    if (value && of) return [`${of} [data-value="${CSS.escape(value.dataset.value)}"] ${at.matches(".exclude") ? ".exclude" : ".value"}`, `${of} summary`];
    if (at?.closest(".chips")) return [".chips a"];
    const column = at?.closest(".facts.head a")?.className;
    if (column) return [`.facts.head a.${column}`];
    const plot = at?.closest(IN_PLACE)?.closest(".plot[id]");
    const head = at?.closest("th");
    if (plot) return [head ? `#${plot.id} th:nth-child(${head.cellIndex + 1}) a` : `#${plot.id} .between a`];
    return of ? [`${of} summary`] : [];
  };
  // Such a link changes the page in place: scroll positions, open facets and the focus stay. `arrive` sets up
  // the page, at first and after each change; `at` is called if only the fragment of the address changed.
  hearken.changesInPlace = (arrive, at = () => {}) => {
    let asked = location.pathname + location.search;
    const turn = async (address, isBack) => {
      asked = address;
      $("#results").setAttribute("aria-busy", "true");
      const fresh = await hearken.read(address).catch(() => null);
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
      if (!isBack) history.pushState(null, "", isOpened() ? `${address}#filters` : address);
      for (const facet of $$(".facet")) if (isOpen.get(facet.dataset.facet) !== undefined) facet.open ||= isOpen.get(facet.dataset.facet);
      arrive();
      $("#filters").scrollTop = filtersTop;
      const seen = goTo.flatMap((selector) => $$(selector)).find((element) => element.getClientRects().length > 0);
      (seen ?? $("#results")).focus({ preventScroll: true });
      scrollTo({ top, behavior: "instant" });
      hearken.announce($(".outcome strong, .outcome a")?.textContent ?? $("#results h2")?.textContent ?? "");
    };
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[href]");
      if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !isInPlace(link)) return;
      event.preventDefault();
      turn(link.pathname + link.search, false);
    });
    addEventListener("popstate", () => {
      const address = location.pathname + location.search;
      if (address === asked) at(); else turn(address, true);
    });
    arrive();
  };
})();
