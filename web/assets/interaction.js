// One interaction: matches, keys for messages, the way back, and live updates while it is in progress.
"use strict";
(() => {
  const hearken = window.hearken;
  const $ = (selector, scope = document) => scope.querySelector(selector);
  const article = $("#interaction");
  if (!article) return;

  hearken.plots(document);

  // Matches.
  let match = -1;
  const marks = () => [...document.querySelectorAll("#messages mark")];
  const count = () => { const label = $("[data-matches]"); if (label) label.textContent = `${match < 0 ? "" : `${match + 1} of `}${marks().length} ${marks().length === 1 ? "match" : "matches"}`; };
  const goToMatch = (step) => {
    const all = marks();
    if (all.length === 0) return;
    all[match]?.classList.remove("now");
    match = match < 0 && step < 0 ? all.length - 1 : (match + step + all.length) % all.length;
    const mark = all[match];
    mark.closest("details")?.setAttribute("open", "");
    mark.classList.add("now");
    mark.scrollIntoView({ block: "center" });
    mark.closest("li").focus({ preventScroll: true });
    count();
    hearken.announce(`Match ${match + 1} of ${all.length}`);
  };
  hearken.keys.n = () => goToMatch(1);
  hearken.keys.p = () => goToMatch(-1);
  $("#match-next")?.addEventListener("click", () => goToMatch(1));
  $("#match-previous")?.addEventListener("click", () => goToMatch(-1));
  count();

  // Messages.
  const messages = () => [...document.querySelectorAll("#messages > li")];
  const go = (step) => {
    const all = messages();
    const at = all.findIndex((message) => message.contains(document.activeElement));
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  };
  hearken.keys.j = () => go(1);
  hearken.keys.k = () => go(-1);
  hearken.keys.Escape = () => $("#back").click();
  hearken.keys.e = () => $("[data-copy-link]")?.focus();

  // The neighbours in the list that it was opened from.
  hearken.keys["["] = () => $("#previous")?.click();
  hearken.keys["]"] = () => $("#following")?.click();

  // The recording, the timeline and the transcript follow each other: what is playing is marked in both, and
  // a time in either seeks the recording.
  const recording = $("#recording");
  if (recording) {
    const from = (message) => Number(message.dataset.from);
    let heard = null;
    const mark = () => {
      const ms = recording.currentTime * 1000;
      const message = messages().filter((each) => from(each) <= ms).at(-1) ?? null;
      if (message !== heard || !message?.classList.contains("heard")) {
        for (const each of document.querySelectorAll("#messages > .heard")) each.classList.remove("heard");
        message?.classList.add("heard");
        if (message && message !== heard && !recording.paused) message.scrollIntoView({ block: "nearest" });
        heard = message;
      }
      const figure = $(".speech"), svg = figure && $("svg", figure);
      if (!svg) return;
      let cursor = $(".cursor", svg);
      if (!cursor) {
        cursor = document.createElementNS(svg.namespaceURI, "line");
        cursor.setAttribute("class", "cursor");
        svg.append(cursor);
      }
      const x = `${Math.min(ms / Number(figure.dataset.end), 1) * 100}%`;
      for (const [name, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", "100%"]]) cursor.setAttribute(name, value);
    };
    for (const event of ["timeupdate", "seeking", "play"]) recording.addEventListener(event, mark);
    document.addEventListener("click", (event) => {
      const link = event.target.closest(".message .at, .speech a, .mood a");
      const message = link && document.getElementById(link.getAttribute("href").slice(1));
      if (message) recording.currentTime = Math.max(from(message), 0) / 1000;
    });
  }

  // Live updates: the server renders, this page takes over what is new. What is being read stays in place.
  if (!article.dataset.stream || !window.EventSource) return;
  let busy = false, again = false, source = null;
  const grow = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      hearken.times(fresh);
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 48;
      for (const selector of [".headline h1", "#summary-line", ".panel", ".mood", ".speech"]) {
        const [old, next] = [$(selector), $(selector, fresh)];
        if (old && next) old.replaceWith(document.adoptNode(next));
        else if (next) $(".transcript").prepend(document.adoptNode(next));
      }
      hearken.plots(document);
      const list = $("#messages"), next = $("#messages", fresh);
      if (!list && next) $(".transcript").append(document.adoptNode(next));
      if (list && next) {
        const shown = new Map([...list.children].map((message) => [message.id, message]));
        let at = null;
        for (const message of [...next.children]) {
          const old = shown.get(message.id);
          if (!old) {
            const added = document.adoptNode(message);
            added.classList.add("arrived");
            if (at) at.after(added); else list.prepend(added);
            at = added;
          } else {
            if ($(".words", old)?.textContent !== $(".words", message)?.textContent) $(".said", old).replaceWith(document.adoptNode($(".said", message)));
            $(".mark-feel", old).replaceWith(document.adoptNode($(".mark-feel", message)));
            at = old;
          }
        }
        if (atEnd) scrollTo({ top: document.documentElement.scrollHeight });
      }
      count();
      if (!$("#interaction", fresh)?.dataset.stream) { source.close(); $("#live").hidden = true; }
    } finally {
      busy = false;
      if (again) { again = false; setTimeout(grow, 200); }
    }
  };
  source = hearken.stream(article, grow, grow);
})();
