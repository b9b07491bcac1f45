// The overview: its plots and facets.
"use strict";
window.hearken.plots(document);
window.hearken.facets();
