// Suggestions in the search box: field names while a word is typed, values after `field:`.
"use strict";
(() => {
  const q = document.querySelector("#q");
  if (!q) return;
  const fields = q.dataset.fields.split(" ");
  const scopes = q.dataset.scopes.split(" ");
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  q.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", "suggestions"]]) q.setAttribute(name, value);

  let items = [], chosen = -1, asked = 0;
  const known = new Map();

  // The word before the cursor, and where it begins.
  const word = () => {
    const before = q.value.slice(0, q.selectionStart);
    const text = before.match(/(?:[^\s()"]|"[^"]*"?)*$/)[0];
    return { text: text.replace(/^-/, ""), begin: before.length - text.replace(/^-/, "").length };
  };
  const close = () => { list.hidden = true; items = []; chosen = -1; q.setAttribute("aria-expanded", "false"); q.removeAttribute("aria-activedescendant"); };
  const choose = (idx) => {
    chosen = idx;
    [...list.children].forEach((child, at) => child.setAttribute("aria-selected", String(at === idx)));
    if (idx >= 0) { q.setAttribute("aria-activedescendant", `suggestion-${idx}`); list.children[idx].scrollIntoView({ block: "nearest" }); } else q.removeAttribute("aria-activedescendant");
  };
  const take = (idx) => {
    const { begin } = word();
    const text = items[idx].insert;
    q.setRangeText(text, begin, q.selectionStart, "end");
    close();
    if (text.endsWith(":")) update();
  };
  const show = (found) => {
    items = found.slice(0, 12);
    if (items.length === 0) return close();
    list.replaceChildren(...items.map((item, idx) => {
      const option = document.createElement("li");
      option.id = `suggestion-${idx}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const [label, note] = [document.createElement("bdi"), document.createElement("span")];
      label.textContent = item.label;
      note.textContent = item.note ?? "";
      note.className = "faint";
      option.append(label, note);
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); take(idx); });
      return option;
    }));
    list.hidden = false;
    q.setAttribute("aria-expanded", "true");
    choose(-1);
  };
  const values = async (field) => {
    if (!known.has(field)) {
      const answer = await fetch(`/v1/interactions?limit=0&facet_size=200&facets=${encodeURIComponent(field)}`);
      known.set(field, answer.ok ? (await answer.json()).facets[field].filter(({ value }) => value !== null) : []);
    }
    return known.get(field);
  };
  const quoted = (text) => (/^[\p{L}\p{N}_.]+$/u.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`);
  const update = async () => {
    const turn = ++asked;
    const { text } = word();
    const [, field, begun] = text.match(/^([a-z_][\w.]*):"?([^"]*)$/) ?? [];
    if (field !== undefined) {
      if (scopes.includes(field) && !fields.includes(field)) return close();
      let found = [];
      try { found = await values(field); } catch { /* suggestions are optional */ }
      if (turn !== asked) return;
      const wanted = begun.toLocaleLowerCase();
      return show(found.filter(({ value }) => String(value).toLocaleLowerCase().includes(wanted) && String(value).toLocaleLowerCase() !== wanted)
        .map(({ value, count }) => ({ label: String(value), note: count.toLocaleString("en"), insert: `${field}:${quoted(String(value))} ` })));
    }
    if (text.length < 2) return close();
    const names = [...new Set([...fields, ...scopes])].filter((name) => name.startsWith(text.toLowerCase()));
    show(names.map((name) => ({ label: `${name}:`, note: scopes.includes(name) ? "text" : "field", insert: `${name}:` })));
  };
  q.addEventListener("input", update);
  q.addEventListener("blur", close);
  q.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose((chosen + step + items.length) % items.length); }
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) { event.preventDefault(); take(chosen); }
    else if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); }
  });
})();
