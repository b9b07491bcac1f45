// Facets: search inside a long one.
"use strict";
(() => {
  const hearken = window.hearken;
  const $ = (selector, scope = document) => scope.querySelector(selector);

  // Search inside a long facet: all values are asked for once, then narrowed here.
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

  // What the facets of a page, or those that take their place, need.
  hearken.facets = () => { for (const facet of document.querySelectorAll(".facet")) findable(facet); };
})();
