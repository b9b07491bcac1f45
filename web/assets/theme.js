// Runs before the first paint, so that the wrong theme does not flash.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.classList.add(theme);
  } catch { /* storage may be forbidden; the system's theme stays */ }
})();
