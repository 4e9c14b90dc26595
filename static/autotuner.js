// Comforts on top of pages that work without any script.
(() => {
  "use strict";

  let leaving = false; // a request that the browser breaks off for the next page is no fault
  window.addEventListener("beforeunload", () => {
    leaving = true;
    setTimeout(() => {
      leaving = false; // it was a download
    }, 3000);
  });

  // Copy buttons: data-copy names the element whose text is copied.
  const copyText = async (source) => {
    const text = source.textContent.trim();
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(text);
      return;
    }
    // A site on plain HTTP in a local network has no clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("copying is not allowed here");
  };

  const announce = (text) => {
    const region = document.getElementById("announcements");
    if (region) region.textContent = text;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (button) {
      const source = document.getElementById(button.dataset.copy);
      try {
        await copyText(source);
        button.dataset.copied = "yes";
        announce("Copied");
        setTimeout(() => delete button.dataset.copied, 1600);
      } catch {
        getSelection().selectAllChildren(source);
        announce("Selected: press Ctrl+C to copy");
      }
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A form that is on its way cannot be sent a second time.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (event.submitter?.hasAttribute("data-download")) return; // the page stays
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (event.defaultPrevented) return; // htmx sends it, and disables its buttons itself
    form.dataset.sent = "yes";
    setTimeout(() => {
      for (const button of form.querySelectorAll("button")) button.disabled = true;
    });
  });
  window.addEventListener("pageshow", () => {
    leaving = false;
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });

  // A page that follows a task keeps what the reader opened or is sending.
  window.htmx?.registerExtension("keep-state", {
    htmx_before_morph_attr: (element, detail) =>
      !(detail.attrName === "open" && element.tagName === "DETAILS") &&
      !(detail.attrName === "disabled" && element.form?.dataset.sent) &&
      !(detail.attrName === "data-sent" || detail.attrName === "data-copied"),
  });

  // A log shows its end, and goes on showing it unless the reader has scrolled away.
  const logs = () => document.querySelectorAll(".log pre");
  let atEnd = new Set();
  const showEnds = (those) => {
    for (const log of those) log.scrollTop = log.scrollHeight;
  };
  showEnds(logs());
  document.addEventListener("htmx:before:swap", () => {
    const isAtEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    atEnd = new Set([...logs()].filter(isAtEnd));
  });
  document.addEventListener("htmx:after:swap", () => showEnds(atEnd));

  const lost = (isLost) => {
    const notice = document.getElementById("connection-lost");
    if (notice) notice.hidden = !isLost || leaving;
  };
  document.addEventListener("htmx:error", () => lost(true));
  document.addEventListener("htmx:after:request", (event) => {
    lost(event.detail.ctx.response.status >= 500);
  });
})();
