// Charts follow their run: they are fetched again only when an experiment has changed them.
(() => {
  "use strict";

  window.htmx?.registerExtension("charts", {
    // A poll of the page brings no charts, only the version that they would have.
    htmx_before_morph_node: (element, detail) => {
      if (element.id !== "charts" || !("stub" in detail.newNode.dataset)) return true;
      element.dataset.wanted = detail.newNode.dataset.version;
      return false;
    },
  });

  document.addEventListener("htmx:after:swap", () => {
    const charts = document.getElementById("charts");
    if (!charts) return;
    const { page, version, wanted } = charts.dataset;
    // Not before the poll is through: until then nothing inside of it is asked for.
    if (wanted && wanted !== version) setTimeout(() => htmx.trigger(charts, "charts-changed"), 50);
    // The chart that is shown stands in the address, so that it is there after a reload.
    if (page && page !== location.search) history.replaceState(history.state, "", page);
  });
})();
