// Inside Airflow's frame, the theme is the one that the person chose there.
(() => {
  try {
    const outer = window.parent.document.documentElement;
    const copy = () => {
      document.documentElement.dataset.theme = outer.classList.contains("dark") ? "dark" : "light";
    };
    if (window.parent !== window) {
      copy();
      new MutationObserver(copy).observe(outer, { attributes: true, attributeFilter: ["class"] });
    }
  } catch (error) {
    // The frame of another origin: the browser's own preference holds.
  }
})();
