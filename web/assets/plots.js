// Plots: immediate tooltips, also by keyboard; one Tab stop per plot, whose marks the arrow keys walk;
// brushing over bars.
"use strict";
(() => {
  const hearken = window.hearken;
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true"); // the mark's own label says the same
  tip.hidden = true;
  document.body.append(tip);
  const MARK = "svg[role=group] a[aria-label], svg[role=group] [data-tip]";
  const text = (mark) => mark.dataset.tip ?? mark.getAttribute("aria-label");
  const show = (mark) => {
    tip.textContent = text(mark);
    tip.hidden = false;
    const shape = mark.querySelector(".bar, .point, .span") ?? mark;
    const box = shape.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const left = Math.min(Math.max(4, box.left + box.width / 2 - size.width / 2), document.documentElement.clientWidth - size.width - 4);
    const above = box.top - size.height - 6;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above > 4 ? above : box.bottom + 6) + scrollY}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const [event, isOver] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(event, ({ target }) => { const mark = target.closest?.(MARK); if (mark && isOver) show(mark); else hide(); });
  }
  addEventListener("scroll", hide, { passive: true, capture: true });

  const marks = (svg) => [...svg.querySelectorAll("a[aria-label]")];
  document.addEventListener("keydown", (event) => {
    const mark = event.target.closest?.("svg[role=group] a");
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!mark || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const all = marks(mark.closest("svg"));
    const next = all[Math.min(Math.max(all.indexOf(mark) + step, 0), all.length - 1)];
    mark.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });

  // Selects whole bars, so that the search finds what the bars count.
  const brushable = (figure) => {
    const bounds = figure.dataset.bounds.split(" ").map(Number);
    const bars = bounds.length - 1;
    const svg = figure.querySelector("svg");
    if (bars < 1 || !svg) return;
    const brush = document.createElement("span");
    brush.className = "brush";
    brush.hidden = true;
    figure.append(brush);
    let start = null;
    const at = (event) => {
      const box = svg.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    const span = (event) => { const here = at(event); return [Math.min(bars - 1, Math.floor(Math.min(start, here) * bars)), Math.max(1, Math.ceil(Math.max(start, here) * bars))]; };
    svg.addEventListener("pointerdown", (event) => { if (event.button === 0) { start = at(event); event.preventDefault(); svg.setPointerCapture(event.pointerId); } });
    svg.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [low, high] = span(event);
      const width = svg.clientWidth;
      brush.hidden = false;
      brush.style.top = `${svg.getBoundingClientRect().top - figure.getBoundingClientRect().top}px`;
      brush.style.height = `${svg.clientHeight}px`;
      brush.style.left = `${svg.getBoundingClientRect().left - figure.getBoundingClientRect().left + (low / bars) * width}px`;
      brush.style.width = `${((high - low) / bars) * width}px`;
    });
    svg.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const isClick = Math.abs(at(event) - start) * svg.clientWidth < 4;
      const [low, high] = span(event);
      start = null;
      brush.hidden = true;
      if (isClick) {
        // A click follows the link of the bar under it.
        const bar = document.elementsFromPoint(event.clientX, event.clientY).find((element) => element.closest("a"))?.closest("a");
        if (bar) location.assign(bar.getAttribute("href"));
        return;
      }
      const address = hearken.firstPage();
      address.searchParams.set("since", new Date(bounds[low]).toISOString());
      address.searchParams.set("until", new Date(bounds[high]).toISOString());
      location.assign(address);
    });
    svg.addEventListener("pointercancel", () => { start = null; brush.hidden = true; });
  };

  // Sets up the plots of a page, or of a part that was replaced.
  hearken.plots = (scope) => {
    for (const title of scope.querySelectorAll("svg[role=group] title")) {
      if (!title.closest("a")) title.parentElement.dataset.tip = title.textContent;
      title.remove(); // the browser's own tooltip would be late and a duplicate
    }
    for (const svg of scope.querySelectorAll("svg[role=group]")) marks(svg).forEach((mark, idx) => { mark.setAttribute("tabindex", idx === 0 ? "0" : "-1"); });
    for (const figure of scope.querySelectorAll("[data-bounds]")) brushable(figure);
  };
})();
