// Charts follow their run: they are fetched again only when an experiment has changed them.
(() => {
  "use strict";

  let isOutdated = false;
  window.htmx?.registerExtension("charts", {
    // A poll of the page brings no charts, only the version that they would have.
    htmx_before_morph_node: (element, detail) => {
      if (element.id !== "charts" || !("stub" in detail.newNode.dataset)) return true;
      isOutdated ||= element.dataset.version !== detail.newNode.dataset.version;
      return false;
    },
  });

  // Within a swap nothing else can be asked for.
  document.addEventListener("htmx:after:swap", () => {
    if (!isOutdated) return;
    isOutdated = false;
    setTimeout(() => htmx.trigger("#charts", "charts-changed"));
  });

  // The chart that is shown stands in the address, so that it is there after a reload.
  document.addEventListener("htmx:after:swap", () => {
    const page = document.getElementById("charts")?.dataset.page;
    if (page && page !== location.search) history.replaceState(history.state, "", page);
  });
})();
