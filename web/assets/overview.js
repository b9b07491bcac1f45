// The overview: its plots and facets.
"use strict";
window.hearken.changesInPlace(() => {
  window.hearken.plots(document);
  window.hearken.facets();
});
